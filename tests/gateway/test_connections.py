"""One request to a provider and its answer, on a connection that may be used again."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
import pytest
from multidict import CIMultiDict
from yarl import URL

from gateway.connections import Connections

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEADERS = CIMultiDict({"X-Own": "1"})


@dataclass
class Provider:
    """Answers each request with the next of `answers`, as soon as it has the request's head."""

    answers: list[bytes]
    stays: bool
    url: URL = field(default_factory=URL)
    heads: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    running: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def connections(self) -> int:
        return len(self.writers)

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.running.add(asyncio.create_task(self.answer(reader, writer)))

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            while self.answers:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self.answers.pop(0))
                await writer.drain()
            if self.stays:
                await reader.read()
        writer.close()


@asynccontextmanager
async def providing(*answers: bytes, stays: bool = True) -> AsyncIterator[Provider]:
    """Hangs up when there is nothing left to say, or, if it stays, when the client does."""
    provider = Provider(list(answers), stays)
    async with await asyncio.start_server(provider.serve, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        provider.url = URL(f"{address}/v1/messages?a=b%2F", encoded=True)
        yield provider
    await asyncio.gather(*provider.running)


async def ask(
    connections: Connections, provider: Provider, method: str = "POST", body: bytes = b""
) -> tuple[int, bytes]:
    reply = await connections.ask(method, provider.url, HEADERS, body)
    return reply.status, await reply.content.read()


async def test_a_request_says_what_it_is_given_and_its_framing() -> None:
    async with providing(OK, OK) as provider, Connections() as connections:
        assert await ask(connections, provider) == (200, b"ok")
        assert await ask(connections, provider, "GET") == (200, b"ok")
    host = f"Host: 127.0.0.1:{provider.url.port}\r\nX-Own: 1\r\n".encode()
    assert provider.heads == [
        b"POST /v1/messages?a=b%2F HTTP/1.1\r\n" + host + b"Content-Length: 0\r\n\r\n",
        b"GET /v1/messages?a=b%2F HTTP/1.1\r\n" + host + b"\r\n",
    ]
    assert provider.connections == 1


async def test_what_comes_before_the_answer_is_not_it() -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
    async with providing(early + OK, OK) as provider, Connections() as connections:
        assert await ask(connections, provider) == (200, b"ok")
        assert await ask(connections, provider) == (200, b"ok")
    assert provider.connections == 1


async def test_the_answer_to_head_has_no_body() -> None:
    async with providing(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", OK) as provider, Connections() as connections:
        assert await ask(connections, provider, "HEAD") == (200, b"")
        assert await ask(connections, provider) == (200, b"ok")
    assert provider.connections == 1


async def test_who_answers_before_all_is_read_is_asked_anew() -> None:
    early = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"
    async with providing(early, OK) as provider, Connections() as connections:
        assert await ask(connections, provider, body=b"x" * 32_000_000) == (413, b"no")
        assert await ask(connections, provider) == (200, b"ok")
    assert provider.connections == 2


async def test_an_answer_that_is_not_read_ends_with_its_connection() -> None:
    async with providing(OK[:-1], OK) as provider, Connections() as connections:
        reply = await connections.ask("POST", provider.url, HEADERS, b"")
        reply.close()
        assert await ask(connections, provider) == (200, b"ok")
    assert provider.connections == 2


@pytest.mark.parametrize("unasked", [OK, b"rubbish"])
async def test_what_nobody_has_asked_for_is_nobodys_answer(unasked: bytes) -> None:
    async with providing(OK + unasked, OK.replace(b"ok", b"my")) as provider, Connections() as connections:
        with suppress(aiohttp.ClientError):
            await ask(connections, provider)
        assert await ask(connections, provider) == (200, b"my")
    assert provider.connections == 2


async def test_nor_is_what_comes_later() -> None:
    async with providing(OK, OK, OK) as provider, Connections() as connections, Connections() as others:
        assert await ask(connections, provider) == (200, b"ok")
        provider.writers[0].write(OK.replace(b"ok", b"no"))
        assert await ask(others, provider) == (200, b"ok")  # which has come later still
        assert await ask(connections, provider) == (200, b"ok")
        assert provider.connections == 3


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-", b"rubbish\r\n\r\n"])
async def test_no_answer_is_said_so(answer: bytes) -> None:
    async with providing(answer, stays=False) as provider, Connections() as connections:
        with pytest.raises(aiohttp.ClientError):
            await ask(connections, provider)


async def test_nobody_is_there() -> None:
    async with providing() as provider:
        """Only its address is wanted."""
    async with Connections() as connections:
        with pytest.raises(aiohttp.ClientConnectorError):
            await ask(connections, provider)


async def test_no_header_ends_its_line() -> None:
    async with providing(OK) as provider, Connections() as connections:
        with pytest.raises(ValueError, match="header injection"):
            await connections.ask("POST", provider.url, CIMultiDict({"X-Own": "1\r\nX-More: 2"}), b"")
    assert provider.heads == []
