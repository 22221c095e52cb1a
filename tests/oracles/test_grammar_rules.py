"""The single rules of the grammars: each on a stream in which nothing else is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import pytest
from openai.types.responses.response_stream_event import ResponseStreamEvent

from conformance.oracles import GRAMMARS, ServerSentEvent
from conformance.oracles.responses_grammar import ITEM_OF
from conformance.surface import Surface
from conformance.upstream import Reply
from tests.oracles.test_grammars import RICH, altered, refusal, rendered

if TYPE_CHECKING:
    from tests.oracles.test_grammars import Events

RESPONSES, MESSAGES, CHAT = Surface.OPENAI_RESPONSES, Surface.ANTHROPIC_MESSAGES, Surface.OPENAI_CHAT
ID = "resp_case-0123456789ab"
FAILED = ServerSentEvent(None, json.dumps({"type": "response.failed", "response": {"id": ID, "status": "failed"}}))
ERROR = ServerSentEvent("error", '{"type": "error", "message": "busy"}')


def index_of(events: Events, kind: str, nth: int = 0) -> int:
    return [at for at, event in enumerate(events) if event.name == kind][nth]


def with_fields(surface: Surface, kind: str, **fields: Any) -> Events:
    events = rendered(surface, RICH)
    at = index_of(events, kind)
    events[at] = altered(events[at], **fields)
    return events


def test_the_grammar_of_responses_knows_every_event_of_the_sdk() -> None:
    union = get_args(get_args(ResponseStreamEvent)[0])
    fields = [event.model_fields for event in union if "output_index" in event.model_fields]
    kinds = [get_args(field["type"].annotation)[0] for field in fields]
    assert len(kinds) > 40
    assert [kind for kind in kinds if kind.split(".")[1] not in ITEM_OF] == []


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("response.output_text.delta", {"item_id": "msg_other"}, "the item's id"),
        ("response.function_call_arguments.done", {"item_id": "fc_other"}, "the item's id"),
        ("response.output_text.delta", {"output_index": 7}, "an open item around it"),
        ("response.function_call_arguments.delta", {"type": "response.refusal.delta"}, "an event named"),
        ("response.output_text.delta", {"content_index": 1}, "content_part.added before it"),
        ("response.content_part.added", {"content_index": 1}, "allowed here: number 0"),
        ("response.content_part.done", {"part": {"type": "output_text", "text": "other"}}, "what was streamed"),
        ("response.created", {"response": {"id": "r", "status": "completed"}}, "in_progress or queued"),
        ("response.in_progress", {"response": {"id": "resp_other", "status": "in_progress"}}, "as before"),
        ("response.completed", {"response": {"id": ID, "status": "failed"}}, "completed"),
    ],
)
def test_a_response_keeps_its_rules(kind: str, fields: dict[str, Any], said: str) -> None:
    assert said in refusal(RESPONSES, with_fields(RESPONSES, kind, **fields))


def test_an_item_says_what_was_streamed() -> None:
    events = rendered(RESPONSES, RICH)
    at = index_of(events, "response.output_item.done", -1)
    events[at] = altered(events[at], item=events[at].json["item"] | {"arguments": "other"})
    assert "function_call_arguments of item" in refusal(RESPONSES, events)


def test_a_failure_may_be_told_twice_in_either_order() -> None:
    begun = rendered(RESPONSES, RICH)[:2]
    for end in ([FAILED], [ERROR], [FAILED, ERROR], [ERROR, FAILED]):
        GRAMMARS[RESPONSES]().check([*begun, *end])
    assert "nothing after" in refusal(RESPONSES, [*begun, FAILED, FAILED])
    assert "nothing after" in refusal(RESPONSES, [*rendered(RESPONSES, RICH), ERROR])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"role": "user"}, "one of the assistant"),
        ({"stop_reason": "end_turn"}, "null, until the end"),
        ({"usage": {"input_tokens": None, "output_tokens": 1}}, "whole numbers"),
    ],
)
def test_a_message_begins_empty_and_counted(change: dict[str, Any], said: str) -> None:
    events = rendered(MESSAGES, RICH)
    events[0] = altered(events[0], message=events[0].json["message"] | change)
    assert said in refusal(MESSAGES, events)


def test_a_signature_ends_the_thinking() -> None:
    events = rendered(MESSAGES, RICH)
    thinking = index_of(events, "content_block_delta")
    events[thinking], events[thinking + 1] = events[thinking + 1], events[thinking]
    assert "thinking_delta after signature_delta" in refusal(MESSAGES, events)


def test_a_message_says_in_the_end_why_it_stopped() -> None:
    events = with_fields(MESSAGES, "message_delta", delta={"stop_reason": None, "stop_sequence": None})
    assert "a stop_reason before it" in refusal(MESSAGES, events)


def test_counts_never_fall() -> None:
    events = rendered(MESSAGES, RICH)
    events.insert(-1, altered(events[-2], usage={"output_tokens": 0}))
    assert "0 output tokens; allowed here: at least" in refusal(MESSAGES, events)


def test_a_chat_without_any_chunk_is_no_answer() -> None:
    assert "an answer before it" in refusal(CHAT, [ServerSentEvent(None, "[DONE]")])


def test_a_chat_speaks_as_the_assistant() -> None:
    events = rendered(CHAT, Reply(text="hello"))
    choice = events[0].json["choices"][0]
    events[0] = altered(events[0], choices=[choice | {"delta": {"role": "user", "content": ""}}])
    assert "the role assistant" in refusal(CHAT, events)
