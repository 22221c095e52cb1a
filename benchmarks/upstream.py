"""A provider that answers at once, with the same bytes for every call: what is measured is what stands before it."""

from __future__ import annotations

import argparse
import asyncio
import re
from typing import TYPE_CHECKING, cast

import uvloop

from benchmarks.exchanges import PATHS, Provided, provided

if TYPE_CHECKING:
    from collections.abc import Sequence

END_OF_HEAD = b"\r\n\r\n"
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
STREAM = re.compile(rb'"stream": ?true')
BURST = 10  # events that leave together: one write for each costs more than the gateways that are measured
UNKNOWN = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Connection(asyncio.Protocol):
    """One call at a time. A stream's events leave in bursts, each in a turn of the event loop of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(END_OF_HEAD)
        if found and len(body) >= length_of(head):
            self._received = b""
            self._answer(answer_to(head, body))

    def _answer(self, answer: Provided | None) -> None:
        if answer is None:
            self._transport.write(UNKNOWN)
            return
        first, *rest = answer.pieces
        self._transport.write(answer.head + first)
        self._send(rest)

    def _send(self, pieces: Sequence[bytes]) -> None:
        if pieces and not self._transport.is_closing():
            self._loop.call_soon(self._send_first, pieces)

    def _send_first(self, pieces: Sequence[bytes]) -> None:
        self._transport.write(b"".join(pieces[:BURST]))
        self._send(pieces[BURST:])


def length_of(head: bytes) -> int:
    found = CONTENT_LENGTH.search(head)
    return int(found[1]) if found else 0


def answer_to(head: bytes, body: bytes) -> Provided | None:
    """None where no provider serves the path."""
    path = head.split(b" ", 2)[1].partition(b"?")[0].decode()
    for surface, ending in PATHS.items():
        if path.endswith(ending):
            return provided(surface, streamed=STREAM.search(body) is not None)
    return None


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(loop), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))
