"""Each grammar takes what providers send, and nothing that breaks its order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from conformance.oracles import GRAMMARS, ServerSentEvent, parse
from conformance.surface import Surface
from conformance.upstream import (
    Delivery,
    Reply,
    Thinking,
    anthropic_messages,
    gemini,
    openai_chat,
    openai_responses,
)
from conformance.upstream.framing import encoded
from conformance.upstream.rendering import Call
from tests.absent import recordings_directory
from tests.upstream.recorded import recordings
from tests.upstream.replies import REPLIES, TIME, WEATHER, any_reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.rendering import Renderer

RENDERERS: dict[Surface, Renderer] = {
    Surface.OPENAI_CHAT: openai_chat,
    Surface.OPENAI_RESPONSES: openai_responses,
    Surface.ANTHROPIC_MESSAGES: anthropic_messages,
    Surface.GEMINI: gemini,
}
CALL = Call("case-0123456789ab", 1, {"model": "m", "stream_options": {"include_usage": True}})
RICH = Reply(text=("Let me ", "look."), thinking=(Thinking("Two cities", "c2ln"),), tool_calls=(WEATHER, TIME))
Events = list[ServerSentEvent]

# What may be lost, repeated or swapped without breaking the order: only what it adds up to differs.
FREE = {
    ("drop", "content_block_delta"),
    ("repeat", "content_block_delta"),
    ("swap", "content_block_delta", "content_block_delta"),
    ("repeat", "message_delta"),  # the documentation allows more than one
    ("drop", "content"),
    ("repeat", "content"),
    ("swap", "content", "content"),
    ("swap", "content", "call"),
    ("drop", "arguments"),
    ("repeat", "arguments"),
    ("swap", "arguments", "arguments"),
    ("swap", "arguments", "call"),  # parallel calls may interleave
    ("repeat", "role"),
    ("drop", "usage"),  # nobody may have asked for it
}


def rendered(surface: Surface, reply: Reply) -> Events:
    body = b"".join(encoded(event) for event in RENDERERS[surface].events(reply, CALL))
    return list(parse(body).events)


def accepted(surface: Surface, events: Events) -> bool:
    try:
        GRAMMARS[surface]().check(events)
    except AssertionError:
        return False
    return True


def kind(event: ServerSentEvent) -> str:
    if event.data == "[DONE]":
        return event.data
    value = event.json
    if "modelVersion" in value:
        return "finish" if "finishReason" in value["candidates"][0] else "content"
    if "choices" not in value:
        return str(value["type"])
    if not value["choices"]:
        return "usage"
    choice = value["choices"][0]
    if choice["finish_reason"]:
        return "finish"
    [fragment] = choice["delta"].get("tool_calls", [{}])
    return (
        "role" if "role" in choice["delta"] else "call" if "id" in fragment else "arguments" if fragment else "content"
    )


def mutations(events: Events) -> Iterator[tuple[tuple[str, ...], Events]]:
    """Each event dropped, repeated, and swapped with the next."""
    for at, event in enumerate(events):
        before, after = events[:at], events[at + 1 :]
        yield ("drop", kind(event)), before + after
        yield ("repeat", kind(event)), [*before, event, event, *after]
        if after:
            yield ("swap", kind(event), kind(after[0])), [*before, after[0], event, *after[1:]]


def refusal(surface: Surface, events: Events) -> str:
    with pytest.raises(AssertionError) as caught:
        GRAMMARS[surface]().check(events)
    return str(caught.value)


def altered(event: ServerSentEvent, **fields: Any) -> ServerSentEvent:
    return ServerSentEvent(event.name, json.dumps(event.json | fields))


@pytest.mark.parametrize("surface", GRAMMARS)
@pytest.mark.parametrize("delivery", [Delivery(), Delivery(pings=True, comments=True, unknown_event=True)])
@pytest.mark.parametrize("name", REPLIES)
def test_what_the_upstream_renders_is_in_order(surface: Surface, delivery: Delivery, name: str) -> None:
    reply = Reply(**{**vars(REPLIES[name]), "delivery": delivery})
    GRAMMARS[surface]().check(rendered(surface, reply))


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(any_reply)
def test_any_reply_at_all_is_rendered_in_order(reply: Reply) -> None:
    for surface in RENDERERS:
        GRAMMARS[surface]().check(rendered(surface, reply))


@pytest.mark.parametrize("surface", GRAMMARS)
def test_what_providers_really_sent_is_in_order(surface: Surface) -> None:
    ids = [found.id for found in recordings(surface) if found.stream and "/interactions" not in found.url]
    folder = recordings_directory() / surface
    streams = [json.loads((folder / f"{name}.json").read_text())["response"]["sse"] for name in ids]
    assert len(streams) >= 8
    for stream in streams:
        GRAMMARS[surface]().check(parse(stream.encode()).events)


@pytest.mark.parametrize("surface", GRAMMARS)
def test_every_mutation_that_breaks_the_order_is_refused(surface: Surface) -> None:
    events = rendered(surface, RICH)
    survived = {change for change, mutant in mutations(events) if mutant != events and accepted(surface, mutant)}
    assert survived - FREE == set()


def test_no_mutation_is_excused_without_need() -> None:
    survived = {
        change
        for surface in GRAMMARS
        for change, mutant in mutations(rendered(surface, RICH))
        if accepted(surface, mutant)
    }
    assert FREE - survived == set()


@pytest.mark.parametrize("surface", GRAMMARS)
def test_a_refusal_names_the_event_and_what_was_allowed(surface: Surface) -> None:
    events = rendered(surface, RICH)
    refusals = [refusal(surface, mutant) for _, mutant in mutations(events) if not accepted(surface, mutant)]
    whole = [said for said in refusals if said.startswith("event ")]
    assert all(" of the stream is " in said and "; allowed here: " in said for said in whole)
    assert whole
    others = [said for said in refusals if said not in whole]
    assert all(said.startswith(("the stream ended after", "the output of response.completed: ")) for said in others)


@pytest.mark.parametrize(
    ("surface", "at", "said"),
    [
        (Surface.ANTHROPIC_MESSAGES, 0, "event 1 of the stream is content_block_start; allowed here: message_start"),
        (Surface.ANTHROPIC_MESSAGES, -1, "without message_stop"),
        (Surface.ANTHROPIC_MESSAGES, -2, "is message_stop; allowed here: message_delta before it"),
        (Surface.OPENAI_CHAT, 0, "is a delta before any role; allowed here: a first delta with role assistant"),
        (Surface.OPENAI_CHAT, -1, "without [DONE]"),
        (Surface.OPENAI_CHAT, -3, "allowed here: one, after each finish_reason"),
        (Surface.OPENAI_RESPONSES, -1, "without response.completed, response.incomplete, response.failed or error"),
        (Surface.OPENAI_RESPONSES, 4, "; allowed here: 4"),
        (Surface.GEMINI, -1, "without a finishReason"),
    ],
)
def test_a_lost_event_is_missed_where_it_should_have_been(surface: Surface, at: int, said: str) -> None:
    events = rendered(surface, RICH)
    del events[at]
    assert said in refusal(surface, events)


@pytest.mark.parametrize("surface", GRAMMARS)
def test_nothing_may_come_after_the_end(surface: Surface) -> None:
    events = rendered(surface, RICH)
    assert f"{len(events) + 1} of the stream" in refusal(surface, [*events, events[0]])
    assert "nothing after" in refusal(surface, [*events, events[0]])


@pytest.mark.parametrize("surface", GRAMMARS)
def test_an_empty_stream_is_no_answer(surface: Surface) -> None:
    assert "ended after 0 events" in refusal(surface, [])


# To Chat Completions and Gemini, an object without choices and candidates is what they may not know yet.
ABOUT_AN_ANSWER = {Surface.OPENAI_CHAT: "choices", Surface.GEMINI: "candidates"}
UNTYPED = tuple(ABOUT_AN_ANSWER)
HOSTILE = [
    "null",
    "[]",
    '"text"',
    "1",
    "{}",
    '{"type": 1}',
    '{"choices": {}, "object": "chat.completion.chunk"}',
    '{"candidates": 1}',
    "[" * 9999,
]


@pytest.mark.parametrize("surface", GRAMMARS)
@pytest.mark.parametrize("data", HOSTILE)
def test_events_of_no_shape_are_refused_and_never_break_the_judge(surface: Surface, data: str) -> None:
    events = rendered(surface, RICH)
    for at, event in enumerate(events):
        spoiled = [*events[:at], ServerSentEvent(event.name, data), *events[at + 1 :]]
        assert not accepted(surface, spoiled) or (surface in UNTYPED and ABOUT_AN_ANSWER[surface] not in data)


@pytest.mark.parametrize("surface", GRAMMARS)
def test_an_event_that_lost_a_field_never_breaks_the_judge(surface: Surface) -> None:
    events = rendered(surface, RICH)
    for at, event in enumerate(events):
        fields = {} if event.data == "[DONE]" else event.json
        for lost in fields:
            bare = ServerSentEvent(event.name, json.dumps({k: v for k, v in fields.items() if k != lost}))
            for spoiled in (bare, altered(event, **{lost: None}), altered(event, **{lost: []})):
                accepted(surface, [*events[:at], spoiled, *events[at + 1 :]])


def test_a_messages_event_under_another_name_is_refused() -> None:
    events = rendered(Surface.ANTHROPIC_MESSAGES, RICH)
    events[0] = ServerSentEvent(None, events[0].data)
    assert "an event named None whose data has the type message_start" in refusal(Surface.ANTHROPIC_MESSAGES, events)


def test_a_responses_event_may_go_without_a_name_but_not_under_another() -> None:
    events = rendered(Surface.OPENAI_RESPONSES, RICH)
    GRAMMARS[Surface.OPENAI_RESPONSES]().check([ServerSentEvent(None, event.data) for event in events])
    events[0] = ServerSentEvent("message", events[0].data)
    assert "an event named message" in refusal(Surface.OPENAI_RESPONSES, events)


@pytest.mark.parametrize("number", [3, -1])
def test_blocks_are_numbered_one_after_the_other(number: int) -> None:
    events = rendered(Surface.ANTHROPIC_MESSAGES, RICH)
    at = next(at for at, event in enumerate(events) if kind(event) == "content_block_start")
    events[at] = altered(events[at], index=number)
    assert f"a block numbered {number}; allowed here: number 0" in refusal(Surface.ANTHROPIC_MESSAGES, events)


def test_a_delta_belongs_to_a_block_of_its_own_kind() -> None:
    events = rendered(Surface.ANTHROPIC_MESSAGES, Reply(text="hello"))
    at = next(at for at, event in enumerate(events) if kind(event) == "content_block_delta")
    events[at] = altered(events[at], delta={"type": "input_json_delta", "partial_json": ""})
    assert "input_json_delta in a text block" in refusal(Surface.ANTHROPIC_MESSAGES, events)


@pytest.mark.parametrize("name", ["id", "created", "model"])
def test_all_chunks_say_the_same_of_their_answer(name: str) -> None:
    events = rendered(Surface.OPENAI_CHAT, RICH)
    events[2] = altered(events[2], **{name: "another"})
    assert f"a chunk with {name} 'another'" in refusal(Surface.OPENAI_CHAT, events)


@pytest.mark.parametrize("fields", [{"id": "call_01"}, {"function": {"name": "get_weather", "arguments": ""}}])
def test_a_later_fragment_repeats_neither_id_nor_name(fields: dict[str, Any]) -> None:
    events = rendered(Surface.OPENAI_CHAT, RICH)
    at = next(at for at, event in enumerate(events) if kind(event) == "arguments")
    chunk = events[at].json
    chunk["choices"][0]["delta"]["tool_calls"][0] |= fields
    events[at] = altered(events[at], choices=chunk["choices"])
    assert "no id or name twice" in refusal(Surface.OPENAI_CHAT, events)


def test_after_an_error_chat_may_end_with_or_without_done() -> None:
    failed = ServerSentEvent(None, '{"error": {"message": "overloaded"}}')
    begun = rendered(Surface.OPENAI_CHAT, RICH)[:3]
    GRAMMARS[Surface.OPENAI_CHAT]().check([*begun, failed, ServerSentEvent(None, "[DONE]")])
    assert "[DONE] or the end, after an error" in refusal(Surface.OPENAI_CHAT, [*begun, failed, begun[2]])


@pytest.mark.parametrize("surface", [Surface.ANTHROPIC_MESSAGES, Surface.OPENAI_RESPONSES])
def test_an_error_may_come_anywhere_and_ends_the_stream(surface: Surface) -> None:
    failed = ServerSentEvent("error", '{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}')
    events = rendered(surface, RICH)
    for at in range(len(events)):
        GRAMMARS[surface]().check([*events[:at], failed])
    assert "nothing after error" in refusal(surface, [events[0], failed, events[1]])


def test_the_last_responses_event_repeats_what_was_finished() -> None:
    events = rendered(Surface.OPENAI_RESPONSES, RICH)
    response = events[-1].json["response"]
    events[-1] = altered(events[-1], response=response | {"output": response["output"][1:]})
    assert "the output of response.completed" in refusal(Surface.OPENAI_RESPONSES, events)


def test_what_a_responses_done_says_is_what_was_streamed() -> None:
    events = rendered(Surface.OPENAI_RESPONSES, Reply(text="hello"))
    at = next(at for at, event in enumerate(events) if event.name == "response.output_text.done")
    events[at] = altered(events[at], text="something else")
    assert "what was streamed, 'hello'" in refusal(Surface.OPENAI_RESPONSES, events)


def test_gemini_ends_with_its_finish_reason_and_never_with_done() -> None:
    events = rendered(Surface.GEMINI, RICH)
    done = ServerSentEvent(None, "[DONE]")
    assert "is (no name) [DONE]; allowed here: nothing after finishReason" in refusal(Surface.GEMINI, [*events, done])
    assert "is [DONE]; allowed here: a response, or the end" in refusal(Surface.GEMINI, [done, *events])
    usage = ServerSentEvent(None, '{"usageMetadata": {"candidatesTokenCount": 99}}')
    GRAMMARS[Surface.GEMINI]().check([*events, usage])


def test_a_prompt_that_gemini_blocks_has_no_candidates() -> None:
    blocked = ServerSentEvent(None, '{"promptFeedback": {"blockReason": "SAFETY"}}')
    GRAMMARS[Surface.GEMINI]().check([blocked])


@pytest.mark.parametrize("call", [{"args": {}}, {"name": "look", "args": '{"city": "Os'}])
def test_gemini_calls_come_whole(call: dict[str, Any]) -> None:
    events = rendered(Surface.GEMINI, RICH)
    part = {"content": {"role": "model", "parts": [{"functionCall": call}]}}
    assert "one that is whole" in refusal(Surface.GEMINI, [altered(events[0], candidates=[part]), *events[1:]])


def test_gemini_counts_up() -> None:
    events = rendered(Surface.GEMINI, RICH)
    events[2] = altered(events[2], usageMetadata={"candidatesTokenCount": 0})
    assert "0 candidate tokens; allowed here: at least 2" in refusal(Surface.GEMINI, events)


def test_an_error_ends_a_stream_of_gemini_anywhere() -> None:
    failed = ServerSentEvent(None, '{"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}')
    events = rendered(Surface.GEMINI, RICH)
    for at in range(len(events)):
        GRAMMARS[Surface.GEMINI]().check([*events[:at], failed])
    assert "nothing after error" in refusal(Surface.GEMINI, [events[0], failed, events[1]])
