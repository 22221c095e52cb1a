"""What has been spent, and what running calls may still spend, in the key store's database.

A call holds its place, and what it may cost, from before its upstream is asked until it is settled. What a process
holds lapses when that process has been silent for a while: it has died.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from gateway.databases import Schema, opened

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from gateway.databases import Place

LAPSES_SECONDS = 30.0
SPEND = Schema(
    "spend",
    {"subject": "TEXT NOT NULL", "begin": "BIGINT NOT NULL", "picodollars": "BIGINT NOT NULL", "at": "REAL NOT NULL"},
    constraints=["PRIMARY KEY (subject, begin)"],
    options="WITHOUT ROWID",
)
HOLDS = Schema(
    "holds",
    {
        "subject": "TEXT NOT NULL",
        "call": "TEXT NOT NULL",
        "holder": "TEXT NOT NULL",
        "picodollars": "BIGINT NOT NULL",
        "until": "REAL NOT NULL",
    },
    constraints=["PRIMARY KEY (subject, call)"],
    options="WITHOUT ROWID",
)
SPENT = "SELECT picodollars FROM spend WHERE subject = ? AND begin = ?"
HELD = "SELECT count(*), CAST(coalesce(sum(picodollars), 0) AS BIGINT) FROM holds WHERE subject = ? AND until > ?"
HOLD = "INSERT INTO holds (subject, call, holder, picodollars, until) VALUES (?, ?, ?, ?, ?)"
RELEASE = "DELETE FROM holds WHERE subject = ? AND call = ?"
CHARGE = """INSERT INTO spend (subject, begin, picodollars, at) VALUES (?, ?, ?, ?)
    ON CONFLICT (subject, begin)
    DO UPDATE SET picodollars = spend.picodollars + excluded.picodollars, at = excluded.at"""
RENEW = "UPDATE holds SET until = ? WHERE holder = ?"
LAPSED = "DELETE FROM holds WHERE until <= ?"
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


class SpendStore:
    """For the thread that has made it. A process that is killed loses nothing that has been committed."""

    def __init__(self, database: Place) -> None:
        self._db = opened(database, durable=False)
        for schema in (SPEND, HOLDS):
            self._db.prepare(schema)

    def close(self) -> None:
        self._db.close()

    def transaction(self) -> AbstractContextManager[None]:
        """Nobody else writes meanwhile: what is looked at is still so when it is written."""
        return self._db.exclusive()

    def hold(self, call: str, holder: str, claims: Sequence[Claim], now: float) -> Denied | None:
        """All of the claims, or none. A call may begin while anything is left of a budget, and holds all it may cost.

        So what is spent and held stays below the budget and one call: the last that was let in.
        """
        for claim in claims:
            running, held = self._db.rows(HELD, (claim.subject, now))[0]
            if claim.streams is not None and running >= claim.streams:
                return Denied(claim, "streams")
            if claim.budget is None:
                continue
            spent = self.spent(claim.subject, claim.begin)
            if spent + held >= claim.budget:
                return Denied(claim, "spent" if spent >= claim.budget else "held")
        for claim in claims:
            self._db.write(HOLD, (claim.subject, call, holder, claim.cost, now + LAPSES_SECONDS))
        return None

    def settle(self, call: str, claims: Sequence[Claim], cost: int, now: float) -> None:
        for claim in claims:
            self._db.write(RELEASE, (claim.subject, call))
            if cost:
                self._db.write(CHARGE, (claim.subject, claim.begin, cost, now))

    def renew(self, holder: str, now: float) -> None:
        """This process lives: what it holds is held on, and what the dead have held is not."""
        self._db.write(RENEW, (now + LAPSES_SECONDS, holder))
        self._db.write(LAPSED, (now,))

    def spent(self, subject: str, begin: int) -> int:
        found = self._db.rows(SPENT, (subject, begin))
        return found[0][0] if found else 0

    def prune(self, before: float) -> None:
        """Forgets periods in which nothing has been spent since then."""
        self._db.write(OVER, (before,))
