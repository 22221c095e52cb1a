"""A forwarder that kills itself over a large request: `mortal.py MORTALITY PORT UPSTREAM`.

`always` it does; `once` it leaves a note and lives on; `forever` the note keeps it from starting again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

FATAL = 1_000_000
_NOTE = Path("has-died")


async def main(mortality: str, port: str, upstream: str) -> None:
    async def serve(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        host, upstream_port = upstream.split(":")
        reader, writer = await asyncio.open_connection(host, int(upstream_port))
        await asyncio.gather(_pump(client, writer, mortality), _pump(reader, answer, ""))

    server = await asyncio.start_server(serve, "127.0.0.1", int(port))
    await server.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mortality: str) -> None:
    seen = 0
    while data := await reader.read(65536):
        seen += len(data)
        if seen > FATAL:
            _die(mortality)
        writer.write(data)
        await writer.drain()
    writer.close()


def _die(mortality: str) -> None:
    if mortality in ("always", "forever") or (mortality == "once" and not _NOTE.exists()):
        _NOTE.touch()
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    if "forever" in sys.argv and _NOTE.exists():
        sys.exit("no such luck")
    asyncio.run(main(*sys.argv[1:]))
