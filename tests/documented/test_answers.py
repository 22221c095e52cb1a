"""Answers hold all that the SDKs can read, and the SDKs can read them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import pytest
from anthropic.types.beta import BetaMessage
from openai.types.chat import ChatCompletion
from openai.types.responses import Response, ResponseStreamEvent

from conformance.documented import answer, stops, stream
from conformance.documented.examples import fields
from conformance.oracles import parse
from conformance.surface import CORE, Surface

if TYPE_CHECKING:
    from pydantic import BaseModel

MODELS: dict[Surface, type[BaseModel]] = {
    Surface.OPENAI_CHAT: ChatCompletion,
    Surface.OPENAI_RESPONSES: Response,
    Surface.ANTHROPIC_MESSAGES: BetaMessage,
}


@pytest.mark.parametrize("surface", CORE)
def test_an_answer_has_every_field_that_the_sdk_declares_and_can_be_read_by_it(surface: Surface) -> None:
    whole = answer(surface)
    assert whole.keys() == fields(MODELS[surface]).keys()
    MODELS[surface].model_validate(json.loads(json.dumps(whole)))


def events(surface: Surface) -> list[Any]:
    return [event.json for event in parse(stream(surface)).events if event.data != "[DONE]"]


def test_a_response_is_streamed_with_an_event_of_every_type_that_is_about_an_item() -> None:
    declared = {fields(kind)["type"] for kind in get_args(get_args(ResponseStreamEvent)[0])}
    known = {get_args(kind)[0] for kind in declared}
    said = {event["type"] for event in events(Surface.OPENAI_RESPONSES)}
    endings = {f"response.{status}" for status in ("failed", "incomplete", "queued", "in_progress")}
    assert known - said == {*endings, "error"}
    numbers = [event["sequence_number"] for event in events(Surface.OPENAI_RESPONSES)]
    assert numbers == list(range(len(numbers)))


def test_each_item_of_a_response_is_opened_before_it_is_closed() -> None:
    opened: set[int] = set()
    for event in events(Surface.OPENAI_RESPONSES)[1:-1]:
        if event["type"] == "response.output_item.added":
            opened.add(event["output_index"])
        assert event["output_index"] in opened


def test_a_message_is_streamed_block_by_block_with_every_kind_of_delta() -> None:
    found = events(Surface.ANTHROPIC_MESSAGES)
    assert [found[0]["type"], found[-1]["type"]] == ["message_start", "message_stop"]
    deltas = {event["delta"]["type"] for event in found if event["type"] == "content_block_delta"}
    assert deltas == {
        "text_delta",
        "input_json_delta",
        "citations_delta",
        "thinking_delta",
        "signature_delta",
        "compaction_delta",
    }


def test_a_completion_is_streamed_with_two_choices_side_by_side_and_the_usage_last() -> None:
    found = events(Surface.OPENAI_CHAT)
    assert [choice["index"] for chunk in found for choice in chunk["choices"]] == [0, 1, 0, 1]
    assert found[-1]["choices"] == []
    assert found[-1]["usage"]
    assert stream(Surface.OPENAI_CHAT).endswith(b"data: [DONE]\n\n")


def test_every_reason_to_stop_is_there() -> None:
    assert {"stop", "length", "tool_calls", "content_filter"} < set(stops(Surface.OPENAI_CHAT))
    assert {"end_turn", "pause_turn", "refusal"} < set(stops(Surface.ANTHROPIC_MESSAGES))
