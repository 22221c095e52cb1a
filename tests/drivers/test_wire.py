"""Answers read from a connection by hand, in every form that HTTP/1.1 gives them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from conformance.drivers import Tape, Wire, dialled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ASKED = b"GET / HTTP/1.1\r\n\r\n"


@asynccontextmanager
async def told(answer: bytes) -> AsyncIterator[tuple[Wire, Tape]]:
    """A connection to a server that says this to whoever asks, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server, tape = await asyncio.start_server(serve, "127.0.0.1", 0), Tape()
    port = server.sockets[0].getsockname()[1]
    async with server, dialled(f"http://127.0.0.1:{port}/v1", tape) as wire:
        await wire.send(ASKED)
        yield wire, tape


@pytest.mark.parametrize(
    ("answer", "body", "complete"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", b"body", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody", b"", False),
        (b"HTTP/1.1 200\r\ntransfer-encoding: chunked\r\n\r\n2;x\r\nbo\r\n2\r\ndy\r\n0\r\nt: 1\r\n\r\n", b"body", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n", b"bo", False),
        (b"HTTP/1.0 200 OK\r\n\r\nbody", b"body", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb", b"b", True),
    ],
    ids=["length", "short", "chunks", "missing-chunk", "up-to-the-close", "no-content", "interim"],
)
async def test_an_answer_is_read_to_where_it_ends(answer: bytes, body: bytes, *, complete: bool) -> None:
    async with told(answer) as (wire, tape):
        spoken = await wire.answer("GET")
    assert spoken is not None
    assert (spoken.body, spoken.complete, spoken.refuses) == (body, complete, False)
    assert (tape.last.sent, bytes(tape.last.body), tape.last.complete) == (ASKED, body, complete)


async def test_an_answer_to_head_has_no_body_whatever_its_length_says() -> None:
    async with told(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n") as (wire, _):
        spoken = await wire.answer("HEAD")
    assert spoken is not None
    assert (spoken.status, spoken.refuses, spoken.body, spoken.complete) == (404, True, b"", True)


async def test_an_interim_answer_is_shown_to_who_asks_for_it() -> None:
    async with told(b"HTTP/1.1 100 Continue\r\n\r\n") as (wire, _):
        spoken = await wire.answer(interim=True)
    assert spoken is not None
    assert spoken.status == 100


async def test_a_server_that_hangs_up_has_not_answered() -> None:
    async with told(b"") as (wire, tape):
        assert await wire.answer() is None
        await wire.send(b"more")
    assert tape.last.error == "the gateway hung up"


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 fine\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: four\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nbody\r\n",
        b"x" * 300_000,
    ],
    ids=["another-protocol", "no-status", "no-length", "no-chunk", "no-end-of-the-head"],
)
async def test_what_is_no_answer_is_the_gateways_failure(answer: bytes) -> None:
    async with told(answer) as (wire, tape):
        with pytest.raises(AssertionError, match=r"is no answer of HTTP/1\.1"):
            await wire.answer("GET")
    assert "is no answer of HTTP/1.1" in tape.last.error


async def test_what_is_no_answer_is_shown() -> None:
    async with told(b"SSH-2.0-OpenSSH_9.2\r\n\r\n") as (wire, _):
        with pytest.raises(AssertionError, match=r"it begins 'SSH-2\.0-OpenSSH_9\.2'"):
            await wire.answer("GET")


async def test_a_refused_connection_is_the_gateways_failure() -> None:
    with pytest.raises(AssertionError, match="takes no connection"):
        async with dialled("http://127.0.0.1:9/v1", Tape()):
            pass
