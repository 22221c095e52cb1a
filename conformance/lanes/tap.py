"""A tap in the wire between an SDK in another process and the gateway: bytes pass on, a copy goes on the tape.

Untouched but for one line: the Host, which the SDK takes from the address that it calls, is made the gateway's.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2

from conformance.lanes.scribe import Scribe
from conformance.tls import tls

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from conformance.drivers.tape import Tape

_CHUNK = 64 * 1024
_RESET = struct.pack("ii", 1, 0)
_PORTS = {"http": 80, "https": 443}


class Tap:
    """Listens on a port of its own from the start, and serves once it is opened inside an event loop.

    What one side does, the other sees: an end is an end there too, and a reset a reset.
    """

    def __init__(self, url: str, tape: Tape) -> None:
        """`url` is the gateway's base URL; `self.url` is the same one by way of the tap."""
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._gateway = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        self._tls = tls() if parts.scheme == "https" else None
        self._tape = tape
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._socket.setblocking(False)  # noqa: FBT003 - the name of the argument is no keyword
        self._tasks: set[asyncio.Task[None]] = set()
        self._wrong: list[BaseException] = []
        here = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.url = parts._replace(scheme="http", netloc=here).geturl()
        self._host = re.compile(rb"(\r\nhost: )%b(?=\r\n)" % re.escape(here.encode()), re.IGNORECASE)
        self._named = rb"\g<1>" + parts.netloc.rpartition("@")[2].encode()

    def open(self) -> None:
        asyncio.get_running_loop().add_reader(self._socket, self._accept)

    async def close(self) -> None:
        """A connection that was accepted is let begin, for one that never began would stay open."""
        asyncio.get_running_loop().remove_reader(self._socket)
        await asyncio.sleep(0)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket.close()
        if self._wrong:
            raise self._wrong[0]

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """What went wrong in the tap itself must not pass for the gateway's doing."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._wrong.append(error)

    def _accept(self) -> None:
        try:
            client, _ = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            self._wrong.append(error)
            asyncio.get_running_loop().remove_reader(self._socket)
            return
        client.setblocking(False)  # noqa: FBT003 - the name of the argument is no keyword
        self._start(self._connection(client))

    async def _connection(self, client: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=client)
        try:
            await self._connect(reader, writer)
        except OSError:
            _reset(writer)
        finally:
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gateway_reader, gateway_writer = await asyncio.open_connection(*self._gateway, ssl=self._tls)
        scribe = Scribe(self._origin, self._tape)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(_pump(reader, gateway_writer, scribe.sent, self._addressed))
                pumps.create_task(_pump(gateway_reader, writer, scribe.answered))
        except* (OSError, httpx2.TransportError) as group:
            scribe.broke(group.exceptions[0])
            _reset(writer)
            _reset(gateway_writer)
        finally:
            gateway_writer.close()

    def _addressed(self, data: bytes) -> bytes:
        return self._host.sub(self._named, data)


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    copy: Callable[[bytes], None],
    addressed: Callable[[bytes], bytes] = bytes,
) -> None:
    """Bytes first, the copy after, and the end as an end."""
    while data := addressed(await reader.read(_CHUNK)):
        writer.write(data)
        copy(data)
        await writer.drain()
    copy(b"")
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    if connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
