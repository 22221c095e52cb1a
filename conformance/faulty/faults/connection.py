"""Faults in connections: what happens when one breaks, and how often the upstream is called."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conformance.faulty.exchange import Answer, Request, UpstreamCutError, first, once, values
from conformance.faulty.fault import fault
from conformance.faulty.refusal import refusal
from conformance.faulty.sse import as_object

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.faulty.exchange import Call
    from conformance.faulty.fault import Handle, Send

_CLOSERS = {"{": "}", "[": "]"}
_REDIRECTS = {301, 302, 303, 307, 308}
_RETRIED = {408, 409, 429}
_SERVER_ERRORS = 500
_SLOTS = 20
_MOST_STREAMS = 100
_LARGE = 2**20


@fault.send("never-cancels", "reads streams to their end when the client has gone")
async def never_cancels(send: Send, request: Request) -> Answer:
    return await (_detached(send, request) if request.call.streams else send(request))


@fault.send("never-cancels-whole", "waits for whole answers when the client has gone")
async def never_cancels_whole(send: Send, request: Request) -> Answer:
    return await (send(request) if request.call.streams else _detached(send, request))


_RUNNING: set[asyncio.Future[Any]] = set()


@fault.send("cancels-only-begun-streams", "lets a stream go on whose client leaves before it begins")
async def cancels_only_begun_streams(send: Send, request: Request) -> Answer:
    if not request.call.streams:
        return await send(request)
    begins = asyncio.ensure_future(send(request))
    _RUNNING.add(begins)
    begins.add_done_callback(_RUNNING.discard)
    return await asyncio.shield(begins)


@fault.handle(
    "keeps-slots-of-the-gone", "serves twenty at once, and counts those that left before their answer for ever"
)
async def keeps_slots_of_the_gone(handle: Handle, call: Call) -> Answer:
    if call.memory.setdefault("taken", 0) >= _SLOTS:
        return refusal(call, 503, "no slot is free")
    call.memory["taken"] += 1
    answer = await handle(call)
    call.memory["taken"] -= 1
    return answer


async def _detached(send: Send, request: Request) -> Answer:
    """The answer, fetched by a task that nobody cancels."""
    begun: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    pieces: asyncio.Queue[bytes | UpstreamCutError | None] = asyncio.Queue()

    async def fetch() -> None:
        try:
            answer = await send(request)
            if not begun.cancelled():
                begun.set_result(answer)
            async for chunk in answer.chunks:
                pieces.put_nowait(chunk)
            pieces.put_nowait(None)
        except UpstreamCutError as cut:
            if begun.done():
                pieces.put_nowait(cut)
            else:
                begun.set_exception(cut)

    task = asyncio.create_task(fetch())
    _RUNNING.add(task)
    task.add_done_callback(_RUNNING.discard)
    return replace(await begun, chunks=_queued(pieces), close=lambda: None)


async def _queued(pieces: asyncio.Queue[bytes | UpstreamCutError | None]) -> AsyncIterator[bytes]:
    while (piece := await pieces.get()) is not None:
        if isinstance(piece, UpstreamCutError):
            raise piece
        yield piece


@fault.answer("hoards-what-nobody-reads", "reads a stream as fast as it comes, and keeps what the client leaves")
async def hoards_what_nobody_reads(answer: Answer) -> Answer:
    if not answer.streams:
        return answer
    pieces: asyncio.Queue[bytes | UpstreamCutError | None] = asyncio.Queue()
    reading = asyncio.create_task(_read_ahead(answer.chunks, pieces))

    def close() -> None:
        reading.cancel()
        answer.close()

    return replace(answer, chunks=_queued(pieces), close=close)


async def _read_ahead(chunks: AsyncIterator[bytes], pieces: asyncio.Queue[bytes | UpstreamCutError | None]) -> None:
    try:
        async for chunk in chunks:
            pieces.put_nowait(chunk)
        pieces.put_nowait(None)
    except UpstreamCutError as cut:
        pieces.put_nowait(cut)


@fault.answer("talks-over-early-answers", "takes the refusal of a large request for a connection that broke")
async def talks_over_early_answers(answer: Answer) -> Answer:
    if answer.failed and len(answer.call.body) > _LARGE:
        return refusal(answer.call, 502, "the upstream broke the connection")
    return answer


@fault.answer("cut-becomes-clean-end", "ends a stream cleanly where the upstream cut it")
async def cut_becomes_clean_end(answer: Answer) -> Answer:
    return replace(answer, chunks=_clean(answer.chunks, truncated=False)) if answer.streams else answer


@fault.answer("truncation-becomes-clean-end", "ends a stream cleanly where the upstream ended it too early")
async def truncation_becomes_clean_end(answer: Answer) -> Answer:
    return replace(answer, chunks=_clean(answer.chunks, truncated=True)) if answer.streams else answer


async def _clean(chunks: AsyncIterator[bytes], *, truncated: bool) -> AsyncIterator[bytes]:
    try:
        async for chunk in chunks:
            yield chunk
    except UpstreamCutError as cut:
        if cut.truncated is not truncated:
            raise


@fault.answer("cut-becomes-success", "mends a whole answer that was cut, and hands it on as complete")
async def cut_becomes_success(answer: Answer) -> Answer:
    if answer.streams or answer.failed:
        return answer
    return replace(answer.dropping("content-length"), chunks=_mended(answer.chunks))


async def _mended(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    text = b""
    try:
        async for chunk in chunks:
            text += chunk
    except UpstreamCutError:
        cuts = (text[:end].decode(errors="ignore") for end in range(len(text), 0, -1))
        mended = (cut + _missing(cut) for cut in cuts)
        text = next((it for it in mended if as_object(it) is not None), "{}").encode()
    yield text


def _missing(text: str) -> str:
    """What closes the strings, lists and objects that a JSON text leaves open."""
    open_ones: list[str] = []
    quoted = escaped = False
    for letter in text:
        if quoted:
            quoted = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            quoted = True
        elif letter in _CLOSERS:
            open_ones.append(_CLOSERS[letter])
        elif letter in open_ones[-1:]:
            open_ones.pop()
    return '"' * quoted + "".join(reversed(open_ones))


@fault.send("retries-errors", "calls the upstream again after an error")
async def retries_errors(send: Send, request: Request) -> Answer:
    answer = await send(request)
    if answer.status < _SERVER_ERRORS and answer.status not in _RETRIED:
        return answer
    answer.close()
    return await send(request)


@fault.send("calls-twice", "calls the upstream twice for each call")
async def calls_twice(send: Send, request: Request) -> Answer:
    await (await send(request)).body()
    return await send(request)


@fault.send("retries-cuts", "calls the upstream again when it cut the connection before anything was handed on")
async def retries_cuts(send: Send, request: Request) -> Answer:
    try:
        return await _complete(await send(request))
    except UpstreamCutError:
        return await send(request)


async def _complete(answer: Answer) -> Answer:
    return answer if answer.streams else replace(answer, chunks=once(await answer.body()))


@fault.send("follows-redirects", "follows the redirects of the upstream")
async def follows_redirects(send: Send, request: Request) -> Answer:
    answer = await send(request)
    if answer.status not in _REDIRECTS:
        return answer
    answer.close()
    place = urlsplit(first(answer.headers, "location"))
    path = place.path.removeprefix(f"/{request.call.provider}")
    return await send(replace(request, path=path, query=place.query))


@fault.send("follows-redirects-elsewhere", "follows the redirects of the upstream to other hosts, with its key")
async def follows_redirects_elsewhere(send: Send, request: Request) -> Answer:
    answer = await send(request)
    place = urlsplit(first(answer.headers, "location"))
    if answer.status not in _REDIRECTS or not place.hostname:
        return answer
    answer.close()
    fields = (("host", place.netloc), *request.headers)
    lines = [f"GET {place.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "", ""]
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write("\r\n".join(lines).encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return replace(answer, status=200, headers=(("content-type", "application/json"),), chunks=once(b"{}"))


@fault.request("pins-retry-count", "tells the provider of every call that it is the first try")
def pins_retry_count(request: Request) -> Request:
    return request.header("x-stainless-retry-count", lambda _: "0")


@fault.handle("serves-a-hundred", "refuses calls while a hundred are under way")
async def serves_a_hundred(handle: Handle, call: Call) -> Answer:
    if call.memory.setdefault("under way", 0) >= _MOST_STREAMS:
        return refusal(call, 429, "too many calls at once")
    call.memory["under way"] += 1
    answer = await handle(call)

    def close() -> None:
        answer.close()
        call.memory["under way"] -= 1

    return replace(answer, close=close)


@fault.handle("one-at-a-time", "serves one call after the other")
async def one_at_a_time(handle: Handle, call: Call) -> Answer:
    turn: asyncio.Lock = call.memory.setdefault("turn", asyncio.Lock())
    await turn.acquire()
    try:
        answer = await handle(call)
    except BaseException:
        turn.release()
        raise

    def close() -> None:
        answer.close()
        turn.release()

    return replace(answer, close=close)


@fault.request("loses-chunked-bodies", "reads only bodies whose length is told beforehand")
def loses_chunked_bodies(request: Request) -> Request:
    return replace(request, body=b"") if values(request.call.headers, "transfer-encoding") else request


@fault.answer("goes-by-lengths-only", "reads whole answers as far as Content-Length says, and chunks not at all")
async def goes_by_lengths_only(answer: Answer) -> Answer:
    if answer.streams or answer.failed or values(answer.upstream_headers, "content-length"):
        return answer
    return answer.with_body(b"")


@fault.answer("closes-each-connection", "ends the client's connection with each answer")
async def closes_each_connection(answer: Answer) -> Answer:
    return replace(answer, headers=(*answer.headers, ("connection", "close")))


@fault.answer("closes-after-streams", "ends the client's connection with each stream")
async def closes_after_streams(answer: Answer) -> Answer:
    return await closes_each_connection(answer) if answer.streams else answer
