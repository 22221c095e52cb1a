"""HTTP/1.1 as our own server speaks it, to call the control API: what a client for all servers does costs each case."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STATUS = slice(9, 12)
_BUFFER = 2**20


class Caller:
    """Connections to one server, kept between calls; each carries one call at a time."""

    def __init__(self, url: str, secret: str) -> None:
        where = urlsplit(url)
        self._host, self._port = where.hostname, where.port or 80
        self._headers = f"HTTP/1.1\r\nhost: {where.netloc}\r\nauthorization: Bearer {secret}\r\n"
        self._idle: list[tuple[StreamReader, StreamWriter]] = []

    async def call(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body; OSError or EOFError where there is no answer."""
        reader, writer = await self._connection()
        try:
            writer.write(f"{method} {path} {self._headers}content-length: {len(body)}\r\n\r\n".encode())
            writer.write(body)
            await writer.drain()
            answer = await _answer(reader)
        except BaseException:  # whoever stopped waiting: what is still to come is nobody else's answer
            writer.close()
            raise
        self._idle.append((reader, writer))
        return answer

    async def _connection(self) -> tuple[StreamReader, StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port, limit=_BUFFER)

    async def aclose(self) -> None:
        while self._idle:
            _, writer = self._idle.pop()
            writer.close()
            await writer.wait_closed()


async def _answer(reader: StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return int(head[_STATUS]), await reader.readexactly(int(length[1]) if length else 0)
