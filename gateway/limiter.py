"""Limits and budgets around a call: judged before it, settled after it, however it has ended.

What is refused has reached no upstream. How it is refused: docs/limits.md.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from limits.errors import StorageError

from gateway.booking import Booking
from gateway.databases import DatabaseError
from gateway.errors import SPENT, RefusalError, forbidden
from gateway.estimates import NOTHING, Estimate, spends, spends_unseen
from gateway.limits import UNLIMITED
from gateway.rates import Exceeded, Rates
from gateway.spend import Claim, SpendStore
from gateway.windows import counted_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from pathlib import Path

    from gateway.calls import Call
    from gateway.config import Settings
    from gateway.estimates import Used
    from gateway.keys import VirtualKey
    from gateway.limits import Subject
    from gateway.rates import Standing
    from gateway.routes import Place, Route
    from gateway.spend import Denied
    from gateway.surfaces import Vendor

logger = logging.getLogger(__name__)
BUDGET_RESET = "x-gateway-budget-reset"
AGAIN = {"x-should-retry": "true"}
NEVER = {"x-should-retry": "false"}
SOON = "1"
"""After how many seconds to come again where nobody knows when a place comes free."""


class Limiter:
    def __init__(self, settings: Settings, shared: Path | None = None) -> None:
        """`shared` is where the processes of one gateway count together."""
        self._shared = shared
        self._limits = settings.limits
        self._by_default = settings.limits.by_default
        self._running = AsyncExitStack()
        keys = settings.keys
        self._booking = Booking(lambda: SpendStore(keys.place), keys.prune_after_seconds)
        self._counting: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            self._rates = Rates(await starting.enter_async_context(counted_at(self._limits.counted_at, self._shared)))
            await starting.enter_async_context(self._booking)
            self._running = starting.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """What has been used by now is written."""
        await asyncio.gather(*self._counting)
        await self._running.aclose()

    def subjects(self, key: VirtualKey) -> tuple[Subject, ...]:
        """Who is limited in what this key does: with most keys nobody."""
        if key.limits is UNLIMITED and not self._by_default:
            return ()
        return self._limits.subjects(key)

    async def count(self, call: Call) -> None:
        """One request, whatever it is for. Raises RefusalError where it is one too many."""
        try:
            standings = await self._rates.count(call.subjects)
        except Exceeded as error:
            raise too_fast(call.vendor, error.standing) from None
        except StorageError:
            raise unavailable() from None
        call.standing = headers_of(call.vendor, standings)

    @asynccontextmanager
    async def over(self, call: Call, place: Place, ways: Sequence[Route]) -> AsyncIterator[Sequence[Route]]:
        """Holds what the call may use while it runs, and settles it. Gives those of the ways that can be paid for."""
        spending = spends(place)
        await self._look_at_tokens(call, spending=spending)
        estimate = Estimate(call, self._limits.output_tokens)
        cost = 0
        if budgeted := any(subject.limit.budget is not None for subject in call.subjects):
            ways, cost = self._paid(place, ways, estimate) if spending else (ways, 0)
            self._refuse_unseen(call, place)
        claims = claims_of(call.subjects, cost, budgeted=budgeted and spending)
        await self._hold(call, claims)
        try:
            yield ways
        finally:
            used = used_by(call, estimate) if spending else NOTHING
            if claims:
                self._booking.settle(call.request_id, claims, used.picodollars)
            self._count_tokens(call.subjects, used.tokens)

    async def _look_at_tokens(self, call: Call, *, spending: bool) -> None:
        try:
            standings = await self._rates.tokens(call.subjects)
        except StorageError:
            raise unavailable() from None
        if spending and (used_up := next((each for each in standings if not each.remaining), None)):
            raise too_fast(call.vendor, used_up)
        call.standing = {**(call.standing or {}), **headers_of(call.vendor, standings)}

    def _paid(self, place: Place, ways: Sequence[Route], estimate: Estimate) -> tuple[Sequence[Route], int]:
        """The ways of known price, and what the dearest of them may cost."""
        priced = [(way, cost) for way in ways if (cost := estimate.most(way)) is not None]
        dearest = max((cost for _, cost in priced), default=0)
        if self._limits.unpriced == "pass":
            return ways, dearest
        if not priced:
            raise forbidden(f"This gateway key has a budget, and what is asked at {place.path} has no known price.")
        return [way for way, _ in priced], dearest

    def _refuse_unseen(self, call: Call, place: Place) -> None:
        if self._limits.unpriced == "refuse" and spends_unseen(place, call.request.method):
            raise forbidden(f"This gateway key has a budget, and nothing tells what {place.path} costs.")

    async def _hold(self, call: Call, claims: Sequence[Claim]) -> None:
        if not claims:
            return
        try:
            denied = await self._booking.hold(call.request_id, claims)
        except DatabaseError:
            raise unavailable() from None
        if denied:
            subject = next(subject for subject in call.subjects if subject.id == denied.claim.subject)
            raise over_limit(call.vendor, subject, denied)

    def _count_tokens(self, subjects: Sequence[Subject], tokens: int) -> None:
        """Beside the call: its client has left, or is not to wait."""
        if tokens and any(subject.limit.tokens_per_minute is not None for subject in subjects):
            task = asyncio.create_task(self._rates.used(subjects, tokens))
            self._counting.add(task)
            task.add_done_callback(self._counting.discard)


def used_by(call: Call, estimate: Estimate) -> Used:
    """A bug of ours must not keep what the call holds from coming free."""
    try:
        return estimate.used()
    except Exception:
        logger.exception("%s cannot be charged", call.request_id)
        return NOTHING


def claims_of(subjects: Iterable[Subject], cost: int, *, budgeted: bool) -> list[Claim]:
    now = time.time()
    claims = []
    for subject in subjects:
        limit = subject.limit
        budget = limit.budget if budgeted else None
        if budget is not None or limit.streams is not None:
            claims.append(Claim(subject.id, limit.begin(now), limit.streams, budget, 0 if budget is None else cost))
    return claims


def too_fast(vendor: Vendor, standing: Standing) -> RefusalError:
    after = str(standing.retry_after)
    message = f"{standing.subject} may use {standing.limit} {standing.unit} a minute. Try again in {after} s."
    headers = {"Retry-After": after, **AGAIN, **headers_of(vendor, [standing])}
    return RefusalError(429, "rate_limit_exceeded", message, headers)


def over_limit(vendor: Vendor, subject: Subject, denied: Denied) -> RefusalError:
    if denied.reason == "spent":
        return spent(vendor, subject)
    why = f"may have {subject.limit.streams} calls running at once"
    if denied.reason == "held":
        why = "has calls running that may spend what is left of its budget"
    return RefusalError(429, "rate_limit_exceeded", f"{subject} {why}.", {"Retry-After": SOON, **AGAIN})


def spent(vendor: Vendor, subject: Subject) -> RefusalError:
    """Codex waits for as long as `Retry-After` says, also for weeks, so only Anthropic's clients are told it."""
    now = time.time()
    message = f"{subject} has spent its budget of ${subject.limit.budget_usd}."
    if (end := subject.limit.end(now)) is None:
        return RefusalError(429, SPENT, message, NEVER)
    at = moment(end)
    after = {"Retry-After": str(max(1, int(end - now)))} if vendor == "anthropic" else {}
    return RefusalError(429, SPENT, f"{message} The next one begins at {at}.", {**NEVER, BUDGET_RESET: at, **after})


def unavailable() -> RefusalError:
    """Who cannot be counted is not let through."""
    message = "The limits of this gateway key cannot be looked up."
    return RefusalError(503, "limits_unavailable", message, {"Retry-After": SOON})


def headers_of(vendor: Vendor, standings: Iterable[Standing]) -> dict[str, str]:
    """As the caller's provider names them; Google and AWS have none. Of several limits the one with the least left."""
    found: dict[str, str] = {}
    for standing in sorted(standings, key=lambda each: -each.remaining):
        unit = standing.unit
        if vendor == "openai":
            found[f"x-ratelimit-limit-{unit}"] = str(standing.limit)
            found[f"x-ratelimit-remaining-{unit}"] = str(standing.remaining)
            found[f"x-ratelimit-reset-{unit}"] = f"{max(standing.reset, 0):.3f}s"
        elif vendor == "anthropic":
            found[f"anthropic-ratelimit-{unit}-limit"] = str(standing.limit)
            found[f"anthropic-ratelimit-{unit}-remaining"] = str(standing.remaining)
            found[f"anthropic-ratelimit-{unit}-reset"] = moment(time.time() + standing.reset)
    return found


def moment(timestamp: float) -> str:
    """RFC 3339, as Anthropic writes it."""
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
