"""The key store for those who write to it while calls are served."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Self, TypeVar

from gateway.databases import DatabaseError
from gateway.keys import KeyStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.config import Keys

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Keeping:
    """A connection of its own in a thread of its own: it waits for the disk and for locks, and the loop does not."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._thread = ThreadPoolExecutor(1, "keys")

    async def __aenter__(self) -> Self:
        keys, loop = self._keys, asyncio.get_running_loop()
        self._store = await loop.run_in_executor(self._thread, KeyStore, keys.place, keys.prefix)
        self._pruning = asyncio.create_task(self._prune_for_ever())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._pruning.cancel()
        with suppress(asyncio.CancelledError):
            await self._pruning
        await self.do(KeyStore.close)
        self._thread.shutdown()

    async def do(self, work: Callable[[KeyStore], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self._store)

    async def _prune_for_ever(self) -> None:
        while True:
            try:
                await self.do(lambda store: store.prune(time.time() - self._keys.prune_after_seconds))
            except DatabaseError:
                logger.exception("dead keys cannot be pruned")
            await asyncio.sleep(self._keys.prune_every_seconds)
