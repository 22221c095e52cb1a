"""Plain HTTP, for what the SDKs hide or refuse to send."""

from __future__ import annotations

import json
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx2

from conformance.drivers.client import SILENCE
from conformance.drivers.tape import AsyncTeeTransport, Exchange, Tape
from conformance.tls import tls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from conformance.upstream.journal import Headers


class Http:
    """A client that sends exactly the headers it is given, besides Host, Content-Length and Connection.

    `headers` are those that the gateway needs on every request; `unread` is about how many bytes of an answer the
    connection holds for a client that does not read, where that is not the system's business.
    """

    def __init__(self, tape: Tape, headers: Headers = (), *, unread: int | None = None) -> None:
        self.tape = tape
        options = [(socket.SOL_SOCKET, socket.SO_RCVBUF, unread)] if unread else []
        transport = AsyncTeeTransport(httpx2.AsyncHTTPTransport(verify=tls(), socket_options=options), tape, headers)
        self._client = httpx2.AsyncClient(transport=transport, timeout=SILENCE)
        self._client.headers.clear()

    async def send(
        self, method: str, url: str, *, headers: Sequence[tuple[str, str]] = (), body: Any = None
    ) -> Exchange:
        """One exchange, read to its end; a connection that breaks is kept in `error`."""
        async with self.open(method, url, headers=headers, body=body) as (exchange, chunks):
            async for _ in chunks:
                pass
        return exchange

    @asynccontextmanager
    async def open(
        self, method: str, url: str, *, headers: Sequence[tuple[str, str]] = (), body: Any = None
    ) -> AsyncIterator[tuple[Exchange, AsyncIterator[bytes]]]:
        """One exchange with its body still to come; leaving the block hangs up."""
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        kind = [] if content is None or _has(headers, "content-type") else [("content-type", "application/json")]
        request = self._client.build_request(method, url, headers=[*headers, *kind], content=content)
        try:
            response = await self._client.send(request, stream=True)
        except httpx2.TransportError as error:
            raise AssertionError(f"{method} {url} got no answer at all: {error!r}") from error
        try:
            yield self.tape.last, _chunks(response)
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()

    async def aclose(self) -> None:
        await self._client.aclose()


async def _chunks(response: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    except httpx2.TransportError:
        return  # the tape has it


def _has(headers: Sequence[tuple[str, str]], name: str) -> bool:
    return any(key.lower() == name for key, _ in headers)
