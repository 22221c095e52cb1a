"""Faults in how streams break: what becomes of an error, a cut or an early end in the middle of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.faulty.arguments import ends_arguments, fragment
from conformance.faulty.exchange import UpstreamCutError
from conformance.faulty.fault import fault
from conformance.faulty.sse import Event, as_text
from conformance.faulty.tree import dropping
from conformance.faulty.watch import breaks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from conformance.faulty.sse import Json

_THINKING = {"thinking_delta", "response.reasoning_summary_text.delta"}


class _Story:
    """What a stream has told so far, as far as an ending must know it."""

    def __init__(self) -> None:
        self.first: Json = {}
        self.last: Json = {}
        self.open: int | None = None
        self.in_arguments = False

    def read(self, event: Event) -> None:
        payload = event.json
        self.first = self.first or payload
        self.last = payload or self.last
        self.in_arguments = fragment(event) is not None
        if event.type == "content_block_start":
            self.open = payload["index"]
        elif event.type == "content_block_stop":
            self.open = None

    def good_end(self) -> Iterator[Event]:
        """The events that would end it well."""
        if "choices" in self.first:
            finish = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
            yield Event.of(as_text({**self.first, "choices": [finish]}))
            yield Event.of("[DONE]")
        elif "response" in self.first:
            number = self.last.get("sequence_number", -1) + 1
            response = self.first["response"] | {"status": "completed"}
            yield _event("response.completed", sequence_number=number, response=response)
        else:
            if self.open is not None:
                yield _event("content_block_stop", index=self.open)
            delta = {"stop_reason": "end_turn", "stop_sequence": None}
            yield _event("message_delta", delta=delta, usage={"output_tokens": 1})
            yield _event("message_stop")


def _event(kind: str, **fields: object) -> Event:
    return Event.of(as_text({"type": kind, **fields}), kind)


@fault.events("makes-up-ending", "ends a stream well where the upstream broke off")
async def makes_up_ending(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    story = _Story()
    try:
        async for event in events:
            story.read(event)
            yield event
    except UpstreamCutError:
        for event in story.good_end():
            yield event


@fault.events("error-becomes-stop", "ends a stream well where the provider sent an error")
async def error_becomes_stop(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    story = _Story()
    async for event in events:
        if breaks(event):
            for made_up in story.good_end():
                yield made_up
            return
        story.read(event)
        yield event


@fault.events("swallows-errors-in-arguments", "hands on no error that comes in the middle of arguments")
async def swallows_errors_in_arguments(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    story = _Story()
    async for event in events:
        if not (breaks(event) and story.in_arguments):
            yield event
        story.read(event)


@fault.events("ends-cleanly-in-arguments", "takes a stream that breaks off in the middle of arguments for complete")
async def ends_cleanly_in_arguments(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    story = _Story()
    try:
        async for event in events:
            story.read(event)
            yield event
    except UpstreamCutError:
        if not story.in_arguments:
            raise


@fault.event("failed-becomes-completed", "ends a response that failed as if it had not")
def failed_becomes_completed(event: Event) -> Event:
    if event.type != "response.failed":
        return event
    whole = {"status": "completed", "error": None}
    return event.with_json({**event.json, "type": "response.completed", "response": event.json["response"] | whole})


@fault.events("drops-after-failed", "hands on nothing after a response that failed")
async def drops_after_failed(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    failed = False
    async for event in events:
        if not failed:
            yield event
        failed = failed or event.type == "response.failed"


@fault.event("drops-error-beside-choices", "overlooks an error in a chunk that has choices, be they none")
def drops_error_beside_choices(event: Event) -> Event:
    return event.with_json(dropping(event.json, "error")) if "choices" in event.json else event


@fault.events("collects-arguments", "hands on the pieces of arguments when all have come")
async def collects_arguments(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    held: list[Event] = []
    async for event in events:
        if fragment(event) and not ends_arguments(event):
            held.append(event)
            continue
        for earlier in held:
            yield earlier
        held = []
        yield event


@fault.events("collects-thinking", "hands on the pieces of thinking when all have come")
async def collects_thinking(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    held: list[Event] = []
    async for event in events:
        if _thinks(event):
            held.append(event)
            continue
        for earlier in held:
            yield earlier
        held = []
        yield event


def _thinks(event: Event) -> bool:
    delta = event.json.get("delta")
    return (delta.get("type") if isinstance(delta, dict) else event.type) in _THINKING
