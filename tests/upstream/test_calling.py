"""Calls of the control API: each its own answer, whatever became of the others."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from conformance.upstream.calling import Caller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def called(connections: set[object]) -> AsyncIterator[Caller]:
    """A server that answers with the path; below /held when /open was called."""
    opened = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        connections.add(request.transport)
        if request.path.startswith("/held"):
            await opened.wait()
        if request.path == "/open":
            opened.set()
        return web.Response(text=f"{request.path} {len(await request.read())}")

    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        caller = Caller(str(server.make_url("")), "secret")
        yield caller
        await caller.aclose()


async def test_calls_one_after_the_other_share_a_connection() -> None:
    connections: set[object] = set()
    async with called(connections) as caller:
        for path in ("/one", "/two"):
            assert await caller.call("PUT", path, b"body") == (200, f"{path} 4".encode())
    assert len(connections) == 1


async def test_a_call_that_waits_holds_up_no_other() -> None:
    async with called(set()) as caller:
        waiting = asyncio.create_task(caller.call("GET", "/held/1"))
        await asyncio.sleep(0)
        assert await caller.call("POST", "/open") == (200, b"/open 0")
        assert await waiting == (200, b"/held/1 0")


async def test_the_answer_that_nobody_waited_for_goes_to_nobody() -> None:
    async with called(set()) as caller:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await caller.call("GET", "/held/1")
        await caller.call("POST", "/open")
        assert await caller.call("GET", "/another") == (200, b"/another 0")


async def test_a_body_may_be_large() -> None:
    async with called(set()) as caller:
        assert await caller.call("PUT", "/large", bytes(2**25)) == (200, f"/large {2**25}".encode())


async def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()
        closed.set()

    closed = asyncio.Event()
    async with await asyncio.start_server(once, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        caller = Caller(f"http://127.0.0.1:{port}", "secret")
        for _ in range(3):
            closed.clear()
            assert await caller.call("GET", "/") == (204, b"")
            await closed.wait()
            assert await caller._idle[0][0].read() == b""  # it has been told
        await caller.aclose()
