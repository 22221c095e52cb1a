"""A host that nobody should call."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
from anyio.abc import SocketAttribute

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import SocketStream

_CONTENT = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def trap() -> AsyncIterator[tuple[int, list[bytes]]]:
    """Its port on this machine, and what callers have said to it."""
    heard: list[bytes] = []

    async def hear(caller: SocketStream) -> None:
        async with caller:
            heard.append(await caller.receive())
            await caller.send(_CONTENT)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as listening:
        listening.start_soon(listener.serve, hear)
        yield listener.extra_attributes[SocketAttribute.local_port](), heard
        listening.cancel_scope.cancel()
