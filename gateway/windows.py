"""Where the calls of the last minute are counted: in this process, or in a Redis that replicas share.

The strategies are those of the package `limits`. Its own storage in memory looks through every key at each call.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from limits.aio.storage import MovingWindowSupport, RedisStorage, Storage
from limits.aio.storage.redis.redispy import RedispyBridge

from gateway.limits import MEMORY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SWEPT_SECONDS = 60.0


@asynccontextmanager
async def counted_at(url: str) -> AsyncIterator[Storage]:
    """`memory`, or a Redis: `redis://`, `rediss://` or `redis+unix://`."""
    if url == MEMORY:
        yield InMemory()
        return
    storage = RedisStorage(f"async+{url}", wrap_exceptions=True, implementation="redispy", key_prefix="llm-gateway")
    assert isinstance(storage.bridge, RedispyBridge)
    try:
        yield storage
    finally:
        await storage.bridge.storage.aclose()


@dataclass(slots=True)
class Count:
    number: int = 0
    until: float = 0.0


@dataclass(slots=True)
class Entries:
    """Times of entries, the oldest first; they count for `expiry` seconds."""

    expiry: float
    times: deque[float] = field(default_factory=deque)

    def current(self, now: float) -> deque[float]:
        while self.times and self.times[0] <= now - self.expiry:
            self.times.popleft()
        return self.times


class InMemory(Storage, MovingWindowSupport):
    """For one event loop: nothing here waits, so nothing comes between a look and a count."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._clock = clock
        self._counts: dict[str, Count] = {}
        self._entries: dict[str, Entries] = {}
        self._swept = clock()

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = self._now()
        count = self._counts.get(key)
        if count is None or count.until <= now:
            count = self._counts[key] = Count(until=now + expiry)
        count.number += amount
        return count.number

    async def get(self, key: str) -> int:
        count = self._counts.get(key)
        return count.number if count and count.until > self._clock() else 0

    async def get_expiry(self, key: str) -> float:
        count = self._counts.get(key)
        return count.until if count else self._clock()

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        now = self._now()
        times = self._entries.setdefault(key, Entries(expiry)).current(now)
        if len(times) + amount > limit:
            return False
        times.extend([now] * amount)
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 -- the base's
        now = self._clock()
        entries = self._entries.get(key)
        times = entries.current(now) if entries else ()
        return (times[0] if times else now), len(times)

    async def check(self) -> bool:
        return True

    async def reset(self) -> int:
        known = len(self._counts) + len(self._entries)
        self._counts.clear()
        self._entries.clear()
        return known

    async def clear(self, key: str) -> None:
        self._counts.pop(key, None)
        self._entries.pop(key, None)

    def _now(self) -> float:
        now = self._clock()
        if now - self._swept >= SWEPT_SECONDS:
            self._swept = now
            self._counts = {key: count for key, count in self._counts.items() if count.until > now}
            self._entries = {key: entries for key, entries in self._entries.items() if entries.current(now)}
        return now
