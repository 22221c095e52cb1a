"""Where the calls of the last minute are counted: in this process, in a file that workers share, or in a Redis.

The strategies are those of the package `limits`. Its own storage in memory looks through every key at each call.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from limits.aio.storage import MovingWindowSupport, RedisStorage, Storage
from limits.aio.storage.redis.redispy import RedispyBridge

from gateway.databases import DatabaseError, Schema, opened
from gateway.limits import MEMORY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway.databases import Database

SWEPT_SECONDS = 60.0
COUNTS = Schema(
    "counts",
    {"key": "TEXT PRIMARY KEY", "number": "BIGINT NOT NULL", "until": "REAL NOT NULL"},
    ["CREATE INDEX IF NOT EXISTS counts_until ON counts (until)"],
    options="WITHOUT ROWID",
)
ENTRIES = Schema(
    "entries",
    {"key": "TEXT NOT NULL", "until": "REAL NOT NULL"},
    [
        "CREATE INDEX IF NOT EXISTS entries_key ON entries (key, until)",
        "CREATE INDEX IF NOT EXISTS entries_until ON entries (until)",
    ],
)
ADD = """INSERT INTO counts VALUES (?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET number = counts.number + excluded.number"""


@asynccontextmanager
async def counted_at(url: str, file: Path | None = None) -> AsyncIterator[Storage]:
    """`memory`, or a Redis: `redis://`, `rediss://` or `redis+unix://`. Several workers have their memory in a file."""
    if url == MEMORY and file is None:
        yield InMemory()
        return
    if url == MEMORY and file is not None:
        with closing(opened(file, durable=False)) as database:
            yield InFile(database)
        return
    from redis.asyncio import Redis  # noqa: PLC0415 -- a tenth of a second, for those who have one

    storage = RedisStorage(f"async+{url}", wrap_exceptions=True, implementation="redispy", key_prefix="llm-gateway")
    assert isinstance(storage.bridge, RedispyBridge)
    client = storage.bridge.storage
    assert isinstance(client, Redis)
    async with client:
        yield storage


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


class InFile(Storage, MovingWindowSupport):
    """For workers on one machine, which ask it in their loops: each look or count is a few statements in SQLite."""

    STORAGE_SCHEME = None

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        super().__init__(wrap_exceptions=True)
        self._db = database
        self._clock = clock
        for schema in (COUNTS, ENTRIES):
            database.prepare(schema)

    @property
    def base_exceptions(self) -> type[Exception]:
        return DatabaseError

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = self._clock()
        with self._db.exclusive():
            self._sweep(now)
            self._db.write(ADD, (key, amount, now + expiry))
            return self._count(key, now)[0]

    async def get(self, key: str) -> int:
        return self._count(key, self._clock())[0]

    async def get_expiry(self, key: str) -> float:
        return self._count(key, self._clock())[1]

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        now = self._clock()
        with self._db.exclusive():
            self._sweep(now)
            [(number,)] = self._db.rows("SELECT count(*) FROM entries WHERE key = ?", (key,))
            if number + amount > limit:
                return False
            for _ in range(amount):
                self._db.write("INSERT INTO entries VALUES (?, ?)", (key, now + expiry))
            return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 -- the base's
        now = self._clock()
        current = "SELECT min(until), count(*) FROM entries WHERE key = ? AND until > ?"
        [(first, number)] = self._db.rows(current, (key, now))
        return (first - expiry if number else now), number

    async def check(self) -> bool:
        return True

    async def reset(self) -> int:
        with self._db.exclusive():
            return sum(self._db.write(f"DELETE FROM {schema.table}") for schema in (COUNTS, ENTRIES))  # noqa: S608 -- ours

    async def clear(self, key: str) -> None:
        for schema in (COUNTS, ENTRIES):
            self._db.write(f"DELETE FROM {schema.table} WHERE key = ?", (key,))  # noqa: S608 -- ours

    def _sweep(self, now: float) -> None:
        self._db.write("DELETE FROM counts WHERE until <= ?", (now,))
        self._db.write("DELETE FROM entries WHERE until <= ?", (now,))

    def _count(self, key: str, now: float) -> tuple[int, float]:
        found = self._db.rows("SELECT number, until FROM counts WHERE key = ? AND until > ?", (key, now))
        return found[0] if found else (0, now)
