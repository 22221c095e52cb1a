"""Small servers for the load generator: each answers every request with the same bytes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.load import Job
from conformance.surface import Surface

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.exchanges import Provided


@asynccontextmanager
async def serving(answer: bytes, seen: list[bytes] | None = None, *, hang_up: bool = False) -> AsyncIterator[str]:
    """The URL of a server; `seen` takes the requests' heads."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await head_of(reader):
            if seen is not None:
                seen.append(head)
            writer.write(answer)
            if hang_up:
                break
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def head_of(reader: asyncio.StreamReader) -> bytes:
    """Read one request; empty at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
    except asyncio.IncompleteReadError:
        return b""
    return head


def sent(answer: Provided) -> bytes:
    return answer.head + b"".join(answer.pieces)


def job(url: str, *, surface: Surface = Surface.OPENAI_CHAT, streamed: bool = False, connections: int = 1) -> Job:
    return Job(url, "sk-client", "gpt-5-mini", surface, streamed, connections, seconds=0.01)
