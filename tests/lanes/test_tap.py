"""The tap: what one side does the other sees, and all of it is on the tape."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from conformance.drivers import Tape
from conformance.lanes.tap import Tap, _reset
from tests.sockets import is_over

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

ASKED = b"POST /v1/x?y=%C3%A7 HTTP/1.1\r\nHOST: %b\r\nX-Odd:  spaced \r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nX-One: 1\r\nx-one: 2\r\n\r\n"
    b"5;ext=1\r\nbegin\r\n4\r\n end\r\n0\r\n\r\n"
)
WHOLE = b"HTTP/1.1 429 Slow\r\nContent-Length: 2\r\n\r\nno"


@asynccontextmanager
async def tapped(handler: Handler, tape: Tape) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, Tap]]:
    """A connection by way of a tap to a server that does as `handler` says."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    tap = Tap(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/base", tape)
    tap.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(tap.url).port)
    try:
        yield reader, writer, tap
    finally:
        writer.close()
        await tap.close()
        server.close()


def asked(tap: Tap) -> bytes:
    return ASKED.replace(b"%b", urlsplit(tap.url).netloc.encode())


async def test_bytes_pass_both_ways_and_the_tape_has_both_sides() -> None:
    heard = bytearray()

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.readuntil(b"hello"))
        for byte in CHUNKED:
            writer.write(bytes([byte]))
            await writer.drain()
        await reader.read()
        writer.close()

    async with tapped(server, tape := Tape()) as (reader, writer, tap):
        writer.write(asked(tap))
        assert await reader.readuntil(b"0\r\n\r\n") == CHUNKED
        exchange = tape.last
        gateway = exchange.url.partition("/v1")[0].removeprefix("http://").encode()
        assert bytes(heard) == ASKED.replace(b"%b", gateway)
        assert (exchange.method, exchange.sent, exchange.status) == ("POST", b"hello", 200)
        assert exchange.url.endswith("/v1/x?y=%C3%A7")
        assert ("X-Odd", "spaced") in exchange.headers
        assert exchange.values("x-one") == ["1", "2"]
        assert bytes(exchange.body) == b"begin end"
        assert exchange.complete
        assert not exchange.error
        assert tap.url.endswith("/base")


async def test_a_connection_carries_one_exchange_after_the_other() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (CHUNKED, WHOLE):
            await reader.readuntil(b"hello")
            writer.write(answer)
        await reader.read()
        writer.close()

    async with tapped(server, tape := Tape()) as (reader, writer, tap):
        for end in (b"0\r\n\r\n", b"no"):
            writer.write(asked(tap))
            await reader.readuntil(end)
    assert [(exchange.status, bytes(exchange.body)) for exchange in tape.exchanges] == [
        (200, b"begin end"),
        (429, b"no"),
    ]


async def test_pieces_are_not_held_back() -> None:
    go_on = asyncio.Event()

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"hello")
        writer.write(CHUNKED[:-20])
        await go_on.wait()
        writer.write(CHUNKED[-20:])
        writer.close()

    async with tapped(server, tape := Tape()) as (reader, writer, tap):
        writer.write(asked(tap))
        assert await reader.readexactly(len(CHUNKED) - 20) == CHUNKED[:-20]
        assert not tape.last.complete
        go_on.set()
        assert await reader.read() == CHUNKED[-20:]


async def test_a_client_that_leaves_has_left_at_the_gateway_too() -> None:
    left = asyncio.Event()

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"hello")
        writer.write(CHUNKED[:-20])
        assert await reader.read() == b""
        left.set()
        writer.close()

    async with tapped(server, tape := Tape()) as (reader, writer, tap):
        writer.write(asked(tap))
        await reader.readexactly(10)
        writer.close()
        await asyncio.wait_for(left.wait(), 30)
    assert not tape.last.complete
    assert not tape.last.error, "that the client has left is not the gateway's error"


@pytest.mark.parametrize("sent", [CHUNKED[:-3], WHOLE[:-1], WHOLE[:-10], b""])
async def test_an_answer_that_stops_short_does_so_at_the_client(sent: bytes) -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"hello")
        writer.write(sent)
        writer.close()

    async with tapped(server, tape := Tape()) as (reader, writer, tap):
        writer.write(asked(tap))
        assert await reader.read() == sent
    assert not tape.last.complete
    assert "RemoteProtocolError" in tape.last.error


async def test_a_reset_is_a_reset_on_the_other_side() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"hello")
        _reset(writer)

    async with tapped(server, tape := Tape()) as (reader, writer, tap):
        writer.write(asked(tap))
        with pytest.raises(ConnectionResetError):
            await reader.read()
    assert "ConnectionResetError" in tape.last.error


async def test_a_gateway_that_is_not_there_is_a_broken_connection() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    tap = Tap(f"http://127.0.0.1:{port}", Tape())
    tap.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(tap.url).port)
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    await tap.close()


async def test_what_is_no_http_passes_and_is_told() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"hello")
        writer.write(b"SSH-2.0-surprise\r\n\r\n" + b"x" * 100)
        writer.close()

    async with tapped(server, tape := Tape()) as (reader, writer, tap):
        writer.write(asked(tap))
        assert (await reader.read()).startswith(b"SSH-2.0-surprise")
    assert "illegal" in tape.last.error.lower()


async def test_a_flood_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.drivers.tape.MOST_BYTES", 100_000)

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"hello")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000)
        with suppress(ConnectionResetError):
            await reader.read()
        writer.close()

    async with tapped(server, tape := Tape()) as (reader, writer, tap):
        writer.write(asked(tap))
        with pytest.raises(ConnectionResetError):
            await reader.read()
    assert "more than 100000 bytes" in tape.last.error


@pytest.mark.parametrize("turns", range(8))
async def test_a_connection_that_comes_as_it_closes_is_closed(turns: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        tap = Tap(f"http://127.0.0.1:{mute.getsockname()[1]}", Tape())
        tap.open()
        await asyncio.sleep(0)
        with socket.create_connection(("127.0.0.1", urlsplit(tap.url).port or 0)) as late:
            for _ in range(turns):
                await asyncio.sleep(0)
            await tap.close()
            await asyncio.sleep(0)
            late.settimeout(30)
            assert is_over(late)


async def test_a_connection_that_cannot_be_taken_in_is_the_taps_own_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: socket.socket) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    tap = Tap("http://127.0.0.1:9", Tape())
    tap.open()
    monkeypatch.setattr(socket.socket, "accept", refused)
    with socket.create_connection(("127.0.0.1", urlsplit(tap.url).port or 0)):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(OSError, match="Too many open files"):
            await tap.close()
