"""Requests and tokens a minute.

Requests are counted in a window that moves: no sixty seconds hold more of them than the limit. Tokens are known when a
call is over, so they are counted in minutes that begin with their first call, and may go over the limit by what is
running: then the rest of the minute is closed.
"""

from __future__ import annotations

import logging
import math
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from limits import RateLimitItemPerMinute
from limits.aio.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter
from limits.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from limits.aio.storage import Storage

    from gateway.limits import Subject

logger = logging.getLogger(__name__)
Unit = Literal["requests", "tokens"]
per_minute = lru_cache(RateLimitItemPerMinute)


class Standing(NamedTuple):
    """How much of a limit is left, and for how many seconds until some of it comes back."""

    subject: Subject
    unit: Unit
    limit: int
    remaining: int
    reset: float

    @property
    def retry_after(self) -> int:
        return max(1, math.ceil(self.reset))


class Exceeded(Exception):  # noqa: N818 -- it is one
    def __init__(self, standing: Standing) -> None:
        super().__init__(standing)
        self.standing = standing


class Rates:
    def __init__(self, storage: Storage) -> None:
        self._requests = MovingWindowRateLimiter(storage)
        self._tokens = FixedWindowRateLimiter(storage)

    async def count(self, subjects: Sequence[Subject]) -> list[Standing]:
        """One request of all of them. Raises Exceeded, or StorageError."""
        standings: list[Standing] = []
        for subject in subjects:
            if (limit := subject.limit.requests_per_minute) is None:
                continue
            passed = await self._requests.hit(per_minute(limit), "requests", subject.id)
            reset, remaining = await self._requests.get_window_stats(per_minute(limit), "requests", subject.id)
            standing = Standing(subject, "requests", limit, max(remaining, 0), reset - time.time())
            if not passed:
                raise Exceeded(standing)
            standings.append(standing)
        return standings

    async def tokens(self, subjects: Sequence[Subject]) -> list[Standing]:
        standings: list[Standing] = []
        for subject in subjects:
            if (limit := subject.limit.tokens_per_minute) is None:
                continue
            reset, remaining = await self._tokens.get_window_stats(per_minute(limit), "tokens", subject.id)
            standings.append(Standing(subject, "tokens", limit, remaining, max(reset - time.time(), 0.0)))
        return standings

    async def used(self, subjects: Sequence[Subject], tokens: int) -> None:
        """What a call has used, when it is over; also what goes beyond the limit."""
        for subject in subjects:
            if (limit := subject.limit.tokens_per_minute) is None:
                continue
            try:
                await self._tokens.hit(per_minute(limit), "tokens", subject.id, cost=tokens)
            except StorageError:
                logger.exception("%d tokens of %s could not be counted", tokens, subject.kind)
