"""However an event is written down, and into whatever pieces an answer falls, it says the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import pytest

from conformance.oracles import parse
from conformance.upstream import (
    Delivery,
    ProviderError,
    Reply,
    Thinking,
    ToolCall,
    azure_openai,
    gemini,
    mistral,
    vertex,
)
from conformance.upstream import anthropic_messages as messages
from conformance.upstream import openai_chat as chat
from conformance.upstream import openai_responses as responses
from conformance.upstream.delivery import streamed
from conformance.upstream.rendering import Call
from conformance.upstream.reply import ErrorForm, Framing, LineEnd, Pieces

if TYPE_CHECKING:
    from conformance.upstream.rendering import Renderer

CALL = Call("case-0123456789ab", 1, {"model": "m", "stream_options": {"include_usage": True}})
RICH = Reply(
    text=("Grüße \u2028", "und 👩‍👧."),
    thinking=(Thinking("Zwei Städte.", "c2ln"),),
    tool_calls=(ToolCall("one", "look", '{"city": "Ålesund"}'), ToolCall("two", "look", '{"city": "Oslo"}')),
    error=ProviderError(503, message="far too busy"),
)
RENDERERS = {
    "chat": chat,
    "responses": responses,
    "messages": messages,
    "gemini": gemini,
    "mistral": mistral,
    "azure": azure_openai,
    "vertex": vertex,
}


def sent(renderer: Renderer, delivery: Delivery) -> bytes:
    reply = replace(RICH, delivery=delivery)
    return b"".join(frame.data for frame in streamed(200, (), renderer.events(reply, CALL), delivery).frames)


def read(renderer: Renderer, delivery: Delivery) -> list[tuple[str | None, object]]:
    events = parse(sent(renderer, delivery)).events
    return [(event.name, event.data if event.data == "[DONE]" else event.json) for event in events]


def payloads(renderer: Renderer, delivery: Delivery) -> list[dict[str, Any]]:
    return [event.json for event in parse(sent(renderer, delivery)).events if event.data != "[DONE]"]


@pytest.mark.parametrize("renderer", RENDERERS.values(), ids=list(RENDERERS))
@pytest.mark.parametrize("framing", [framing for framing in get_args(Framing) if framing != "unheard-of"])
@pytest.mark.parametrize("line_end", get_args(LineEnd), ids=repr)
def test_every_framing_says_the_same(renderer: Renderer, framing: Framing, line_end: LineEnd) -> None:
    usual, other = Delivery(), Delivery(framing=framing, line_end=line_end)
    assert read(renderer, other) == read(renderer, usual)
    assert (sent(renderer, other) == sent(renderer, usual)) == (other == usual) or framing == "data-first"


@pytest.mark.parametrize("renderer", RENDERERS.values(), ids=list(RENDERERS))
def test_every_object_may_have_a_member_that_nobody_has_heard_of(renderer: Renderer) -> None:
    usual, news = payloads(renderer, Delivery()), payloads(renderer, Delivery(framing="unheard-of"))
    assert news != usual
    assert [without_news(event) for event in news] == usual


def without_news(value: Any) -> Any:
    if isinstance(value, list):
        return [without_news(member) for member in value]
    if not isinstance(value, dict):
        return value
    return {name: without_news(member) for name, member in value.items() if name != "unheard_of"}


def test_escaped_events_are_ascii_alone() -> None:
    assert not sent(chat, Delivery()).isascii()
    assert sent(chat, Delivery(framing="escaped")).isascii()


@pytest.mark.parametrize("pieces", get_args(Pieces))
def test_tool_calls_add_up_whatever_the_pieces(pieces: Pieces) -> None:
    found: dict[int, str] = {}
    for chunk in payloads(chat, Delivery(pieces=pieces)):
        for choice in chunk["choices"]:
            for call in choice["delta"].get("tool_calls", ()):
                found[call["index"]] = found.get(call["index"], "") + call["function"]["arguments"]
    assert list(found.values()) == [call.arguments for call in RICH.tool_calls]


def test_a_whole_tool_call_comes_in_one_chunk() -> None:
    chunks = [json.dumps(chunk) for chunk in payloads(chat, Delivery(pieces="whole"))]
    assert len([chunk for chunk in chunks if 'tool_calls": [' in chunk]) == 2


def test_parallel_calls_come_by_turns() -> None:
    text = sent(chat, Delivery(pieces="interleaved")).decode()
    assert text.index('"id":"two"') < text.index('"index":0,"function":{"arguments"')


def test_arguments_may_come_in_their_done_event_alone() -> None:
    kinds = [event.name for event in parse(sent(responses, Delivery(pieces="arguments-when-done"))).events]
    assert "response.function_call_arguments.delta" not in kinds
    assert kinds.count("response.function_call_arguments.done") == 2


@pytest.mark.parametrize(("renderer", "usual"), [(chat, True), (responses, False)], ids=["chat", "responses"])
def test_done_comes_when_it_is_wanted(renderer: Renderer, usual: bool) -> None:  # noqa: FBT001 - a column of the table
    ends = {done: parse(sent(renderer, Delivery(done=done))).events[-1].data for done in (None, True, False)}
    assert {done: end == "[DONE]" for done, end in ends.items()} == {None: usual, True: True, False: False}


def test_usage_may_come_with_the_finish_reason() -> None:
    chunks = payloads(chat, Delivery(early_usage=True))
    assert chunks[-1]["usage"]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("renderer", "form", "names"),
    [
        (chat, "usual", [None]),
        (chat, "beside-choices", [None]),
        (responses, "usual", ["error"]),
        (responses, "failed", ["response.failed"]),
        (responses, "failed-then-error", ["response.failed", "error"]),
    ],
)
def test_errors_take_the_form_that_is_wanted(renderer: Renderer, form: ErrorForm, names: list[str | None]) -> None:
    events = parse(sent(renderer, Delivery(error_after=1, error_form=form))).events[1:]
    assert [event.name for event in events] == names
    assert ("choices" in events[0].json) == (form == "beside-choices")
    assert all("far too busy" in event.data for event in events)


def test_the_members_of_an_array_are_framed_as_json_may_be() -> None:
    def array(framing: Framing) -> str:
        delivery = Delivery(framing=framing, comments=True)
        events = gemini.events(replace(RICH, delivery=delivery), CALL)
        return b"".join(frame.data for frame in streamed(200, (), events, delivery, "array").frames).decode()

    usual = json.loads(array("usual"))
    assert usual == payloads(gemini, Delivery())
    assert json.loads(array("several-data-lines")) == json.loads(array("escaped")) == usual
    assert array("escaped").isascii()
    assert without_news(json.loads(array("unheard-of"))) == usual
