"""One JSON line for each call: who, what, where to, how it ended. Never a secret, never a prompt."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

    Row = dict[str, Any]

logger = logging.getLogger(__name__)
BATCH_SECONDS = 0.2
MOST_LINES_WAITING = 10_000


class AuditLog:
    """Lines are written in batches, off the event loop. When too many wait, the next caller writes them itself."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lines: list[str] = []
        self._writing = threading.Lock()
        self._stopping = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._path is not None:
            self._path.touch(mode=0o600)
            self._writer = asyncio.create_task(self._write_in_batches(self._path))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        if self._writer is not None:
            await self._writer

    def record(self, row: Row) -> None:
        if self._path is None:
            return
        self._lines.append(json.dumps(row))
        if len(self._lines) >= MOST_LINES_WAITING:
            self._write(self._path, self._take())

    async def _write_in_batches(self, path: Path) -> None:
        stopping = False
        while not stopping:
            stopping = await self._stopped_within(BATCH_SECONDS)
            if lines := self._take():
                await asyncio.to_thread(self._write, path, lines)

    async def _stopped_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    def _take(self) -> list[str]:
        lines, self._lines = self._lines, []
        return lines

    def _write(self, path: Path, lines: list[str]) -> None:
        try:
            with self._writing, path.open("a") as file:
                file.write("\n".join([*lines, ""]))
        except OSError:
            logger.exception("audit: %d rows lost", len(lines))
