"""The books: what is held, what is settled, and what is left when a process dies."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.booking import Booking
from gateway.databases import DatabaseError, Server
from gateway.spend import LAPSES_SECONDS, Claim, Denied, SpendStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from gateway.databases import Place

NOW = 1_000_000.0


def claim(cost: int = 0, *, streams: int | None = None, budget: int | None = None, subject: str = "key:a") -> Claim:
    return Claim(subject, 0, streams, budget, cost)


class Books:
    """A store in which each order is a transaction of its own."""

    def __init__(self, database: Place) -> None:
        self.store = SpendStore(database)
        self.spent = self.store.spent

    def hold(self, call: str, claims: Sequence[Claim], now: float = NOW) -> Denied | None:
        with self.store.transaction(now):
            return self.store.hold(call, claims)

    def settle(self, call: str, claims: Sequence[Claim], cost: int) -> None:
        with self.store.transaction(NOW):
            self.store.settle(call, claims, cost)

    def renew(self, now: float) -> None:
        with self.store.transaction(now):
            self.store.renew()

    def close(self) -> None:
        self.store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return tmp_path / "keys.sqlite3" if request.param == "sqlite" else request.getfixturevalue("server")


@pytest.fixture
def books(database: Place) -> Iterator[Books]:
    with closing(Books(database)) as opened:
        yield opened


@pytest.fixture
async def booking(database: Place) -> AsyncIterator[Booking]:
    async with Booking(lambda: SpendStore(database), 60.0) as running:
        yield running


def test_a_call_may_begin_while_anything_is_left(books: Books) -> None:
    assert books.hold("1", [claim(70, budget=100)]) is None
    assert books.hold("2", [claim(70, budget=100)]) is None
    denied = books.hold("3", [claim(70, budget=100)])
    assert denied == (claim(70, budget=100), "held")
    books.settle("1", [claim(70, budget=100)], 20)
    assert books.hold("3", [claim(70, budget=100)]) is None
    for call in "23":
        books.settle(call, [claim(70, budget=100)], 40)
    assert books.spent("key:a", 0) == 100
    assert books.hold("4", [claim(1, budget=100)]) == (claim(1, budget=100), "spent")


def test_all_claims_are_granted_or_none(books: Books) -> None:
    team = claim(subject="team:b", streams=1)
    assert books.hold("1", [claim(streams=5), team]) is None
    assert books.hold("2", [claim(streams=5), team]) == (team, "streams")
    books.settle("1", [claim(streams=5), team], 0)
    assert [books.hold(str(number), [claim(streams=5)]) for number in range(5)] == [None] * 5
    assert books.hold("6", [claim(streams=5)]) is not None


def test_what_the_dead_hold_lapses_and_what_the_living_hold_does_not(database: Place, books: Books) -> None:
    with closing(Books(database)) as dead:
        dead.hold("1", [claim(streams=2)])
    books.hold("2", [claim(streams=2)])
    assert books.hold("3", [claim(streams=2)]) is not None
    books.renew(NOW + LAPSES_SECONDS / 2)
    later = NOW + LAPSES_SECONDS + 1
    assert books.hold("3", [claim(streams=2)], later) is None
    assert books.hold("4", [claim(streams=2)], later) is not None


def test_what_lapsed_in_a_process_that_was_asleep_is_held_again(database: Place, books: Books) -> None:
    books.hold("1", [claim(streams=1)])
    later = NOW + LAPSES_SECONDS + 1
    with closing(Books(database)) as other:
        assert other.hold("2", [claim(streams=2)], later) is None
        other.renew(later)
        books.renew(later)
        assert other.hold("3", [claim(streams=2)], later) is not None


def test_a_transaction_that_fails_has_never_been(books: Books) -> None:
    with suppress(KeyError), books.store.transaction(NOW):
        books.store.hold("1", [claim(streams=1)])
        books.store.settle("2", [claim(budget=100)], 7)
        raise KeyError
    assert books.spent("key:a", 0) == 0
    assert books.hold("3", [claim(streams=1)]) is None


def test_orders_of_one_transaction_see_each_other(books: Books) -> None:
    with books.store.transaction(NOW):
        assert books.store.hold("1", [claim(70, budget=100)]) is None
        assert books.store.hold("2", [claim(70, budget=100)]) is None
        assert books.store.hold("3", [claim(70, budget=100)]) == (claim(70, budget=100), "held")
        books.store.settle("1", [claim(70, budget=100)], 60)
        books.store.settle("2", [claim(70, budget=100)], 50)
        assert books.store.hold("3", [claim(70, budget=100)]) == (claim(70, budget=100), "spent")
    assert books.spent("key:a", 0) == 110


def test_a_call_is_settled_once_and_one_that_was_denied_holds_nothing(books: Books) -> None:
    wants = [claim(streams=1)]
    assert books.hold("1", wants) is None
    assert books.hold("2", wants) is not None
    books.settle("2", wants, 0)
    assert books.hold("3", wants) is not None
    books.settle("1", wants, 0)
    books.settle("1", wants, 0)
    assert books.hold("3", wants) is None
    assert books.hold("4", wants) is not None


def test_a_period_that_is_over_is_forgotten_and_a_budget_for_good_is_not(books: Books) -> None:
    books.settle("1", [Claim("key:a", 86400, None, 100, 1), Claim("key:a", 0, None, 100, 1)], 7)
    books.store.prune(NOW - 1)
    assert books.spent("key:a", 86400) == 7
    books.store.prune(NOW)
    assert (books.spent("key:a", 86400), books.spent("key:a", 0)) == (0, 7)


async def test_orders_are_carried_out_in_their_order(booking: Booking) -> None:
    wants = [claim(10, budget=10)]
    for number in range(50):
        assert await booking.hold(str(number), wants) is None
        booking.settle(str(number), wants, 0)


async def test_what_is_ordered_while_the_books_are_written_is_written_together(tmp_path: Path) -> None:
    begun, may_end, transactions = threading.Event(), threading.Event(), []

    class Slow(SpendStore):
        def hold(self, call: str, claims: Sequence[Claim]) -> Denied | None:
            begun.set()
            assert may_end.wait(30)
            transactions.append(self._page.now)
            return super().hold(call, claims)

    async with Booking(lambda: Slow(tmp_path / "keys.sqlite3"), 60.0) as booking:
        calls = [asyncio.create_task(booking.hold("first", [claim(streams=9)]))]
        await asyncio.to_thread(begun.wait, 30)
        for number in range(5):
            calls.append(asyncio.create_task(booking.hold(str(number), [claim(streams=9)])))
            await asyncio.sleep(0)
        may_end.set()
        assert await asyncio.gather(*calls) == [None] * 6
    assert len(transactions) == 6
    assert len(set(transactions)) == 2


async def test_two_processes_share_one_budget(database: Path, booking: Booking) -> None:
    wants = [claim(10, budget=100)]
    async with Booking(lambda: SpendStore(database), 60.0) as other:
        calls = [(which, f"{place} {number}") for number in range(20) for place, which in enumerate((booking, other))]
        denied = await asyncio.gather(*(which.hold(call, wants) for which, call in calls))
    assert denied.count(None) == 10


async def test_who_does_not_wait_holds_nothing(booking: Booking) -> None:
    wants = [claim(streams=1)]
    waiting = asyncio.create_task(booking.hold("1", wants))
    await asyncio.sleep(0)  # it has ordered, and has no answer yet
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await booking.hold("2", wants) is None


async def test_a_settlement_waits_for_a_database_that_is_locked(tmp_path: Path) -> None:
    database = tmp_path / "keys.sqlite3"

    def impatient() -> SpendStore:
        store = SpendStore(database)
        store._db.rows("PRAGMA busy_timeout = 0")
        return store

    wants = [claim(10, budget=100)]
    async with Booking(impatient, 60.0) as booking:
        assert await booking.hold("1", wants) is None
        with sqlite3.connect(database, isolation_level=None) as writer:
            writer.execute("BEGIN IMMEDIATE")
            booking.settle("1", wants, 10)
            with pytest.raises(DatabaseError, match="locked"):
                await booking.hold("2", wants)
            writer.execute("ROLLBACK")
    assert SpendStore(database).spent("key:a", 0) == 10


async def test_nobody_waits_for_books_that_cannot_be_kept(tmp_path: Path) -> None:
    class Torn(SpendStore):
        def hold(self, call: str, claims: Sequence[Claim]) -> Denied | None:
            if call == "1":
                raise KeyError(call)
            return super().hold(call, claims)

    async with Booking(lambda: Torn(tmp_path / "keys.sqlite3"), 60.0) as booking:
        with pytest.raises(KeyError):
            await booking.hold("1", [claim(streams=1)])
        assert await booking.hold("2", [claim(streams=1)]) is None


def test_a_killed_process_loses_nothing_that_is_settled(database: Place, books: Books) -> None:
    there = f"Server({database.url!r}, {database.password!r})" if isinstance(database, Server) else repr(database)
    program = f"""
import asyncio
from pathlib import PosixPath
from gateway.booking import Booking
from gateway.databases import Server
from gateway.spend import Claim, SpendStore

async def main():
    async with Booking(lambda: SpendStore({there}), 60.0) as booking:
        wants = [Claim("key:a", 0, 2, 1000, 400)]
        await booking.hold("running", wants)
        await booking.hold("over", wants)
        booking.settle("over", wants, 123)
        await booking.hold("next", [Claim("key:b", 0, 1, None, 0)])
        print("written", flush=True)
        await asyncio.Future()

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    wants = Claim("key:a", 0, 2, 1000, 400)
    assert books.spent("key:a", 0) == 123
    now = time.time()
    assert books.hold("1", [wants], now) is None
    assert books.hold("2", [wants], now) == Denied(wants, "streams")  # the dead one's place is not free yet
    books.renew(now + LAPSES_SECONDS - 1)
    assert books.hold("2", [wants], now + LAPSES_SECONDS + 1) is None


CALLS = st.lists(st.tuples(st.integers(1, 90), st.integers(0, 100), st.integers(0, 2)), max_size=120)


@given(CALLS)
def test_what_is_spent_stays_below_the_budget_and_one_call(calls: list[tuple[int, int, int]]) -> None:
    with TemporaryDirectory() as directory, closing(Books(Path(directory, "keys.sqlite3"))) as books:
        keep_the_books(books, calls)


def keep_the_books(books: Books, calls: list[tuple[int, int, int]]) -> None:
    running: list[tuple[str, Claim, int]] = []
    for number, (cost, percent, settled) in enumerate(calls):
        if books.hold(str(number), [claim(cost, budget=1000)]) is None:
            running.append((str(number), claim(cost, budget=1000), cost * percent // 100))
        for call, held, used in [running.pop() for _ in range(min(settled, len(running)))]:
            books.settle(call, [held], used)
    for call, held, _ in running:
        books.settle(call, [held], held.cost)
    assert books.spent("key:a", 0) < 1090
