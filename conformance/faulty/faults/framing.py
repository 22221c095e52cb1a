"""Faults in reading event streams: what a home-made parser of server-sent events takes for granted."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.faulty.exchange import UpstreamCutError, first, with_value
from conformance.faulty.fault import fault
from conformance.faulty.sse import Event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.faulty.exchange import Answer, Request
    from conformance.faulty.fault import Send

_MEGABYTE = 2**20
_MANY = 1000
_KNOWN_FIELDS = (b"event", b"data", b"")
_EVENT_END = re.compile(rb"\r?\n\r?\n")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def _field(line: bytes) -> bytes:
    return line.partition(b":")[0]


@fault.event("needs-a-space", "hands on only data lines with a space after the colon")
def needs_a_space(event: Event) -> Event | None:
    lines = [line for line in event.lines if _field(line) != b"data" or line.startswith(b"data: ")]
    return event if lines == event.lines else None


@fault.event("reads-one-data-line", "hands on only the last data line of an event")
def reads_one_data_line(event: Event) -> Event:
    data = [line for line in event.lines if _field(line) == b"data"]
    others = [line for line in event.lines if line not in data]
    return event if len(data) <= 1 else event.with_lines([*others, data[-1]])


@fault.event("chokes-on-other-fields", "gives up a stream at an event with any field but event and data")
def chokes_on_other_fields(event: Event) -> Event:
    if any(_field(line) not in _KNOWN_FIELDS for line in event.lines):
        raise UpstreamCutError("what the upstream sends makes no sense")
    return event


@fault.event("comments-end-events", "takes a comment for the end of an event")
def comments_end_events(event: Event) -> Event:
    end = event.line_end
    lines = [line + end * (2 if line.startswith(b":") else 1) for line in event.lines]
    return Event(b"".join(lines) + end)


@fault.event("needs-the-name-first", "overlooks the name of an event when it comes after the data")
def needs_the_name_first(event: Event) -> Event:
    fields = [_field(line) for line in event.lines]
    late = b"event" in fields and b"data" in fields and fields.index(b"event") > fields.index(b"data")
    return event.with_lines([line for line in event.lines if _field(line) != b"event"]) if late else event


@fault.events("needs-an-event-first", "gives up a stream that begins with a comment")
async def needs_an_event_first(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    begun = False
    async for event in events:
        if not begun and event.data is None:
            raise UpstreamCutError("what the upstream sends makes no sense")
        begun = True
        yield event


@fault.event("takes-the-byte-order-mark-for-text", "overlooks the first line of a stream, for what stands before it")
def takes_the_byte_order_mark_for_text(event: Event) -> Event:
    return event.with_lines(event.lines[1:]) if event.raw.startswith(BOM_UTF8) else event


@fault.answer("knows-no-lone-cr", "takes only LF and CRLF for line ends")
async def knows_no_lone_cr(answer: Answer) -> Answer:
    return replace(answer, chunks=_split(answer.chunks)) if answer.streams and answer.legible else answer


async def _split(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        rest += chunk
        ends = [match.end() for match in _EVENT_END.finditer(rest)]
        if ends:
            yield rest[: ends[-1]]
            rest = rest[ends[-1] :]


@fault.event("splits-lines-like-python", "takes every character for a line end that Python's splitlines does")
def splits_lines_like_python(event: Event) -> Event:
    """`str.splitlines`, and so httpx's `iter_lines`, splits at U+2028, U+0085 and others; the standard does not."""
    lines = event.raw.decode(errors="replace").splitlines()
    return event.with_lines([line.encode() for line in lines if line])


@fault.event("unescapes-by-halves", "decodes the two halves of an escaped emoji one by one")
def unescapes_by_halves(event: Event) -> Event:
    return Event(_SURROGATE.sub("\ufffd".encode(), event.raw))


@fault.event("cuts-events-over-a-megabyte", "hands on no event of more than 1 MiB")
def cuts_events_over_a_megabyte(event: Event) -> Event | None:
    return None if len(event.raw) > _MEGABYTE else event


@fault.events("forgets-after-a-thousand-events", "hands on no content after the thousandth event")
async def forgets_after_a_thousand_events(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    number = 0
    async for event in events:
        number += 1
        if number <= _MANY or not event.is_delta:
            yield event


@fault.answer("buffers-untyped", "hands on an answer without content type when it is complete")
async def buffers_untyped(answer: Answer) -> Answer:
    return answer if _typed(answer) else replace(answer, chunks=_collected(answer.chunks))


@fault.send("chokes-on-untyped", "takes an answer without content type for broken")
async def chokes_on_untyped(send: Send, request: Request) -> Answer:
    answer = await send(request)
    if _typed(answer):
        return answer
    answer.close()
    raise UpstreamCutError("the upstream sends no event stream")


def _typed(answer: Answer) -> bool:
    return bool(first(answer.headers, "content-type")) or not answer.streams


@fault.answer("buffers-coded-streams", "hands on a compressed stream when it is complete")
async def buffers_coded_streams(answer: Answer) -> Answer:
    return replace(answer, chunks=_collected(answer.chunks)) if _coded(answer) else answer


@fault.answer("mislabels-coded-streams", "says deflate of every compressed stream")
async def mislabels_coded_streams(answer: Answer) -> Answer:
    return (
        replace(answer, headers=with_value(answer.headers, "content-encoding", "deflate")) if _coded(answer) else answer
    )


def _coded(answer: Answer) -> bool:
    return answer.streams and not answer.legible


async def _collected(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield b"".join([chunk async for chunk in chunks])
