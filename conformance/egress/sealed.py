"""A network namespace of its own for a client: every address there is a trap, but one that leads to the gateway.

Linux lets an ordinary user have one where nobody forbids it: `unshare` makes it, `ip` makes all addresses its own.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio

from conformance.target.process import clean_environment
from conformance.tls import tls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.drivers import Door
    from conformance.surface import Surface

_SEALED = ("unshare", "--user", "--map-root-user", "--net", "--mount")
_EVERYWHERE = """
set -e
ip link set lo up
ip route add local default dev lo
mount --bind "$1" /etc/resolv.conf
shift
exec "$@"
"""
_NAMES_LEAD_HERE = "nameserver 127.0.0.1\n"
_INSIDE = Path(__file__).with_name("inside.py")
_PIECE = 64 * 1024
_SECONDS = 10


@dataclass(frozen=True)
class Told:
    """`heard` is what the calls came to, in order; `trapped` whom the client tried to reach beside the gateway."""

    heard: tuple[str, ...]
    trapped: tuple[str, ...]


@cache
def why_not() -> str | None:
    """What speaks against sealing a process in here; None where nothing does."""
    if missing := [name for name in ("unshare", "ip", "mount", "sh") if shutil.which(name) is None]:
        return f"a client is sealed in with {', '.join(missing)}, which this machine lacks"
    with TemporaryDirectory(prefix="conformance-") as home:
        tried = subprocess.run(_command(Path(home), ["true"]), capture_output=True, timeout=_SECONDS, check=False)
    said = tried.stderr.decode(errors="replace").strip()
    return f"a client cannot be sealed in here: {said}" if tried.returncode else None


async def told_when_sealed(surface: Surface, door: Door, prompts: Sequence[str]) -> Told:
    """What the official SDK, as its users make it, tells of these prompts: each asked whole, then streamed."""
    with TemporaryDirectory(prefix="conformance-") as home:
        way_out = str(Path(home) / "gateway.sock")
        server = await asyncio.start_unix_server(partial(_passed_on, door.url), way_out)
        async with server:
            said = {"surface": surface, "url": door.url, "key": door.key, "model": door.model, "prompts": prompts}
            asked = json.dumps({**said, "headers": dict(door.headers), "way_out": way_out}).encode()
            command = _command(Path(home), [sys.executable, str(_INSIDE)])
            done = await anyio.run_process(command, input=asked, env=clean_environment(Path(home), {}), check=False)
    if done.returncode:
        raise RuntimeError(f"the sealed client ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    told = json.loads(done.stdout)
    return Told(tuple(told["heard"]), tuple(told["trapped"]))


def _command(home: Path, words: list[str]) -> list[str]:
    names = home / "resolv.conf"
    names.write_text(_NAMES_LEAD_HERE, encoding="utf-8")
    return [*_SEALED, "sh", "-c", _EVERYWHERE, "sh", str(names), *words]


async def _passed_on(url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection from inside, to the gateway and back."""
    where = urlsplit(url)
    usual, trusted = (443, tls()) if where.scheme == "https" else (80, None)
    with suppress(OSError):
        to_gateway = await asyncio.open_connection(where.hostname, where.port or usual, ssl=trusted)
        await asyncio.gather(_pumped(reader, to_gateway[1]), _pumped(to_gateway[0], writer))


async def _pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    writer.close()
