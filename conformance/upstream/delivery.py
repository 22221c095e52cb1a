"""How the bytes of an answer travel: frames, and the line that sends them piece by piece."""

from __future__ import annotations

import asyncio
import importlib
import socket
import struct
import zlib
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from aiohttp import hdrs, web

from conformance.upstream.event_frames import CONTENT_TYPE, framed, split
from conformance.upstream.framing import data_lines, encoded, line_ends
from conformance.upstream.journal import values
from conformance.upstream.rendering import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from conformance.upstream.cases import Exchange
    from conformance.upstream.journal import Headers
    from conformance.upstream.rendering import Event
    from conformance.upstream.reply import Delivery, Raw
    from conformance.upstream.routes import Wire

EVENT_STREAM = "text/event-stream; charset=utf-8"
BYTE_ORDER_MARK = "\ufeff".encode()
GARBAGE = b"\xff\xfe<html>{not an event\x00\n\n"
_LEAST_BUFFER = 4096
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Frame:
    """Bytes that belong together: an event, or a body."""

    data: bytes
    content: bool = False
    own: bool = True


@dataclass(frozen=True)
class Answer:
    """What goes back; `length` is that of the body, None for a stream. `raw` stands in place of all that."""

    status: int
    headers: Headers
    frames: Iterable[Frame]
    length: int | None = None
    raw: Raw | None = None


def streamed(
    status: int, headers: Headers, events: Iterable[Event], delivery: Delivery, wire: Wire = "events"
) -> Answer:
    return Answer(status, headers, _spoiled(_WIRES[wire](events, delivery), delivery))


def _in_events(events: Iterable[Event], delivery: Delivery) -> Iterator[Frame]:
    before = BYTE_ORDER_MARK if delivery.framing == "byte-order-mark" else b""
    for event, line_end in zip(events, line_ends(delivery.line_end), strict=False):
        yield Frame(before + encoded(event, line_end, delivery.framing), event.content, event.own)
        before = b""


def _in_array(events: Iterable[Event], delivery: Delivery) -> Iterator[Frame]:
    """The members of a JSON array, each with what stands before it: there is no room for comments."""
    before = "["
    for event in (event for event in events if not event.comment):
        yield Frame(to_bytes(before + "\n".join(data_lines(event.data, delivery.framing))), event.content, event.own)
        before = ",\r\n"
    yield Frame(b"\n]" if before != "[" else b"[]", own=False)


def _in_frames(events: Iterable[Event], delivery: Delivery) -> Iterator[Frame]:  # noqa: ARG001 - every wire is asked alike
    for event in (event for event in events if not event.comment):
        yield Frame(framed(event), event.content, event.own)


_WIRES: dict[Wire, Callable[[Iterable[Event], Delivery], Iterator[Frame]]] = {
    "events": _in_events,
    "array": _in_array,
    "frames": _in_frames,
}


def resumed(status: int, headers: Headers, recorded: bytes, delivery: Delivery) -> Answer:
    """A recorded stream, event by event or frame by frame, to the byte."""
    binary = any(kind.startswith(CONTENT_TYPE) for kind in values(headers, "content-type"))
    frames = (Frame(event) for event in (split(recorded) if binary else _events(recorded)))
    return Answer(status, headers, _spoiled(frames, delivery))


def bodied(status: int, headers: Headers, body: bytes, delivery: Delivery) -> Answer:
    """A body; one that is cut or stalls does so half-way, or before it begins."""
    half = len(body) // 2 if delivery.cut_after is not None or delivery.stall_after is not None else len(body)
    return Answer(status, headers, [Frame(part) for part in (body[:half], body[half:]) if part], len(body))


def spoken(raw: Raw) -> Answer:
    """Bytes that go past the HTTP library."""
    return Answer(0, (), (), raw=raw)


def _events(stream: bytes) -> Iterator[bytes]:
    blank = b"\r\n\r\n" if b"\r\n\r\n" in stream else b"\n\n"
    while stream:
        event, end, stream = stream.partition(blank)
        yield event + end


def _spoiled(frames: Iterator[Frame], delivery: Delivery) -> Iterator[Frame]:
    """Garbage and an early end: what a compressed stream has inside its compression."""
    if delivery.garbage_after is not None:
        frames = _with_garbage(frames, delivery.garbage_after)
    return frames if delivery.end_after is None else _ended(frames, delivery.end_after)


def _with_garbage(frames: Iterator[Frame], after: int) -> Iterator[Frame]:
    garbage = Frame(GARBAGE, own=False)
    if after == 0:
        yield garbage
    count = 0
    for frame in frames:
        yield frame
        count += frame.own
        if frame.own and count == after:
            yield garbage


def _ended(frames: Iterator[Frame], after: int) -> Iterator[Frame]:
    count = 0
    while count < after and (frame := next(frames, None)):
        yield frame
        count += frame.own


class _Compressor(Protocol):
    def __call__(self, data: bytes, *, last: bool) -> bytes: ...


def _gzip() -> _Compressor:
    state = zlib.compressobj(wbits=31)

    def compress(data: bytes, *, last: bool) -> bytes:
        return state.compress(data) + state.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)

    return compress


def _br() -> _Compressor:
    state = importlib.import_module("brotli").Compressor()

    def compress(data: bytes, *, last: bool) -> bytes:
        return bytes(state.process(data) + (state.finish() if last else state.flush()))

    return compress


_COMPRESSORS = {"gzip": _gzip, "br": _br}


def compressed(answer: Answer, encoding: str) -> Answer:
    """The same answer in a content coding, flushed after every frame; the trailer rides with the last one."""
    headers = (*answer.headers, ("content-encoding", encoding), ("vary", "Accept-Encoding"))
    frames = _compressed(iter(answer.frames), _COMPRESSORS[encoding]())
    if answer.length is None:
        return replace(answer, headers=headers, frames=frames)
    bodies = list(frames)
    return Answer(answer.status, headers, bodies, sum(len(frame.data) for frame in bodies))


def _compressed(frames: Iterator[Frame], compress: _Compressor) -> Iterator[Frame]:
    waiting = next(frames, None)
    while waiting is not None:
        following = next(frames, None)
        yield replace(waiting, data=compress(waiting.data, last=following is None))
        waiting = following


def accepts(headers: Headers, encoding: str) -> bool:
    """Whether the caller takes that content coding (RFC 9110, 12.5.3)."""
    fields = ",".join(value for name, value in headers if name.lower() == "accept-encoding").lower()
    for member in fields.split(","):
        coding, _, weight = member.replace(" ", "").partition(";")
        if coding in (encoding, "*"):
            return weight not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


class _Response(web.StreamResponse):
    """A response that has a content type only if it was given one."""

    async def _prepare_headers(self) -> None:
        untyped = hdrs.CONTENT_TYPE not in self.headers
        await super()._prepare_headers()
        if untyped:
            self.headers.popall(hdrs.CONTENT_TYPE, None)


class _Spoken(web.StreamResponse):
    """Stands for an answer that is out already."""

    def __init__(self, *, keeps: bool) -> None:
        super().__init__()
        self._keep_alive = keeps

    async def prepare(self, request: web.BaseRequest) -> None:  # noqa: ARG002 - aiohttp hands it over
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        pass


class Line:
    """The connection that one answer goes out on."""

    def __init__(self, request: web.BaseRequest, exchange: Exchange, delivery: Delivery) -> None:
        self._request = request
        self._exchange = exchange
        self._delivery = delivery
        self._wrote = False

    async def send(self, answer: Answer) -> web.StreamResponse:
        if self._delivery.hold_headers:
            await self._exchange.gate()
        if answer.raw is not None:
            return self._speak(answer.raw)
        encoding = self._delivery.encoding
        if encoding and accepts(self._exchange.headers, encoding):
            answer = compressed(answer, encoding)
        response = await self._begin(answer)
        if not await self._send_frames(response, answer):
            await self._flushed()
            self._exchange.finish()
            self._reset()
            return response
        self._exchange.finish()
        await response.write_eof()
        if self._delivery.early == "reads-no-more":
            await self._deaf()
        return response

    def _speak(self, raw: Raw) -> web.StreamResponse:
        if self._request.transport:
            self._request.transport.write(raw.data)
        self._exchange.sent(raw.data)
        self._exchange.finish()
        return _Spoken(keeps=raw.keeps)

    async def _begin(self, answer: Answer) -> web.StreamResponse:
        response = _Response(status=answer.status)
        for name, value in answer.headers:
            response.headers.add(name, value)
        if answer.length is not None:
            response.content_length = answer.length
        if self._delivery.early == "reads-no-more":
            response.force_close()
            self._take_no_more()
        if self._request.transport:
            self._request.transport.set_write_buffer_limits(0)
        await response.prepare(self._request)
        self._exchange.began(answer.status, tuple(response.headers.items()))
        return response

    async def _send_frames(self, response: web.StreamResponse, answer: Answer) -> bool:
        """Whether it came to its end: False where the line is to be cut."""
        count, held = 0, False
        for frame in chain([None], () if self._request.method == "HEAD" else answer.frames):
            if frame is not None:
                if held and frame.own:
                    await self._exchange.gate()
                    held = False
                await self._put(response, frame.data)
                count += frame.own
                held = held or (frame.content and self._delivery.gated)
            if frame is None or frame.own:
                if count == self._delivery.cut_after:
                    return False
                if count == self._delivery.stall_after:
                    await asyncio.Event().wait()
        if held:
            await self._exchange.gate()
        return True

    async def _put(self, response: web.StreamResponse, data: bytes) -> None:
        """Nothing is awaited after the last piece: a caller that leaves when it has all does not leave early."""
        size = self._delivery.chunk_bytes or max(1, len(data))
        for at in range(0, len(data), size):
            await self._flushed()
            piece = data[at : at + size]
            await response.write(piece)
            self._wrote = True
            self._exchange.sent(piece)

    async def _flushed(self) -> None:
        """Let what was written leave on its own, not together with what comes next."""
        if self._wrote:
            await self._request.writer.drain()
            await asyncio.sleep(0)

    def _take_no_more(self) -> None:
        """What is on its way must not vanish in the system's buffers, which would take megabytes."""
        if self._request.transport:
            line = self._request.transport.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _LEAST_BUFFER)

    async def _deaf(self) -> None:
        """Say that nothing follows, and leave unread what is still to come of the request."""
        transport = self._request.transport
        if transport is not None and not transport.is_closing():
            transport.write_eof()
            await self._exchange.gate()
            transport.abort()

    def _reset(self) -> None:
        """Close with RST: no caller, HTTP/1.0 ones included, can take this for a clean end."""
        transport = self._request.transport
        if transport is not None:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
