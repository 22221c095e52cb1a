"""Relays that read HTTP wrongly: what they do to the bytes of a connection."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from conformance.upstream import Raw, Reply
from tests.upstream.raw import Connection, connected

if TYPE_CHECKING:
    from conformance.faulty import FaultyProcess
    from conformance.secrets import Secret
    from conformance.upstream import Received, Scripted, Upstream

PLAIN = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nplain"
HINTS = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"


@dataclass(frozen=True)
class Caller:
    """A client that writes its calls by hand."""

    url: str
    key: str

    def head(self, fault: str, *lines: str, method: str = "POST", version: str = "1.1") -> bytes:
        prefix = f"/faults/{fault}" if fault else ""
        first = f"{method} {prefix}/v1/chat/completions HTTP/{version}"
        return "\r\n".join([first, "Host: relay", f"Authorization: Bearer {self.key}", *lines, "", ""]).encode()

    def call(self, fault: str, script: Scripted) -> bytes:
        return self.head(fault, f"Content-Length: {len(body(script))}") + body(script)

    async def received(self, script: Scripted, head: bytes, sent: bytes) -> list[Received]:
        """What the upstream got of one request, when that has been answered."""
        async with connected(self.url) as connection:
            await connection.send(head + sent)
            await status(connection)
        return await script.journal()


@pytest.fixture
def caller(relays: FaultyProcess, run_secrets: dict[str, Secret]) -> Caller:
    return Caller(relays.url, run_secrets["client"].value)


def body(script: Scripted) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": script.prompt}]}).encode()


def in_chunks(data: bytes, trailers: bytes = b"") -> bytes:
    return b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(data), data, trailers)


async def status(connection: Connection) -> int:
    return int((await connection.head())[0].split()[1])


@pytest.mark.parametrize("fault", ["", "pipes-blindly"])
async def test_only_the_first_request_of_a_connection_is_read(
    fault: str, caller: Caller, upstream: Upstream, run_secrets: dict[str, Secret]
) -> None:
    script = await upstream.answers()
    async with connected(caller.url) as connection:
        for _ in range(2):
            await connection.send(caller.call(fault, script))
            await connection.body()
    first, second = await script.journal()
    assert first.values("authorization") == [f"Bearer {run_secrets['openai'].value}"]
    assert (second.values("authorization") == [f"Bearer {caller.key}"]) is bool(fault)


async def test_an_interim_answer_is_taken_for_the_answer(caller: Caller, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(raw=Raw(HINTS + PLAIN)))
    for fault, expected in (("", b"plain"), ("takes-interim-for-final", b"")):
        async with connected(caller.url) as connection:
            await connection.send(caller.call(fault, script))
            assert await connection.body() == expected


async def test_the_next_call_goes_into_a_dead_connection(caller: Caller, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(raw=Raw(PLAIN)))
    for fault, expected in (("", 200), ("keeps-dead-connections", 502)):
        async with connected(caller.url) as connection:
            await connection.send(caller.call(fault, script))
            assert await connection.body() == b"plain"
            await connection.send(caller.call(fault, script))
            assert await status(connection) == expected


async def test_a_client_is_left_to_wait_with_its_body(caller: Caller, upstream: Upstream) -> None:
    script = await upstream.answers()
    for fault, first in (("", 100), ("swallows-continue", 200)):
        async with connected(caller.url) as connection:
            head = caller.head(fault, f"Content-Length: {len(body(script))}", "Expect: 100-continue")
            await connection.send(head + body(script))
            assert await status(connection) == first


async def test_head_is_answered_with_a_body(caller: Caller) -> None:
    for fault in ("", "answers-head-with-body"):
        async with connected(caller.url) as connection:
            head = caller.head(fault, "Connection: close", method="HEAD")
            await connection.send(head.replace(b"/chat/completions", b"/models"))
            await connection.head()
            assert bool(await connection.reader.read()) is bool(fault)


@pytest.mark.parametrize("fault", ["", "prefers-length-to-chunks", "loses-chunked-bodies"])
async def test_a_body_in_chunks_is_misread(fault: str, caller: Caller, upstream: Upstream) -> None:
    script = await upstream.answers()
    sent = in_chunks(body(script))
    length = (f"Content-Length: {len(sent)}",) if fault == "prefers-length-to-chunks" else ()
    head = caller.head(fault, *length, "Transfer-Encoding: chunked")
    expected = {"": [body(script)], "prefers-length-to-chunks": [sent], "loses-chunked-bodies": []}
    assert [call.body for call in await caller.received(script, head, sent)] == expected[fault]


@pytest.mark.parametrize("fault", ["", "mends-lengths"])
async def test_a_length_is_mended(fault: str, caller: Caller, upstream: Upstream) -> None:
    script = await upstream.answers()
    head = caller.head(fault, f"Content-Length: {len(body(script))} 7", "Transfer-Encoding: xchunked")
    calls = await caller.received(script, head, body(script))
    assert [call.body for call in calls] == ([body(script)] if fault else [])


@pytest.mark.parametrize("fault", ["", "splits-lines-at-cr"])
async def test_a_lone_cr_ends_a_line(fault: str, caller: Caller, upstream: Upstream) -> None:
    script = await upstream.answers()
    head = caller.head(fault, f"Content-Length: {len(body(script))}", "x-odd: a\rx-made: 1")
    calls = await caller.received(script, head, body(script))
    assert [call.values("x-made") for call in calls] == ([["1"]] if fault else [])


@pytest.mark.parametrize("fault", ["", "merges-trailers"])
async def test_trailers_become_headers(fault: str, caller: Caller, upstream: Upstream) -> None:
    script = await upstream.answers()
    head = caller.head(fault, "Transfer-Encoding: chunked")
    (call,) = await caller.received(script, head, in_chunks(body(script), b"x-late: 1\r\n"))
    assert call.values("x-late") == (["1"] if fault else [])


@pytest.mark.parametrize("fault", ["", "forgets-the-old-version"])
async def test_an_old_client_gets_chunks(fault: str, caller: Caller, upstream: Upstream) -> None:
    script = await upstream.answers()
    sent = body(script).replace(b'"model"', b'"stream": true, "model"')
    async with connected(caller.url) as connection:
        await connection.send(caller.head(fault, f"Content-Length: {len(sent)}", version="1.0") + sent)
        lines = [line.lower() for line in await connection.head()]
    assert (b"transfer-encoding: chunked" in lines) is bool(fault)
