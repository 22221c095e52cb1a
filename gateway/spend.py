"""What has been spent, and what running calls may still spend, in the key store's database.

A call holds its place, and what it may cost, from before its upstream is asked until it is settled. A process writes
what all of its calls hold as one sum for each subject, once in a transaction, however many calls are in that. What a
process holds lapses when it has been silent for a while: it has died.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Literal, NamedTuple

from gateway.databases import Schema, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.databases import Place

LAPSES_SECONDS = 30.0
SPEND = Schema(
    "spend",
    {"subject": "TEXT NOT NULL", "begin": "BIGINT NOT NULL", "picodollars": "BIGINT NOT NULL", "at": "REAL NOT NULL"},
    constraints=["PRIMARY KEY (subject, begin)"],
    options="WITHOUT ROWID",
)
HELD = Schema(
    "held",
    {
        "subject": "TEXT NOT NULL",
        "holder": "TEXT NOT NULL",
        "calls": "BIGINT NOT NULL",
        "picodollars": "BIGINT NOT NULL",
        "until": "REAL NOT NULL",
    },
    constraints=["PRIMARY KEY (subject, holder)"],
    options="WITHOUT ROWID",
)
SPENT = "SELECT picodollars FROM spend WHERE subject = ? AND begin = ?"
BY_OTHERS = """SELECT CAST(coalesce(sum(calls), 0) AS BIGINT), CAST(coalesce(sum(picodollars), 0) AS BIGINT)
    FROM held WHERE subject = ? AND holder <> ? AND until > ?"""
HOLD = """INSERT INTO held (subject, holder, calls, picodollars, until) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (subject, holder)
    DO UPDATE SET calls = excluded.calls, picodollars = excluded.picodollars, until = excluded.until"""
RELEASE = "DELETE FROM held WHERE subject = ? AND holder = ?"
CHARGE = """INSERT INTO spend (subject, begin, picodollars, at) VALUES (?, ?, ?, ?)
    ON CONFLICT (subject, begin)
    DO UPDATE SET picodollars = spend.picodollars + excluded.picodollars, at = excluded.at"""
LAPSED = "DELETE FROM held WHERE until <= ?"
OVER = "DELETE FROM spend WHERE begin > 0 AND at <= ?"

Reason = Literal["streams", "spent", "held"]


class Claim(NamedTuple):
    """What a call wants of a subject: one of its `streams`, and what it may cost of its `budget`, in picodollars."""

    subject: str
    begin: int
    streams: int | None
    budget: int | None
    cost: int


class Denied(NamedTuple):
    """The claim that cannot be granted. What is `held` may come free again; what is `spent` is gone."""

    claim: Claim
    reason: Reason


class Sum(NamedTuple):
    calls: int = 0
    picodollars: int = 0

    def plus(self, other: Sum) -> Sum:
        return Sum(self.calls + other.calls, self.picodollars + other.picodollars)


@dataclass
class Page:
    """One transaction: what it has found in the database, and what it leaves there when it is committed."""

    now: float = 0.0
    by_others: dict[str, Sum] = field(default_factory=dict)
    spent: dict[tuple[str, int], int] = field(default_factory=dict)
    held: dict[str, Sum] = field(default_factory=dict)
    charged: dict[tuple[str, int], int] = field(default_factory=dict)
    calls: dict[str, Sequence[Claim] | None] = field(default_factory=dict)


class SpendStore:
    """For the thread that has made it. A process that is killed loses nothing that has been committed.

    Calls are held and settled in a `transaction`. Nobody else writes meanwhile: what is looked at is still so when it
    is written.
    """

    def __init__(self, database: Place) -> None:
        self._db = opened(database, durable=False)
        for schema in (SPEND, HELD):
            self._db.prepare(schema)
        self._holder = token_hex(8)
        self._held: dict[str, Sum] = {}
        self._calls: dict[str, Sequence[Claim]] = {}
        self._page = Page()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self, now: float) -> Iterator[None]:
        page = self._page = Page(now)
        with self._db.exclusive():
            yield
            self._write(page)
        self._turn(page)

    def hold(self, call: str, claims: Sequence[Claim]) -> Denied | None:
        """All of the claims, or none. A call may begin while anything is left of a budget, and holds all it may cost.

        So what is spent and held stays below the budget and one call: the last that was let in.
        """
        for claim in claims:
            held = self._held_here(claim.subject).plus(self._held_by_others(claim.subject))
            if claim.streams is not None and held.calls >= claim.streams:
                return Denied(claim, "streams")
            if claim.budget is None:
                continue
            spent = self._spent(claim.subject, claim.begin)
            if spent + held.picodollars >= claim.budget:
                return Denied(claim, "spent" if spent >= claim.budget else "held")
        for claim in claims:
            self._page.held[claim.subject] = self._held_here(claim.subject).plus(Sum(1, claim.cost))
        self._page.calls[call] = claims
        return None

    def settle(self, call: str, claims: Sequence[Claim], cost: int) -> None:
        for claim in self._page.calls.get(call, self._calls.get(call)) or ():
            self._page.held[claim.subject] = self._held_here(claim.subject).plus(Sum(-1, -claim.cost))
        self._page.calls[call] = None
        for claim in claims if cost else ():
            period = claim.subject, claim.begin
            self._page.charged[period] = self._page.charged.get(period, 0) + cost

    def renew(self) -> None:
        """This process lives: what it holds is held on, and what the dead have held is not."""
        self._db.write(LAPSED, (self._page.now,))
        self._page.held = {**self._held, **self._page.held}

    def spent(self, subject: str, begin: int) -> int:
        """What has been committed by now."""
        found = self._db.rows(SPENT, (subject, begin))
        return found[0][0] if found else 0

    def prune(self, before: float) -> None:
        """Forgets periods in which nothing has been spent since then."""
        self._db.write(OVER, (before,))

    def _spent(self, subject: str, begin: int) -> int:
        period = subject, begin
        if (found := self._page.spent.get(period)) is None:
            found = self._page.spent[period] = self.spent(subject, begin)
        return found + self._page.charged.get(period, 0)

    def _held_here(self, subject: str) -> Sum:
        return self._page.held.get(subject) or self._held.get(subject) or Sum()

    def _held_by_others(self, subject: str) -> Sum:
        if (found := self._page.by_others.get(subject)) is None:
            rows = self._db.rows(BY_OTHERS, (subject, self._holder, self._page.now))
            found = self._page.by_others[subject] = Sum(*rows[0])
        return found

    def _write(self, page: Page) -> None:
        for subject, held in page.held.items():
            if held.calls:
                self._db.write(HOLD, (subject, self._holder, *held, page.now + LAPSES_SECONDS))
            else:
                self._db.write(RELEASE, (subject, self._holder))
        for (subject, begin), cost in page.charged.items():
            self._db.write(CHARGE, (subject, begin, cost, page.now))

    def _turn(self, page: Page) -> None:
        """What has been committed is so; what has not has never been."""
        self._held = {subject: held for subject, held in {**self._held, **page.held}.items() if held.calls}
        for call, claims in page.calls.items():
            if claims is None:
                self._calls.pop(call, None)
            else:
                self._calls[call] = claims
