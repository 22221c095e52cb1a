"""Counting in memory and in a file, by the strategies of the package `limits`."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from limits import RateLimitItemPerMinute
from limits.aio.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from gateway.databases import opened
from gateway.windows import InFile, InMemory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

THREE = RateLimitItemPerMinute(3)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "file"])
def storage(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Iterator[InMemory | InFile]:
    if request.param == "memory":
        yield InMemory(clock)
        return
    with closing(opened(tmp_path / "counts.sqlite3", durable=False)) as database:
        yield InFile(database, clock)


async def test_no_sixty_seconds_hold_more_than_the_limit(storage: InMemory | InFile, clock: Clock) -> None:
    requests = MovingWindowRateLimiter(storage)
    passed: list[float] = []
    while clock.now < 1300:
        if await requests.hit(THREE, "a"):
            passed.append(clock.now)
        clock.now += 7
    assert passed[:4] == [1000, 1007, 1014, 1063]
    assert all(later - earlier >= 60 for earlier, later in zip(passed, passed[3:], strict=False))


async def test_keys_are_counted_apart(storage: InMemory | InFile) -> None:
    requests = MovingWindowRateLimiter(storage)
    assert [await requests.hit(THREE, "a") for _ in range(4)] == [True, True, True, False]
    assert await requests.hit(THREE, "b")
    assert await requests.get_window_stats(THREE, "b") == (1060.0, 2)


async def test_tokens_beyond_the_limit_close_the_rest_of_the_minute(storage: InMemory | InFile, clock: Clock) -> None:
    tokens = FixedWindowRateLimiter(storage)
    await tokens.hit(THREE, "a", cost=2)
    assert await tokens.get_window_stats(THREE, "a") == (1060.0, 1)
    await tokens.hit(THREE, "a", cost=500)
    clock.now = 1059.9
    assert await tokens.get_window_stats(THREE, "a") == (1060.0, 0)
    clock.now = 1060.0
    assert (await tokens.get_window_stats(THREE, "a")).remaining == 3
    assert await tokens.hit(THREE, "a", cost=3)


async def test_what_is_over_is_forgotten(storage: InMemory | InFile, clock: Clock) -> None:
    for number in range(100):
        await storage.incr(f"tokens {number}", 60)
        await storage.acquire_entry(f"requests {number}", 3, 60)
    clock.now += 120
    await storage.incr("another", 60)
    assert await storage.reset() == 1
