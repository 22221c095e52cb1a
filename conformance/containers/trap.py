"""Stands where providers' names lead: takes every connection, answers nothing, and writes down what it gets.

`python trap.py PORT...`: one JSON line a connection, `{"port": 443, "heard": "the first bytes, as Latin-1"}`. The
greeting of a TLS client names the host that it wants, so that is among them. Imports nothing but Python's own.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import suppress
from functools import partial

_MOST_BYTES = 64 * 1024
_PATIENCE = 2.0


async def _heard(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    heard = b""
    with suppress(TimeoutError, OSError):
        heard = await asyncio.wait_for(reader.read(_MOST_BYTES), _PATIENCE)
    sys.stdout.write(json.dumps({"port": port, "heard": heard.decode("latin-1")}) + "\n")
    sys.stdout.flush()
    writer.close()


async def _listen(ports: list[int]) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    for port in ports:
        await asyncio.start_server(partial(_heard, port), port=port)
    sys.stdout.write(json.dumps({"listening": ports}) + "\n")
    sys.stdout.flush()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(_listen([int(port) for port in sys.argv[1:]]))
