"""Faults in the content of answers: what is beyond text, thinking and function calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.faulty.blocks import without_blocks
from conformance.faulty.documented import ANSWER_FIELDS, NESTED_FIELDS, PLAIN_TYPES
from conformance.faulty.fault import fault
from conformance.faulty.tree import changed, dropping, everywhere, objects

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.faulty.exchange import Answer
    from conformance.faulty.sse import Event, Json

_KNOWN_FIELDS = (
    ANSWER_FIELDS | NESTED_FIELDS | {"message", "delta", "finish_reason", "item", "response", "content_block"}
)
_STOPS: dict[str, tuple[str | None, ...]] = {
    "stop_reason": (None, "end_turn", "max_tokens", "stop_sequence", "tool_use"),
    "finish_reason": (None, "stop", "length", "tool_calls", "content_filter"),
}


@fault.answer("knows-plain-answers", "hands on only blocks and items of the types that everybody uses")
async def knows_plain_answers(answer: Answer) -> Answer:
    return await without_blocks(answer, lambda block: block.get("type", "text") not in PLAIN_TYPES)


@fault.answer_json("drops-citations", "hands on no citations and no annotations")
def drops_citations(answer: Json) -> Json:
    return everywhere(answer, _uncited)


def _uncited(value: Json) -> Json:
    if value.get("type") == "citations_delta":
        return {"type": "text_delta", "text": ""}
    return dropping(value, "citations", "annotations")


@fault.answer_json("drops-logprobs", "hands on no probabilities")
def drops_logprobs(answer: Json) -> Json:
    return everywhere(answer, lambda it: changed(it, "logprobs", lambda _: None))


@fault.answer_json("first-choice-only", "hands on only the first of several choices")
def first_choice_only(answer: Json) -> Json:
    return changed(answer, "choices", lambda choices: [it for it in choices if it.get("index") == 0])


@fault.answer_json("renumbers-choices", "gives every choice the index of the first")
def renumbers_choices(answer: Json) -> Json:
    return changed(answer, "choices", lambda choices: [it | {"index": 0} for it in choices])


@fault.events("ends-with-the-first-choice", "takes the end of the first of several choices for the end of all")
async def ends_with_the_first_choice(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    ended = False
    async for event in events:
        choices = objects(event.json.get("choices"))
        if not (ended and choices):
            yield event
        ended = ended or any(choice.get("finish_reason") for choice in choices)


@fault.answer_json("knows-four-stops", "says that answers ended by themselves when it does not know why they did")
def knows_four_stops(answer: Json) -> Json:
    return everywhere(answer, lambda it: {name: _known(name, value) for name, value in it.items()})


def _known(name: str, value: Any) -> Any:
    known = _STOPS.get(name)
    return known[1] if known and value not in known else value


@fault.answer_json("drops-fields-within-answers", "hands on only the fields on a list of its own, at every level")
def drops_fields_within_answers(answer: Json) -> Json:
    return everywhere(answer, lambda it: {name: value for name, value in it.items() if name in _KNOWN_FIELDS})
