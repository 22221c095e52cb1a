"""HTTP by hand: for what clients hide."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.upstream.conftest import KEYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHAT = "/openai/v1/chat/completions"
MESSAGES = "/anthropic/v1/messages"


def chat(prompt: str, *, path: str = CHAT, version: str = "1.1", extra: str = "", **fields: Any) -> bytes:
    """A call of Chat Completions, as bytes."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": prompt}], **fields})
    return request(path, body.encode(), version=version, extra=f"Authorization: Bearer {KEYS['openai']}\r\n{extra}")


def request(path: str, body: bytes, *, method: str = "POST", version: str = "1.1", extra: str = "") -> bytes:
    head = f"{method} {path} HTTP/{version}\r\nHost: upstream\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


class Connection:
    """One TCP connection to the upstream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> list[bytes]:
        """Status line and header lines."""
        return (await self.reader.readuntil(b"\r\n\r\n")).rstrip(b"\r\n").split(b"\r\n")

    async def body(self) -> bytes:
        """The body after a head that announced its length."""
        lengths = [int(line.split(b":")[1]) for line in await self.head() if line.lower().startswith(b"content-length")]
        return await self.reader.readexactly(lengths[0])

    async def chunk(self) -> bytes:
        """The next chunk of a chunked body; b"" is the last one."""
        size = int(await self.reader.readline(), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def chunks(self) -> list[bytes]:
        """All chunks up to the clean end; asyncio.IncompleteReadError or a reset where there is none."""
        found = []
        while chunk := await self.chunk():
            found.append(chunk)
        return found


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
