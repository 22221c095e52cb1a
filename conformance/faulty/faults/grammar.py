"""Faults in the grammar of streams: events that say what their protocol does not let them say there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.faulty.arguments import chat_calls, fragment, with_chat_calls, with_fragment
from conformance.faulty.fault import fault, on_events
from conformance.faulty.sse import Event, as_text
from conformance.faulty.tree import changed, dropping
from conformance.faulty.watch import terminal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from conformance.faulty.exchange import Answer
    from conformance.faulty.sse import Json
    from conformance.surface import Surface

_LATE_ERROR = {"error": {"type": "api_error", "message": "the connection was closed", "code": None}}
_LIFECYCLE = {"response.created", "response.in_progress", "response.completed"}
_DELTA = {
    *("role", "content", "refusal", "tool_calls", "function_call"),
    *("type", "text", "thinking", "signature", "partial_json", "citation"),
    *("stop_reason", "stop_sequence", "stop_details", "container"),
}
_PARTS = {"response.content_part.added", "response.content_part.done"}


@fault.event("thinking-in-text-block", "opens a text block for thinking")
def thinking_in_text_block(event: Event) -> Event:
    def as_text_block(block: Json) -> Json:
        return {"type": "text", "text": ""} if block.get("type") == "thinking" else block

    return event.with_json(changed(event.json, "content_block", as_text_block))


@fault.event("knows-the-members-of-deltas", "hands on only those members of deltas that it knows")
def knows_the_members_of_deltas(event: Event) -> Event:
    def known(delta: Any) -> Any:
        return {name: it for name, it in delta.items() if name in _DELTA} if isinstance(delta, dict) else delta

    chunk = _deltas(event, known)
    return chunk.with_json(changed(chunk.json, "delta", known))


@fault.answer("error-after-the-end", "sends an error when a stream has ended well")
async def error_after_the_end(answer: Answer) -> Answer:
    surface = answer.call.surface
    return on_events(answer, lambda events: _with_late_error(surface, events)) if surface else answer


async def _with_late_error(surface: Surface, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    async for event in events:
        yield event
        if terminal(surface, event):
            yield Event.of(as_text({"type": "error", **_LATE_ERROR}), event.name and "error")


def _deltas(event: Event, edit: Callable[[Json], Json]) -> Event:
    """A chunk of Chat Completions with its deltas edited."""

    def edited(choices: list[Json]) -> list[Json]:
        return [changed(choice, "delta", edit) for choice in choices]

    return event.with_json(changed(event.json, "choices", edited))


@fault.event("loses-role", "hands on no role in chunks")
def loses_role(event: Event) -> Event:
    return _deltas(event, lambda delta: dropping(delta, "role"))


@fault.events("repeats-call-names", "gives every fragment of a tool call its id and name again")
async def repeats_call_names(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    known: dict[int, Json] = {}
    async for event in events:
        calls = chat_calls(event)
        for call in calls:
            known.setdefault(call["index"], call)
        yield with_chat_calls(event, [_named(call, known[call["index"]]) for call in calls]) if calls else event


def _named(call: Json, first: Json) -> Json:
    return {**first, **call, "function": first["function"] | call.get("function", {})}


@fault.events("finishes-twice", "says twice why a chat ended")
async def finishes_twice(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    async for event in events:
        yield event
        if any(choice.get("finish_reason") for choice in event.json.get("choices", [])):
            yield event


@fault.events("model-changes-midway", "names another model from the third chunk on")
async def model_changes_midway(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    number = 0
    async for event in events:
        number += 1
        late = number > 2 and "choices" in event.json  # noqa: PLR2004 - the third
        yield event.with_json(changed(event.json, "model", lambda name: f"{name}-0613")) if late else event


@fault.events("usage-before-finish", "hands on the chunk of usage before the one that says why the chat ended")
async def usage_before_finish(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    held: list[Event] = []
    async for event in events:
        if any(choice.get("finish_reason") for choice in event.json.get("choices", [])):
            held.append(event)
            continue
        yield event
        for earlier in held:
            yield earlier
        held = []


@fault.events("new-item-id-each-event", "gives an item of a response another id with each event")
async def new_item_id_each_event(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    number = 0
    async for event in events:
        number += 1
        payload = event.json
        again = {"item_id": f"{payload['item_id']}-{number}"} if "item_id" in payload else {}
        yield event.with_json({**payload, **again}) if again else event


@fault.event("completes-in-progress", "leaves the status of a response in progress")
def completes_in_progress(event: Event) -> Event:
    if event.type not in _LIFECYCLE:
        return event
    return event.with_json(changed(event.json, "response", lambda it: it | {"status": "in_progress"}))


@fault.events("drops-content-parts", "hands on no beginning and end of content parts")
async def drops_content_parts(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    dropped = 0
    async for event in events:
        if event.type in _PARTS:
            dropped += 1
        else:
            yield event.with_json(_counted_down(event.json, dropped))


def _counted_down(payload: Json, by: int) -> Json:
    return changed(payload, "sequence_number", lambda number: number - by)


@fault.event("garbles-argument-deltas", "hands on arguments that are right only when they are done")
def garbles_argument_deltas(event: Event) -> Event:
    piece = fragment(event) if event.type == "response.function_call_arguments.delta" else None
    return with_fragment(event, "#" * len(piece.text)) if piece else event


@fault.events("signs-first", "hands on the signature of thinking before the thinking")
async def signs_first(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    held: list[Event] = []
    async for event in events:
        if _delta_type(event) == "thinking_delta":
            held.append(event)
            continue
        yield event
        for later in held:
            yield later
        held = []


def _delta_type(event: Event) -> Any:
    delta = event.json.get("delta")
    return delta.get("type") if isinstance(delta, dict) else None


@fault.event("start-without-usage", "begins a message without its usage")
def start_without_usage(event: Event) -> Event:
    if event.type != "message_start":
        return event
    return event.with_json(changed(event.json, "message", lambda message: dropping(message, "usage")))


@fault.event("stops-without-reason", "ends a message without saying why")
def stops_without_reason(event: Event) -> Event:
    if event.type != "message_delta":
        return event
    return event.with_json(changed(event.json, "delta", lambda delta: delta | {"stop_reason": None}))
