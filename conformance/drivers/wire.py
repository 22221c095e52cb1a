"""HTTP/1.1 by hand: bytes that no client would send, and answers as they stand on the connection."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

from conformance.drivers.tape import Exchange
from conformance.tls import tls
from conformance.upstream import PATIENCE
from conformance.upstream.journal import Headers, values

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import ByteStream

    from conformance.drivers.tape import Tape

_LONGEST_HEAD = 256 * 1024
_LARGEST_PIECE = 64 * 1024 * 1024
_EXCERPT = 80
_NO_CONTENT = (204, 304)
_INTERIM = range(100, 200)
_GONE = (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError)


@dataclass(frozen=True)
class Spoken:
    """One answer on a connection. `complete` says that its body came to the end that its head announced.

    `trailers` are what stood behind a chunked body.
    """

    status: int
    headers: Headers
    body: bytes = b""
    complete: bool = True
    trailers: Headers = ()

    def values(self, name: str) -> list[str]:
        return values(self.headers, name)

    @property
    def refuses(self) -> bool:
        return self.status >= 400  # noqa: PLR2004 - where errors begin


class Wire:
    """One connection. What is read waits for PATIENCE seconds, or as told; all of it goes on the tape."""

    def __init__(self, stream: ByteStream, url: str, tape: Tape) -> None:
        self._stream = stream
        self._buffered = BufferedByteReceiveStream(stream)
        self._url = url
        self._tape = tape
        self._sent = b""

    async def send(self, data: bytes) -> None:
        """Write, unless the gateway has hung up already: what it said before then can still be read."""
        self._sent += data
        try:
            with anyio.move_on_after(PATIENCE):
                await self._stream.send(data)
        except anyio.BrokenResourceError:
            return

    async def answer(self, method: str = "POST", *, interim: bool = False, patience: float = PATIENCE) -> Spoken | None:
        """The next answer; None where the gateway hung up instead. Interim ones are skipped unless asked for."""
        try:
            with anyio.fail_after(patience):
                spoken = await self._spoken(method)
                while spoken.status in _INTERIM and not interim:
                    spoken = await self._spoken(method)
        except TimeoutError:
            raise AssertionError(f"no complete answer within {patience:.0f} s, and no end of the connection") from None
        except _GONE:
            self._keep(method, None)
            return None
        except (ValueError, anyio.DelimiterNotFound) as garbled:
            self._keep(method, None, error := f"what came is no answer of HTTP/1.1: {garbled}")
            raise AssertionError(error) from garbled
        self._keep(method, spoken)
        return spoken

    async def _spoken(self, method: str) -> Spoken:
        head = await self._buffered.receive_until(b"\r\n\r\n", _LONGEST_HEAD)
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = tuple(map(_field, lines))
        status = _status(status_line)
        if method == "HEAD" or status in _NO_CONTENT or status in _INTERIM:
            return Spoken(status, headers)
        body, trailers = bytearray(), list[tuple[str, str]]()
        try:
            async for piece in self._pieces(headers, trailers):
                body += piece
        except _GONE:
            return Spoken(status, headers, bytes(body), complete=False)
        return Spoken(status, headers, bytes(body), trailers=tuple(trailers))

    async def _pieces(self, headers: Headers, trailers: list[tuple[str, str]]) -> AsyncIterator[bytes]:
        """The body, to where its head says that it ends (RFC 9112, 6.3); what stands behind it goes to `trailers`."""
        if any("chunked" in value.lower() for value in values(headers, "transfer-encoding")):
            while size := await self._chunk_size():
                yield await self._buffered.receive_exactly(size)
                await self._buffered.receive_exactly(2)
            while line := await self._buffered.receive_until(b"\r\n", _LONGEST_HEAD):
                trailers.append(_field(line.decode("latin-1")))
        elif lengths := values(headers, "content-length"):
            yield await self._buffered.receive_exactly(min(int(lengths[0]), _LARGEST_PIECE))
        else:
            async for piece in self._buffered:
                yield piece

    async def _chunk_size(self) -> int:
        line = await self._buffered.receive_until(b"\r\n", _LONGEST_HEAD)
        return min(int(line.split(b";")[0], 16), _LARGEST_PIECE)

    def _keep(self, method: str, spoken: Spoken | None, error: str = "the gateway hung up") -> None:
        exchange = Exchange(method, self._url, (), self._sent)
        self._sent = b""
        if spoken is None:
            exchange.error = error
        else:
            exchange.status, exchange.answer_headers = spoken.status, spoken.headers
            exchange.body, exchange.complete = bytearray(spoken.body), spoken.complete
        self._tape.exchanges.append(exchange)


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()


def _status(line: str) -> int:
    version, _, rest = line.partition(" ")
    if not (version.startswith("HTTP/") and rest[:3].isdecimal()):
        raise ValueError(f"it begins {line[:_EXCERPT]!r}")
    return int(rest[:3])


@asynccontextmanager
async def dialled(url: str, tape: Tape) -> AsyncIterator[Wire]:
    """A connection to the host of that URL, for as long as the block."""
    try:
        with anyio.fail_after(PATIENCE):
            stream = await _connected(url)
    except OSError as refused:  # a deadline that passed, too
        raise AssertionError(f"the gateway takes no connection: {refused!r}") from refused
    async with stream:
        yield Wire(stream, url, tape)


async def _connected(url: str) -> ByteStream:
    where = urlsplit(url)
    host = where.hostname or ""
    if where.scheme == "https":
        return await anyio.connect_tcp(host, where.port or 443, ssl_context=tls(), tls_standard_compatible=False)
    return await anyio.connect_tcp(host, where.port or 80)
