"""What limited keys may use of a relay: requests and tokens a minute, calls at once, money."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from conformance.faulty.heard import INPUT, OUTPUT, largest
from conformance.faulty.refusal import refusal
from conformance.surface import Provider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from conformance.faulty.exchange import Answer, Call, Headers

MINUTE = 60.0
UNITS = 10_000_000  # in a dollar
FRESH, CACHED, SAID = 10, 1, 20  # units for a token, of any model
PRICE = {"input": "1", "cache_read": "0.1", "output": "2"}
"""The same in dollars for a million tokens, as target files say it."""

_CACHED = re.compile(rb'"(?:cached_tokens|cache_read_input_tokens|cachedContentTokenCount)": ?(\d+)')


@dataclass(frozen=True)
class Limits:
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    streams: int | None = None
    budget: int | None = None

    @classmethod
    def of(cls, wish: Mapping[str, float]) -> Limits:
        budget = wish.get("budget_usd")
        counts = {
            name: int(wish[name]) for name in ("requests_per_minute", "tokens_per_minute", "streams") if name in wish
        }
        return cls(**counts, budget=None if budget is None else round(budget * UNITS))


@dataclass
class Used:
    """By one subject; requests and tokens with the moment at which they were."""

    requests: list[float] = field(default_factory=list)
    tokens: list[tuple[float, int]] = field(default_factory=list)
    running: int = 0
    spent: int = 0

    def requests_lately(self) -> int:
        return sum(at > time.monotonic() - MINUTE for at in self.requests)

    def tokens_lately(self) -> int:
        return sum(count for at, count in self.tokens if at > time.monotonic() - MINUTE)


@dataclass(frozen=True)
class Metered:
    """What an answer, as far as it came, says of the tokens of its call."""

    fresh: int
    cached: int
    said: int

    @property
    def tokens(self) -> int:
        return self.fresh + self.cached + self.said

    @property
    def cost(self) -> int:
        return self.fresh * FRESH + self.cached * CACHED + self.said * SAID


def metered(call: Call, body: bytes | bytearray) -> Metered:
    counted, cached, said = (largest(pattern, body) or 0 for pattern in (INPUT, _CACHED, OUTPUT))
    fresh = counted if call.provider is Provider.ANTHROPIC else counted - cached
    return Metered(fresh, cached, said)


@dataclass(frozen=True)
class Over:
    """A call that is over; its answer as far as it came, `whole` if that was to the end."""

    call: Call
    body: bytes | bytearray = b""
    whole: bool = False
    failed: bool = False


class Limiter:
    """Lets a call begin or not, and charges it when it is over. A relay has one; faults change single steps."""

    def __init__(self) -> None:
        self._used: defaultdict[str, Used] = defaultdict(Used)

    async def answered(self, call: Call, ask: Callable[[Call], Awaitable[Answer]]) -> Answer:
        limits = self.limits(call)
        if limits is None:
            return await ask(call)
        used = self._used[self.subject(call)]
        if (exceeded := self.exceeded(call, limits, used)) is not None:
            return self.refused(call, exceeded)
        self.begin(used)
        try:
            answer = await ask(call)
        except BaseException:
            self.end(used, Over(call))
            raise
        return self._until_over(answer, used)

    def _until_over(self, answer: Answer, used: Used) -> Answer:
        call, body, ends = answer.call, bytearray(), iter([answer.close])
        whole = False

        async def listening() -> AsyncIterator[bytes]:
            nonlocal whole
            async for chunk in answer.chunks:
                body.extend(chunk)
                yield chunk
            whole = True

        def close() -> None:
            for hang_up in ends:
                hang_up()
                self.end(used, Over(call, b"" if answer.failed else body, whole, answer.failed))

        return replace(answer, chunks=listening(), close=close)

    def limits(self, call: Call) -> Limits | None:
        known = call.keys.known.get(call.client_key or "")
        return known.limits if known else None

    def subject(self, call: Call) -> str:
        return call.client_key or ""

    def exceeded(self, call: Call, limits: Limits, used: Used) -> str | None:
        """The name of the limit that stands in the way."""
        if limits.requests_per_minute is not None and self.too_many(limits.requests_per_minute, used):
            return "requests"
        if limits.streams is not None and used.running >= limits.streams:
            return "streams"
        if (
            limits.tokens_per_minute is not None
            and self.spends(call)
            and used.tokens_lately() >= limits.tokens_per_minute
        ):
            return "tokens"
        return "budget" if limits.budget is not None and self.spends(call) and used.spent >= limits.budget else None

    def too_many(self, limit: int, used: Used) -> bool:
        return used.requests_lately() >= limit

    def spends(self, call: Call) -> bool:
        return call.method == "POST" and not call.counts_tokens

    def refused(self, call: Call, limit: str) -> Answer:
        said = refusal(call, 429, f"this key has no {limit} left")
        return replace(said, headers=(*said.headers, *self.advice(limit)))

    def advice(self, limit: str) -> Headers:
        if limit == "budget":
            return (("x-should-retry", "false"),)
        return (("retry-after", "1" if limit == "streams" else f"{MINUTE:.0f}"),)

    def begin(self, used: Used) -> None:
        used.requests.append(time.monotonic())
        used.running += 1

    def end(self, used: Used, over: Over) -> None:
        used.running -= 1
        if self.spends(over.call):
            self.charge(used, metered(over.call, over.body))

    def charge(self, used: Used, meter: Metered) -> None:
        used.tokens.append((time.monotonic(), meter.tokens))
        used.spent += meter.cost
