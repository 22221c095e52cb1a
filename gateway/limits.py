"""What keys, runs and teams may use: requests and tokens a minute, calls at once, dollars in a period."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from gateway.keys import VirtualKey

PICO = 12
"""Money is counted in picodollars, in whole numbers: every list price per token is one, and so is every sum."""


class Limit(BaseModel):
    """What is left out is not limited. A budget without a period is for good.

    Periods are counted from 1970 in UTC, so that all replicas agree where one ends: 86400 are days.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests_per_minute: int | None = Field(default=None, gt=0)
    tokens_per_minute: int | None = Field(default=None, gt=0)
    streams: int | None = Field(default=None, gt=0, description="Calls that run at once, streamed or not.")
    budget_usd: Decimal | None = Field(default=None, ge=0, le=1_000_000, decimal_places=6)
    period_seconds: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def has_a_budget_for_its_period(self) -> Self:
        if self.period_seconds is not None and self.budget_usd is None:
            raise ValueError("'period_seconds' belongs to a 'budget_usd'")
        return self

    @property
    def budget(self) -> int | None:
        return None if self.budget_usd is None else picodollars(self.budget_usd)

    def over(self, default: Limit) -> Limit:
        """What this leaves out is the default's; a budget comes with its own period."""
        if self is UNLIMITED or default is UNLIMITED:
            return default if self is UNLIMITED else self
        taken = default.model_dump(exclude_none=True, exclude={"period_seconds"} if self.budget_usd is not None else {})
        return Limit(**{**taken, **self.model_dump(exclude_none=True)})

    def begin(self, now: float) -> int:
        """Of the budget's period, in seconds since the epoch; 0 where it has no end."""
        return int(now // self.period_seconds) * self.period_seconds if self.period_seconds else 0

    def end(self, now: float) -> int | None:
        return self.begin(now) + self.period_seconds if self.period_seconds else None


UNLIMITED = Limit()
MEMORY = "memory"
"""Where calls are counted in the process; other places are URLs."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is limited: a key by its digest, a run or a team by its name."""

    kind: Literal["key", "run", "team"]
    name: str
    limit: Limit

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.name}"

    def __str__(self) -> str:
        return "This gateway key" if self.kind == "key" else f"The {self.kind} {self.name!r}"


class Limits(BaseModel):
    """Each key, run and team without limits of its own has these; `teams` are named ones.

    `output_tokens` is what a call is taken to ask for that does not bound its answer. `unpriced` models cannot be
    charged to a budget: who has one may not call them, unless they pass.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Limit = UNLIMITED
    run: Limit = UNLIMITED
    team: Limit = UNLIMITED
    teams: dict[str, Limit] = {}
    output_tokens: int = Field(default=4096, gt=0)
    unpriced: Literal["refuse", "pass"] = "refuse"

    def subjects(self, key: VirtualKey) -> tuple[Subject, ...]:
        """Of a call with this key those who are limited in any way."""
        found = [Subject("key", key.digest.hex(), key.limits.over(self.key))]
        if key.run is not None:
            found.append(Subject("run", key.run, self.run))
        if key.team is not None:
            found.append(Subject("team", key.team, self.teams.get(key.team, UNLIMITED).over(self.team)))
        return tuple(subject for subject in found if subject.limit != UNLIMITED)

    @property
    def by_default(self) -> bool:
        """Whether keys without limits of their own have any."""
        return {self.key, self.run, self.team} != {UNLIMITED} or bool(self.teams)


def picodollars(usd: Decimal) -> int:
    return round(usd.scaleb(PICO))


def dollars(picodollars: int) -> Decimal:
    return Decimal(picodollars).scaleb(-PICO)


def refuse_storage(url: str) -> None:
    """ValueError where calls cannot be counted there, or where it says what it should not."""
    if url != MEMORY and not url.startswith(("redis://", "rediss://", "redis+unix://")):
        raise ValueError('storage: must be "memory", or the URL of a Redis: redis://host:6379/0')
    if "@" in url:
        raise ValueError("storage: must have no password: { env = … } or { file = … } say where the URL is kept")
