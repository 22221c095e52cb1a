"""One row for each call: who, what, where to, how it ended. Never a secret, never a prompt."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Self

from gateway.sinks import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.rows import Row
    from gateway.sinks import Sink

logger = logging.getLogger(__name__)
BATCH_SECONDS = 0.2
MOST_ROWS_WAITING = 10_000
MOST_ROWS_HELD = 10 * MOST_ROWS_WAITING


class AuditLog:
    """Rows are written in batches, off the event loop. When too many wait, the next caller writes them itself.

    What cannot be written is lost, and so is what finds no room while a write hangs: no call fails or waits for it.
    """

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks
        self._waiting: list[Entry] = []
        self._writing = threading.Lock()
        self._stopping = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._losing: dict[Sink, int] = {}
        self.lost = 0

    async def __aenter__(self) -> Self:
        for sink in self._sinks:
            sink.open()
        if self._sinks:
            self._writer = asyncio.create_task(self._write_in_batches())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        if self._writer is not None:
            await self._writer
        for sink, lost in self._losing.items():
            logger.error("audit: %d rows were lost at %s", lost, sink)
        for sink in self._sinks:
            sink.close()

    def record(self, row: Row) -> None:
        if not self._sinks:
            return
        if len(self._waiting) >= MOST_ROWS_HELD:
            self.lost += 1
            return
        self._waiting.append(Entry.of(row))
        if len(self._waiting) >= MOST_ROWS_WAITING and self._writing.acquire(blocking=False):
            try:
                self._write(self._take())
            finally:
                self._writing.release()

    async def _write_in_batches(self) -> None:
        stopping = False
        while not stopping:
            stopping = await self._stopped_within(BATCH_SECONDS)
            if entries := self._take():
                await asyncio.to_thread(self._write_alone, entries)

    async def _stopped_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    def _take(self) -> list[Entry]:
        entries, self._waiting = self._waiting, []
        return entries

    def _write_alone(self, entries: list[Entry]) -> None:
        with self._writing:
            self._write(entries)

    def _write(self, entries: list[Entry]) -> None:
        for sink in self._sinks:
            waiting = deque(entries)
            try:
                sink.write(waiting)
            except OSError as error:
                self._lose(sink, len(waiting), error)
            else:
                if lost := self._losing.pop(sink, 0):
                    logger.warning("audit: %d rows were lost at %s, which takes rows again", lost, sink)

    def _lose(self, sink: Sink, rows: int, error: OSError) -> None:
        """Told once, not for every batch of an hour."""
        if sink not in self._losing:
            logger.error("audit: rows are being lost at %s: %s", sink, error)
        self._losing[sink] = self._losing.get(sink, 0) + rows
        self.lost += rows
