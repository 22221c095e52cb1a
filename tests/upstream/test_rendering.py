"""For any reply, what is streamed adds up to what is sent whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given

from conformance.upstream import Delivery, Reply, ToolCall, anthropic_messages, openai_chat, openai_responses
from conformance.upstream.rendering import Call, Event, fragments
from tests.upstream.accumulate import completion, items, message, payloads
from tests.upstream.replies import any_reply

if TYPE_CHECKING:
    from collections.abc import Iterable

CALL = Call("case-0123456789ab", 1, {"model": "some-model", "stream_options": {"include_usage": True}})
EVERYTHING = Delivery(pings=True, comments=True, unknown_event=True)


@given(any_reply)
def test_a_streamed_message_adds_up_to_the_whole_one(reply: Reply) -> None:
    events = payloads(anthropic_messages.events(reply, CALL))
    assert message(events) == anthropic_messages.whole(reply, CALL)


@given(any_reply)
def test_a_streamed_completion_adds_up_to_the_whole_one(reply: Reply) -> None:
    chunks = payloads(openai_chat.events(reply, CALL))
    assert completion(chunks) == openai_chat.whole(reply, CALL)


@given(any_reply)
def test_a_streamed_response_adds_up_to_the_whole_one(reply: Reply) -> None:
    events = payloads(openai_responses.events(reply, CALL))
    whole = openai_responses.whole(reply, CALL)
    assert events[-1]["response"] == whole
    assert items(events) == whole["output"]
    assert [event["item"] for event in events if event["type"] == "response.output_item.done"] == whole["output"]


@given(any_reply)
def test_sequence_numbers_have_no_gaps_whatever_keeps_the_events_company(reply: Reply) -> None:
    accompanied = Reply(text=reply.text, tool_calls=reply.tool_calls, delivery=EVERYTHING)
    events = payloads(openai_responses.events(accompanied, CALL))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


def test_content_events_are_those_that_show_something() -> None:
    reply = Reply(text=("a", "", "b"), tool_calls=())
    for renderer in (anthropic_messages, openai_chat, openai_responses):
        assert sum(event.content for event in renderer.events(reply, CALL)) == 2


def test_pings_are_what_each_provider_sends() -> None:
    reply = Reply(text=("a", "b"), delivery=Delivery(pings=True))
    assert _company(anthropic_messages.events(reply, CALL)) == [("ping", False)] * 3
    assert _company(openai_chat.events(reply, CALL)) == [(None, True)] * 3
    assert _company(openai_responses.events(reply, CALL)) == [(None, True)] * 3


def _company(events: Iterable[Event]) -> list[tuple[str | None, bool]]:
    return [(event.name, event.comment) for event in events if not event.own]


def test_fragments_add_up_and_are_uneven() -> None:
    text = '{"city": "Zürich", "days": 3}'
    parts = list(fragments(text))
    assert "".join(parts) == text
    assert len({len(part) for part in parts}) > 2
    assert list(fragments("")) == []


def test_the_same_token_has_the_same_ids_and_times() -> None:
    reply = Reply(text="x")
    assert openai_chat.whole(reply, CALL)["id"] == "chatcmpl-case-0123456789ab"
    assert anthropic_messages.whole(reply, CALL)["id"] == "msg_case-0123456789ab"
    assert openai_responses.whole(reply, CALL)["id"] == "resp_case-0123456789ab"
    again = Call(CALL.token, 2, CALL.body)
    assert openai_chat.whole(reply, CALL) == openai_chat.whole(reply, again)


def test_arguments_that_are_no_object_are_wrapped_in_a_message() -> None:
    broken = Reply(tool_calls=(ToolCall("c", "f", '{"cut'), ToolCall("d", "f", "[1]")))
    blocks = anthropic_messages.whole(broken, CALL)["content"]
    assert [block["input"] for block in blocks] == [{"INVALID_JSON": '{"cut'}, {"INVALID_JSON": "[1]"}]
