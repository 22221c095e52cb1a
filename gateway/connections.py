"""The connections to the providers, and one request and its answer on them.

Connecting, TLS, keeping connections and reading answers are aiohttp's. Its session is left out: cookies, redirects and
repetitions are nothing for a gateway, and each call would pay for them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

import aiohttp
from aiohttp import hdrs
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_writer import StreamWriter
from multidict import CIMultiDict

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.http_parser import RawResponseMessage
    from yarl import URL

CONNECT = aiohttp.ClientTimeout(total=None, sock_connect=10)
HEADER_BYTES = 64 * 1024
HEADER_COUNT = 256
WITHOUT_BODY = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
INFORMATIONAL = range(100, 200)
KEPT_TRIED = 8
SWITCHED = 101


class Reply:
    """What a provider answers: the head is here, the body comes by `content`."""

    __slots__ = ("_connection", "content", "headers", "reason", "status")

    def __init__(self, connection: Connection, message: RawResponseMessage, content: aiohttp.StreamReader) -> None:
        self._connection = connection
        self.status = message.code
        self.reason = message.reason
        self.headers = message.headers
        self.content = content
        content.on_eof(self._keep)

    @property
    def content_type(self) -> str:
        return self.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower()

    def close(self) -> None:
        """An answer that has not been read to its end ends with its connection."""
        self._connection.close()

    def _keep(self) -> None:
        """Unless the provider has answered before it has read the request."""
        transport = self._connection.transport
        if transport is None or transport.get_write_buffer_size():
            self._connection.close()
        else:
            self._connection.release()


class Connections:
    """Kept per origin, and used again as soon as an answer has been read to its end."""

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._connector = aiohttp.TCPConnector(limit=0)
        self._origins: dict[tuple[str, str | None, int | None], aiohttp.ClientRequest] = {}
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connector.close()

    async def ask(self, method: str, url: URL, headers: CIMultiDict[str], body: bytes) -> Reply:
        """The request has these headers, and those of its framing. Raises aiohttp.ClientError or OSError."""
        connection = await self._connected(url)
        try:
            protocol = connection.protocol
            assert protocol is not None
            expect(protocol, method)
            await self._send(protocol, method, url, headers, body)
            return Reply(connection, *await answered(protocol))
        except BaseException:
            connection.close()
            raise

    async def _connected(self, url: URL) -> Connection:
        key = url.scheme, url.raw_host, url.port
        if (origin := self._origins.get(key)) is None:
            origin = self._origins[key] = aiohttp.ClientRequest(hdrs.METH_GET, url.origin(), loop=self._loop)
        try:
            for _ in range(KEPT_TRIED):
                connection = await self._connector.connect(origin, [], CONNECT)
                if connection.protocol is not None and not connection.protocol.should_close:
                    return connection
                connection.close()  # something has come that nobody had asked for
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError(f"no connection to {url.host}") from error
        raise aiohttp.ClientConnectionError(f"{url.host} speaks before it is asked")

    async def _send(
        self, protocol: ResponseHandler, method: str, url: URL, headers: CIMultiDict[str], body: bytes
    ) -> None:
        """In one piece. Nobody waits until it has gone out: a provider may answer before it has read all of it."""
        framed = CIMultiDict([(hdrs.HOST, url.host_port_subcomponent or "")])
        framed.extend(headers)
        if body or method not in WITHOUT_BODY:
            framed[hdrs.CONTENT_LENGTH] = str(len(body))
        writer = StreamWriter(protocol, self._loop)
        await writer.write_headers(f"{method} {url.raw_path_qs} HTTP/1.1", framed)
        await writer.write(body, drain=False)


def expect(protocol: ResponseHandler, method: str) -> None:
    protocol.set_response_params(
        skip_payload=method == hdrs.METH_HEAD,
        read_until_eof=True,
        auto_decompress=False,
        max_line_size=HEADER_BYTES,
        max_field_size=HEADER_BYTES,
        max_headers=HEADER_COUNT,
    )


async def answered(protocol: ResponseHandler) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """The final answer: https://www.rfc-editor.org/rfc/rfc9110#section-15.2."""
    try:
        message, content = await protocol.read()
        while message.code in INFORMATIONAL and message.code != SWITCHED:
            message, content = await protocol.read()
    except HttpProcessingError as error:
        raise aiohttp.ClientPayloadError(error.message) from error
    return message, content
