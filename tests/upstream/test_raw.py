"""Answers that no HTTP library would write, and requests that are no HTTP."""

from __future__ import annotations

import asyncio
import json

import pytest

from conformance.upstream import Raw, Reply, Upstream
from tests.upstream.conftest import KEYS
from tests.upstream.raw import CHAT, chat, connected

ODD = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200\r\ncontent-length : 2\r\n\r\nodd"


async def test_a_raw_answer_goes_out_to_the_letter_and_the_connection_ends(upstream: Upstream) -> None:
    script = await upstream.answers(Reply(raw=Raw(ODD)))
    async with connected(upstream.url) as connection:
        await connection.send(chat(script.prompt))
        assert await connection.reader.read() == ODD
    received = await script.received()
    assert (received.sent, received.finished, received.legible) == (ODD, True, True)


async def test_a_raw_answer_may_leave_the_connection_open(upstream: Upstream) -> None:
    raw = await upstream.answers(Reply(raw=Raw(ODD, keeps=True)))
    plain = await upstream.answers(Reply(text="still here"))
    async with connected(upstream.url) as connection:
        await connection.send(chat(raw.prompt))
        assert await connection.reader.readexactly(len(ODD)) == ODD
        await connection.send(chat(plain.prompt))
        assert b"still here" in await connection.body()


async def test_a_raw_answer_wants_the_key_like_any_other(upstream: Upstream) -> None:
    script = await upstream.answers(Reply(raw=Raw(ODD)))
    async with connected(upstream.url) as connection:
        await connection.send(chat(script.prompt).replace(KEYS["openai"].encode(), b"sk-wrong"))
        assert b"401" in (await connection.head())[0]


def malformed(body: bytes, *framing: str) -> bytes:
    lines = [f"POST {CHAT} HTTP/1.1", "Host: upstream", f"Authorization: Bearer {KEYS['openai']}", *framing]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.mark.parametrize(
    ("framing", "before", "after"),
    [
        (("Content-Length: 3", "Transfer-Encoding: chunked"), b"", b""),
        (("Content-Length: 3", "Content-Length: 4"), b"", b""),
        (("Content-Length: +3",), b"", b""),
        (("Transfer-Encoding: chunked",), b"0xq\r\n", b""),
        (("Transfer-Encoding: chunked",), b"2\r\n{}", b"0\r\n\r\n"),
    ],
    ids=["both", "two-lengths", "signed-length", "chunk-size", "chunk-end"],
)
async def test_what_is_no_http_is_kept_with_its_case(
    upstream: Upstream, framing: tuple[str, ...], before: bytes, after: bytes
) -> None:
    script, other = await upstream.answers(), await upstream.answers()
    body = json.dumps({"messages": [{"role": "user", "content": script.prompt}]}).encode()
    async with connected(upstream.url) as connection:
        await connection.send(chat(other.prompt))
        await connection.body()
        await connection.send(malformed(before + body + after, *framing))
        assert b" 400 " in (await connection.head())[0]
        assert await asyncio.wait_for(connection.reader.read(), 30) is not None
    assert [call.legible for call in await other.journal()] == [True]
    (call,) = await script.journal()
    assert not call.legible
    assert script.token.encode() in call.body
