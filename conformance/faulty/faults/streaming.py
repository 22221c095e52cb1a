"""Faults in streams: when events come, which come, in what order and under what name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.faulty.documented import EVENT_TYPES
from conformance.faulty.exchange import UpstreamCutError, with_value
from conformance.faulty.fault import fault, on_events
from conformance.faulty.sse import Event
from conformance.faulty.tree import changed, dropping, in_answer
from conformance.faulty.watch import terminal
from conformance.surface import Surface

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.faulty.exchange import Answer
    from conformance.faulty.sse import Json

_LONG = 64 * 2**10
_STARTS = {"message_start", "response.created"}
_ITEM_ENDS = {"content_block_stop", "response.output_item.done"}


@fault.answer("buffers", "hands on a stream when it is complete")
async def buffers(answer: Answer) -> Answer:
    return replace(answer, chunks=_collected(answer.chunks)) if answer.streams else answer


async def _collected(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield b"".join([chunk async for chunk in chunks])


@fault.events("lags-one-event", "hands on each event when the next has come")
async def lags_one_event(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    held = None
    async for event in events:
        if held:
            yield held
        held = event
    if held:
        yield held


@fault.events("lags-keep-alives", "hands on comments and pings together with the event that comes next")
async def lags_keep_alives(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    held: list[Event] = []
    async for event in events:
        held.append(event)
        if event.data is not None and event.name != "ping":
            for one in held:
                yield one
            held = []
    for one in held:
        yield one


@fault.events("loses-last-delta", "keeps back one piece of content and forgets it at the end")
async def loses_last_delta(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    held: list[Event] = []
    async for event in events:
        if event.is_delta or not held:
            for earlier in held:
                yield earlier
            held = []
        if event.is_delta or held:
            held.append(event)
        else:
            yield event
    for later in held[1:]:
        yield later


@fault.answer("loses-terminal", "hands on no terminal event")
async def loses_terminal(answer: Answer) -> Answer:
    return on_events(answer, lambda events: _repeated(answer, events, 0))


@fault.answer("repeats-terminal", "hands on the terminal event twice")
async def repeats_terminal(answer: Answer) -> Answer:
    return on_events(answer, lambda events: _repeated(answer, events, 2))


async def _repeated(answer: Answer, events: AsyncIterator[Event], times: int) -> AsyncIterator[Event]:
    surface = answer.call.surface
    async for event in events:
        for _ in range(times if surface and terminal(surface, event) else 1):
            yield event


@fault.answer("appends-done", "ends every stream with the [DONE] of Chat Completions")
async def appends_done(answer: Answer) -> Answer:
    return answer if answer.call.surface is Surface.OPENAI_CHAT else on_events(answer, _done)


async def _done(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    async for event in events:
        yield event
    yield Event.of("[DONE]")


@fault.events("repeats-start", "hands on the first event of an answer twice")
async def repeats_start(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    async for event in events:
        if event.type in _STARTS or any((it.get("delta") or {}).get("role") for it in event.json.get("choices", [])):
            yield event
        yield event


@fault.event("loses-completed-id", "ends a stream of Responses with an object that has no id")
def loses_completed_id(event: Event) -> Event:
    if event.type != "response.completed":
        return event
    return event.with_json(changed(event.json, "response", lambda response: dropping(response, "id")))


@fault.event("loses-stop-event", "does not hand on the event that says why the answer stopped")
def loses_stop_event(event: Event) -> Event | None:
    stops = any(choice.get("finish_reason") for choice in event.json.get("choices", []))
    return None if stops or event.type == "message_delta" else event


@fault.event("drops-event-names", "hands on events without their names")
def drops_event_names(event: Event) -> Event:
    return event.with_lines([line for line in event.lines if not line.startswith(b"event:")])


@fault.events("swaps-events", "hands on the first two pieces of content in the wrong order")
async def swaps_events(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    held, swapped = None, False
    async for event in events:
        if held:
            swapped = event.is_delta
            for one in (event, held) if swapped else (held, event):
                yield one
            held = None
        elif event.is_delta and not swapped:
            held = event
        else:
            yield event


@fault.events("repeats-a-delta", "hands on one piece of content twice")
async def repeats_a_delta(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    repeated = False
    async for event in events:
        yield event
        if event.is_delta and not repeated:
            repeated = True
            yield event


@fault.events("interleaves-blocks", "gives the second piece of content the index of another block")
async def interleaves_blocks(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    deltas = 0
    async for event in events:
        deltas += event.is_delta
        yield event.with_json(_elsewhere(event.json)) if event.is_delta and deltas == 2 else event  # noqa: PLR2004 - the second


def _elsewhere(payload: Json) -> Json:
    for place in ("index", "output_index"):
        payload = changed(payload, place, lambda index: index + 1)
    return changed(payload, "choices", lambda choices: [{**choice, "index": choice["index"] + 1} for choice in choices])


@fault.event("restarts-indices", "numbers every content block and output item 0")
def restarts_indices(event: Event) -> Event:
    return event.with_json({name: 0 if name in {"index", "output_index"} else it for name, it in event.json.items()})


@fault.event("loses-item-done", "does not hand on the end of a content block or output item")
def loses_item_done(event: Event) -> Event | None:
    return None if event.type in _ITEM_ENDS else event


@fault.event("skips-sequence-numbers", "leaves out every second sequence number")
def skips_sequence_numbers(event: Event) -> Event:
    return event.with_json(changed(event.json, "sequence_number", lambda number: 2 * number))


@fault.event("drops-pings", "hands on no ping events")
def drops_pings(event: Event) -> Event | None:
    return None if event.type == "ping" else event


@fault.event("drops-comments", "hands on no comment lines")
def drops_comments(event: Event) -> Event | None:
    lines = [line for line in event.lines if not line.startswith(b":")]
    return event if lines == event.lines else event.with_lines(lines) if lines else None


@fault.event("decodes-each-chunk", "reads two bytes at a time and decodes them as UTF-8 by themselves")
def decodes_each_chunk(event: Event) -> Event:
    """Not the pieces that come: how many bytes come at once is up to the load of the machine."""
    pieces = (event.raw[at : at + 2] for at in range(0, len(event.raw), 2))
    return Event("".join(piece.decode(errors="replace") for piece in pieces).encode())


@fault.answer("splits-on-lf-only", "takes only two line feeds for the end of an event")
async def splits_on_lf_only(answer: Answer) -> Answer:
    return replace(answer, chunks=_split(answer.chunks)) if answer.streams and answer.legible else answer


async def _split(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *events, rest = (rest + chunk).split(b"\n\n")
        for event in events:
            yield event + b"\n\n"


@fault.event("chokes-on-unknown-event", "gives up a stream at an event of an unknown type")
def chokes_on_unknown_event(event: Event) -> Event:
    if _unknown(event):
        raise UpstreamCutError("what the upstream sends makes no sense")
    return event


@fault.event("drops-unknown-events", "hands on only events of known types")
def drops_unknown_events(event: Event) -> Event | None:
    return None if _unknown(event) else event


def _unknown(event: Event) -> bool:
    if event.json.get("object", "chat.completion.chunk") != "chat.completion.chunk":
        return True
    return bool(event.type) and event.type not in EVENT_TYPES


@fault.answer("says-text-plain", "calls streams text/plain")
async def says_text_plain(answer: Answer) -> Answer:
    return _typed(answer, "text/plain; charset=utf-8")


@fault.answer("says-json", "calls streams application/json")
async def says_json(answer: Answer) -> Answer:
    return _typed(answer, "application/json")


def _typed(answer: Answer, kind: str) -> Answer:
    return replace(answer, headers=with_value(answer.headers, "content-type", kind)) if answer.streams else answer


@fault.event("cuts-long-events", "hands on no event of more than 64 KiB")
def cuts_long_events(event: Event) -> Event | None:
    return None if len(event.raw) > _LONG else event


@fault.events("changes-created", "dates each chunk anew")
async def changes_created(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    number = 0
    async for event in events:
        number += 1
        yield event.with_json(_later(event.json, number)) if event.json else event


def _later(payload: Json, seconds: int) -> Json:
    def moved(answer: Json) -> Json:
        for name in ("created", "created_at"):
            answer = changed(answer, name, lambda at: at + seconds)
        return answer

    return in_answer(payload, moved)


@fault.events("new-id-each-chunk", "gives each chunk of an answer an id of its own")
async def new_id_each_chunk(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    number = 0
    async for event in events:
        number += 1
        yield event.with_json(_renamed(event.json, number)) if event.json else event


def _renamed(payload: Json, number: int) -> Json:
    return in_answer(payload, lambda answer: changed(answer, "id", lambda known: f"{known}-{number}"))
