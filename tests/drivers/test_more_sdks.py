"""Google's, Mistral's and the clouds' SDKs: answers, failures and tape as of the others, in every way they have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from conformance.drivers import BARE, EVERY_MODE, Ask, Door, Mode, Tape, Tool, ToolResult, Turn, client_of
from conformance.run.plan import LANE_MODES
from conformance.surface import Surface
from conformance.upstream import Delivery, ProviderError, Reply, Thinking, ToolCall, Usage

if TYPE_CHECKING:
    from conformance.drivers import Client
    from conformance.upstream import Upstream
    from tests.drivers.conftest import Knock

CHAT, GEMINI, AZURE = Surface.OPENAI_CHAT, Surface.GEMINI, Surface.AZURE_OPENAI
BEDROCK, VERTEX = Surface.BEDROCK, Surface.VERTEX
WAYS = [
    *((GEMINI, mode) for mode in BARE if mode is not Mode.HTTP),
    *((surface, mode) for surface in (AZURE, BEDROCK, VERTEX) for mode in EVERY_MODE),
    *((AZURE, mode) for mode in (Mode.OPENAI_V1, Mode.OPENAI_V1_STREAM)),
    (CHAT, Mode.MISTRALAI),
]
CALLS = (ToolCall("call_one", "weather", '{"city": "Tromsø"}'), ToolCall("call_two", "clock", "{}"))
RICH = Reply(text="Let me look.\u2028☕", tool_calls=CALLS, usage=Usage(input=900, output=80, cache_read=700))
TOOLS = (Tool("weather"), Tool("clock"))
COUNTED = {"stream_options": {"include_usage": True}}


def asked(client: Client, prompt: str) -> Ask:
    counted = client.surface is AZURE and client.mode.streams
    return Ask(prompt, tools=TOOLS, fields=COUNTED if counted else {})


@pytest.mark.parametrize(("surface", "mode"), WAYS)
async def test_an_answer_is_read_and_given_back(knock: Knock, upstream: Upstream, surface: Surface, mode: Mode) -> None:
    script = await upstream.answers(RICH, Reply(text="Snow."))
    tape = Tape()
    client = knock(surface, mode, tape)
    first = await client.ask(asked(client, script.prompt))
    assert (first.text, first.stop, first.usage) == (RICH.text, "tool-use", RICH.usage)
    assert [(c.id, c.name, json.loads(c.arguments)) for c in first.tool_calls] == [
        (c.id, c.name, json.loads(c.arguments)) for c in CALLS
    ]
    turn = Turn(first, tuple(ToolResult(call.id, f"result of {call.id}") for call in first.tool_calls))
    assert (await client.ask(Ask(script.prompt, tools=TOOLS, turns=(turn,)))).text == "Snow."
    _, second = await script.arrived(2)
    assert all(f"result of {call.id}".encode() in second.body for call in CALLS)
    assert [exchange.status for exchange in tape.exchanges] == [200, 200]


@pytest.mark.parametrize(("surface", "mode"), [*WAYS, (CHAT, Mode.MISTRALAI_STREAM)])
async def test_a_failure_tells_status_words_and_body(
    knock: Knock, upstream: Upstream, surface: Surface, mode: Mode
) -> None:
    script = await upstream.answers(Reply(error=ProviderError(status=429, message="slow down, by script")))
    failure = await knock(surface, mode, Tape()).fails(script.prompt)
    assert failure.status == 429
    assert "slow down, by script" in f"{failure.message} {failure.body}"
    assert failure.header("content-type") == "application/json"
    assert len(await script.journal()) == 1, "nothing is tried again"


@pytest.mark.parametrize("mode", [Mode.ASYNC_STREAM, Mode.SYNC_STREAM])
@pytest.mark.parametrize("surface", [GEMINI, AZURE, BEDROCK, VERTEX])
async def test_a_stream_is_read_event_by_event_and_left_half_way(
    knock: Knock, upstream: Upstream, surface: Surface, mode: Mode
) -> None:
    script = await upstream.answers(Reply(text=("One ", "two ", "three."), delivery=Delivery(gated=True)))
    client = knock(surface, mode, Tape())
    async with client.stream(script.prompt) as stream:
        assert await stream.next_text() == "One "
        await script.release()
        assert await stream.next_text() == "two "
    await client.aclose()  # google-genai lets go of a stream only then, or when its garbage is collected
    assert await script.caller_left()


@pytest.mark.parametrize("mode", LANE_MODES)
async def test_geminis_thoughts_have_their_proof(knock: Knock, upstream: Upstream, mode: Mode) -> None:
    thought = Thinking("First the tides, then the wind.", "c2lnbmF0dXJlKy8/Pz8=")
    script = await upstream.answers(Reply(text="High tide.", thinking=(thought,)))
    answer = await knock(GEMINI, mode, Tape()).ask(script.prompt)
    assert (answer.thinking, answer.text) == ((thought,), "High tide.")


async def test_the_url_of_a_client_is_that_which_its_sdk_calls(knock: Knock, upstream: Upstream) -> None:
    for surface in (GEMINI, AZURE, BEDROCK, VERTEX):
        for mode in LANE_MODES:
            script, tape = await upstream.answers(), Tape()
            client = knock(surface, mode, tape)
            await client.ask(script.prompt)
            assert client.url(stream=mode.streams) == tape.last.url


def test_a_surface_has_only_the_ways_of_its_own_sdk() -> None:
    assert client_of(GEMINI, Mode.ASYNC_RAW) is None
    assert client_of(BEDROCK, Mode.MISTRALAI) is None
    door = Door("http://127.0.0.1:1/v1", "sk-key", "m", "m")
    made = client_of(CHAT, Mode.MISTRALAI)
    assert made
    assert made(door, Mode.MISTRALAI, Tape()).mode is Mode.MISTRALAI
