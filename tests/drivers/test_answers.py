"""Every way of calling the official SDKs gives the same answer, as it was scripted."""

from __future__ import annotations

import gc
import warnings
from typing import TYPE_CHECKING

import pytest

from conformance.drivers import EVERY_MODE, PLAIN, Ask, Mode, Tape, Tool, ToolResult, Turn
from conformance.surface import CORE, Surface
from conformance.upstream import RedactedThinking, Reply, Thinking, ToolCall, Usage

if TYPE_CHECKING:
    from conformance.drivers import Answer, ChatClient, MessagesClient
    from conformance.upstream import Upstream
    from tests.drivers.conftest import Knock

THINKERS = (Surface.OPENAI_RESPONSES, Surface.ANTHROPIC_MESSAGES)
CALLS = (ToolCall("call_one", "weather", '{"city": "Tromsø"}'), ToolCall("call_two", "clock", "{}"))
RICH = Reply(
    text="Let me look at both.\u2028☕",
    tool_calls=CALLS,
    usage=Usage(input=900, output=80, cache_read=700, cache_write=150, reasoning=40),
)
COUNTED = {"stream_options": {"include_usage": True}}


async def answered(knock: Knock, upstream: Upstream, surface: Surface, mode: Mode, reply: Reply) -> Answer:
    script = await upstream.answers(reply)
    counted = surface == Surface.OPENAI_CHAT and mode.streams
    return await knock(surface, mode, Tape()).ask(Ask(script.prompt, fields=COUNTED if counted else {}))


@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("surface", CORE)
async def test_text_tools_and_usage_are_those_of_the_script(
    knock: Knock, upstream: Upstream, surface: Surface, mode: Mode
) -> None:
    answer = await answered(knock, upstream, surface, mode, RICH)
    assert answer.text == RICH.text
    assert [(call.id, call.name) for call in answer.tool_calls] == [(call.id, call.name) for call in CALLS]
    assert [call.arguments.replace("\\u00f8", "ø") for call in answer.tool_calls] == [c.arguments for c in CALLS]
    assert (answer.stop, answer.usage, answer.refusal, answer.model) == ("tool-use", RICH.usage, None, "m")
    assert answer.id


@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("surface", THINKERS)
async def test_thinking_arrives_with_its_proof(knock: Knock, upstream: Upstream, surface: Surface, mode: Mode) -> None:
    thinking = (RedactedThinking("b3BhcXVl"), Thinking("First the tides.", "c2lnbmF0dXJl"))
    answer = await answered(knock, upstream, surface, mode, Reply(text="42", thinking=thinking))
    assert (answer.thinking, answer.text, answer.stop) == (thinking, "42", "end")


@pytest.mark.parametrize("mode", PLAIN)
@pytest.mark.parametrize("surface", CORE)
async def test_stops_are_told_apart(knock: Knock, upstream: Upstream, surface: Surface, mode: Mode) -> None:
    short = await answered(knock, upstream, surface, mode, Reply(text="cut sho", stop="length"))
    refused = await answered(knock, upstream, surface, mode, Reply(refusal="I would rather not."))
    assert (short.stop, refused.stop) == ("length", "refusal")
    assert refused.refusal == (None if surface == Surface.ANTHROPIC_MESSAGES else "I would rather not.")


@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("surface", CORE)
async def test_an_answer_can_be_given_back_in_the_next_turn(
    knock: Knock, upstream: Upstream, surface: Surface, mode: Mode
) -> None:
    script = await upstream.answers(RICH, Reply(text="Snow."))
    client, tools = knock(surface, mode, Tape()), (Tool("weather"), Tool("clock"))
    first = await client.ask(Ask(script.prompt, tools=tools))
    results = tuple(ToolResult(call.id, f"result of {call.id}") for call in first.tool_calls)
    second = await client.ask(Ask(script.prompt, tools=tools, turns=(Turn(first, results),)))
    assert second.text == "Snow."
    _, turn = await script.arrived(2)
    for call in CALLS:
        assert turn.body.count(call.id.encode()) >= 2, "the call and its result"
        assert f"result of {call.id}".encode() in turn.body


@pytest.mark.parametrize("mode", [Mode.ASYNC, Mode.SYNC])
async def test_counting_and_listing(knock: Knock, upstream: Upstream, mode: Mode) -> None:
    script = await upstream.answers(Reply(input_tokens=31_415))
    claude: MessagesClient = knock(Surface.ANTHROPIC_MESSAGES, mode, Tape())  # type: ignore[assignment]
    assert await claude.count_tokens(Ask(script.prompt)) == 31_415
    assert await claude.models()
    chat: ChatClient = knock(Surface.OPENAI_CHAT, mode, Tape())  # type: ignore[assignment]
    assert await chat.models()


@pytest.mark.parametrize("mode", [Mode.ASYNC, Mode.SYNC])
@pytest.mark.parametrize("surface", CORE)
async def test_nothing_of_the_users_own_environment_is_sent(
    knock: Knock, upstream: Upstream, surface: Surface, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.setenv(name, "of-the-user")
    for name in ("OPENAI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS"):
        monkeypatch.setenv(name, "x-mine: of-the-user")
    script = await upstream.answers()
    await knock(surface, mode, tape := Tape()).ask(script.prompt)
    assert [(name, value) for name, value in tape.last.headers if "of-the-user" in value] == []


@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("surface", CORE)
async def test_a_client_leaves_nothing_open(knock: Knock, upstream: Upstream, surface: Surface, mode: Mode) -> None:
    script = await upstream.answers(Reply(text=("one ", "two ", "three ")))
    client = knock(surface, mode, Tape())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        async with client.stream(script.prompt) as stream:
            await stream.next_text()
        await client.aclose()
        del stream
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
