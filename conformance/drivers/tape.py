"""A tee under the SDKs: every exchange is kept while its bytes pass, none is delayed."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2

from conformance.upstream.journal import Headers, values

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


MOST_BYTES = 64 * 1024 * 1024
LONGEST_ANSWER = 60.0
"""Bytes and seconds after which an answer is taken for endless, and the connection for broken."""


@dataclass
class Exchange:
    """One HTTP exchange as the client saw it; `body` grows until `complete`, or stays as far as it came."""

    method: str
    url: str
    headers: Headers
    sent: bytes
    status: int | None = None
    answer_headers: Headers = ()
    body: bytearray = field(default_factory=bytearray)
    complete: bool = False
    error: str = ""
    began_at: float = field(default_factory=time.monotonic)

    def take(self, chunk: bytes) -> None:
        self.body += chunk
        if len(self.body) > MOST_BYTES:
            raise httpx2.ReadError(f"an answer of more than {MOST_BYTES} bytes")
        if time.monotonic() - self.began_at > LONGEST_ANSWER:
            raise httpx2.ReadTimeout(f"an answer that takes more than {LONGEST_ANSWER:g} s")

    @property
    def content(self) -> bytes:
        """The body without its content coding; as it came where it cannot be decoded."""
        return decoded(bytes(self.body), self.answer_headers)

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            raise AssertionError(f"an answer that is not JSON: {self.content[:200]!r}") from None

    def values(self, name: str) -> list[str]:
        """Every value of a response header."""
        return values(self.answer_headers, name)

    def value(self, name: str) -> str | None:
        return next(iter(self.values(name)), None)


def decoded(body: bytes, headers: Headers) -> bytes:
    """A body without the content coding that its headers name; as it came where it cannot be decoded."""
    codings = [(b"content-encoding", value.encode("latin-1")) for value in values(headers, "content-encoding")]
    if not codings:
        return body
    try:
        return httpx2.Response(200, headers=codings, content=body).content
    except httpx2.DecodingError:
        return body


@dataclass
class Tape:
    """The exchanges of one check, in the order in which they began."""

    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def last(self) -> Exchange:
        assert self.exchanges, "the client sent nothing"
        return self.exchanges[-1]

    def begin(self, request: httpx2.Request, body: bytes) -> Exchange:
        exchange = Exchange(request.method, str(request.url), _headers(request.headers), body)
        self.exchanges.append(exchange)
        return exchange


def _headers(headers: httpx2.Headers) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.raw)


def _add(request: httpx2.Request, headers: Headers) -> None:
    for name, value in headers:
        request.headers.setdefault(name, value)


class _AsyncTee(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, exchange: Exchange) -> None:
        self._stream = stream
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                self._exchange.take(chunk)
                yield chunk
        except httpx2.TransportError as error:
            self._exchange.error = repr(error)
            raise
        self._exchange.complete = True

    async def aclose(self) -> None:
        await self._stream.aclose()


class _SyncTee(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream, exchange: Exchange) -> None:
        self._stream = stream
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                self._exchange.take(chunk)
                yield chunk
        except httpx2.TransportError as error:
            self._exchange.error = repr(error)
            raise
        self._exchange.complete = True

    def close(self) -> None:
        self._stream.close()


class AsyncTeeTransport(httpx2.AsyncBaseTransport):
    """Passes everything on to a transport and keeps a copy on a tape; `headers` are added to each request."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, tape: Tape, headers: Headers = ()) -> None:
        self._transport = transport
        self._tape = tape
        self._headers = headers

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        _add(request, self._headers)
        exchange = self._tape.begin(request, await request.aread())
        try:
            response = await self._transport.handle_async_request(request)
        except httpx2.TransportError as error:
            exchange.error = repr(error)
            raise
        exchange.status, exchange.answer_headers = response.status_code, _headers(response.headers)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _AsyncTee(response.stream, exchange)
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()


class SyncTeeTransport(httpx2.BaseTransport):
    """The same for blocking clients."""

    def __init__(self, transport: httpx2.BaseTransport, tape: Tape, headers: Headers = ()) -> None:
        self._transport = transport
        self._tape = tape
        self._headers = headers

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        _add(request, self._headers)
        exchange = self._tape.begin(request, request.read())
        try:
            response = self._transport.handle_request(request)
        except httpx2.TransportError as error:
            exchange.error = repr(error)
            raise
        exchange.status, exchange.answer_headers = response.status_code, _headers(response.headers)
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = _SyncTee(response.stream, exchange)
        return response

    def close(self) -> None:
        self._transport.close()
