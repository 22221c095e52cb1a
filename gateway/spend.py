"""What has been spent, and what running calls may still spend, in the key store's database.

A call holds its place, and what it may cost, from before its upstream is asked until it is settled. What a process
holds lapses when that process has been silent for a while: it has died.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LAPSES_SECONDS = 30.0
BUSY_SECONDS = 10.0
SCHEMA = (
    """CREATE TABLE IF NOT EXISTS spend (
        subject TEXT NOT NULL, begin INTEGER NOT NULL, picodollars INTEGER NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (subject, begin)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS holds (
        subject TEXT NOT NULL, call TEXT NOT NULL, holder TEXT NOT NULL, picodollars INTEGER NOT NULL,
        until REAL NOT NULL, PRIMARY KEY (subject, call)) WITHOUT ROWID""",
)
SPENT = "SELECT picodollars FROM spend WHERE subject = ? AND begin = ?"
HELD = "SELECT count(*), coalesce(sum(picodollars), 0) FROM holds WHERE subject = ? AND until > ?"
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

    def __init__(self, database: Path) -> None:
        self._db = sqlite3.connect(database, BUSY_SECONDS, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        for statement in SCHEMA:
            self._db.execute(statement)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Nobody else writes meanwhile: what is looked at is still so when it is written."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def hold(self, call: str, holder: str, claims: Sequence[Claim], now: float) -> Denied | None:
        """All of the claims, or none. A call may begin while anything is left of a budget, and holds all it may cost.

        So what is spent and held stays below the budget and one call: the last that was let in.
        """
        for claim in claims:
            running, held = self._db.execute(HELD, (claim.subject, now)).fetchone()
            if claim.streams is not None and running >= claim.streams:
                return Denied(claim, "streams")
            if claim.budget is None:
                continue
            spent = self.spent(claim.subject, claim.begin)
            if spent + held >= claim.budget:
                return Denied(claim, "spent" if spent >= claim.budget else "held")
        for claim in claims:
            self._db.execute(HOLD, (claim.subject, call, holder, claim.cost, now + LAPSES_SECONDS))
        return None

    def settle(self, call: str, claims: Sequence[Claim], cost: int, now: float) -> None:
        for claim in claims:
            self._db.execute(RELEASE, (claim.subject, call))
            if cost:
                self._db.execute(CHARGE, (claim.subject, claim.begin, cost, now))

    def renew(self, holder: str, now: float) -> None:
        """This process lives: what it holds is held on, and what the dead have held is not."""
        self._db.execute(RENEW, (now + LAPSES_SECONDS, holder))
        self._db.execute(LAPSED, (now,))

    def spent(self, subject: str, begin: int) -> int:
        row = self._db.execute(SPENT, (subject, begin)).fetchone()
        return row[0] if row else 0

    def prune(self, before: float) -> None:
        """Forgets periods in which nothing has been spent since then."""
        self._db.execute(OVER, (before,))
