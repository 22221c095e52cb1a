"""The books: what is held, what is settled, and what is left when a process dies."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
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
    from collections.abc import AsyncIterator, Iterator

    from gateway.databases import Place

NOW = 1_000_000.0


def claim(cost: int = 0, *, streams: int | None = None, budget: int | None = None, subject: str = "key:a") -> Claim:
    return Claim(subject, 0, streams, budget, cost)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return tmp_path / "keys.sqlite3" if request.param == "sqlite" else request.getfixturevalue("server")


@pytest.fixture
def store(database: Place) -> Iterator[SpendStore]:
    opened = SpendStore(database)
    yield opened
    opened.close()


@pytest.fixture
async def booking(database: Place) -> AsyncIterator[Booking]:
    async with Booking(lambda: SpendStore(database), 60.0) as running:
        yield running


def test_a_call_may_begin_while_anything_is_left(store: SpendStore) -> None:
    assert store.hold("1", "me", [claim(70, budget=100)], NOW) is None
    assert store.hold("2", "me", [claim(70, budget=100)], NOW) is None
    denied = store.hold("3", "me", [claim(70, budget=100)], NOW)
    assert denied == (claim(70, budget=100), "held")
    store.settle("1", [claim(70, budget=100)], 20, NOW)
    assert store.hold("3", "me", [claim(70, budget=100)], NOW) is None
    for call in "23":
        store.settle(call, [claim(70, budget=100)], 40, NOW)
    assert store.spent("key:a", 0) == 100
    assert store.hold("4", "me", [claim(1, budget=100)], NOW) == (claim(1, budget=100), "spent")


def test_all_claims_are_granted_or_none(store: SpendStore) -> None:
    team = claim(subject="team:b", streams=1)
    assert store.hold("1", "me", [claim(streams=5), team], NOW) is None
    assert store.hold("2", "me", [claim(streams=5), team], NOW) == (team, "streams")
    store.settle("1", [claim(streams=5), team], 0, NOW)
    assert [store.hold(str(number), "me", [claim(streams=5)], NOW) for number in range(5)] == [None] * 5
    assert store.hold("6", "me", [claim(streams=5)], NOW) is not None


def test_what_the_dead_hold_lapses_and_what_the_living_hold_does_not(store: SpendStore) -> None:
    store.hold("1", "dead", [claim(streams=2)], NOW)
    store.hold("2", "alive", [claim(streams=2)], NOW)
    store.renew("alive", NOW + LAPSES_SECONDS / 2)
    later = NOW + LAPSES_SECONDS + 1
    assert store.hold("3", "alive", [claim(streams=2)], later) is None
    assert store.hold("4", "alive", [claim(streams=2)], later) is not None


def test_a_period_that_is_over_is_forgotten_and_a_budget_for_good_is_not(store: SpendStore) -> None:
    store.settle("1", [Claim("key:a", 86400, None, 100, 1), Claim("key:a", 0, None, 100, 1)], 7, NOW)
    store.prune(NOW - 1)
    assert store.spent("key:a", 86400) == 7
    store.prune(NOW)
    assert (store.spent("key:a", 86400), store.spent("key:a", 0)) == (0, 7)


async def test_orders_are_carried_out_in_their_order(booking: Booking) -> None:
    wants = [claim(10, budget=10)]
    for number in range(50):
        assert await booking.hold(str(number), wants) is None
        booking.settle(str(number), wants, 0)


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


def test_a_killed_process_loses_nothing_that_is_settled(database: Place, store: SpendStore) -> None:
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
    assert store.spent("key:a", 0) == 123
    now = time.time()
    assert store.hold("1", "me", [wants], now) is None
    assert store.hold("2", "me", [wants], now) == Denied(wants, "streams")  # the dead one's place is not free yet
    store.renew("me", now + LAPSES_SECONDS - 1)
    assert store.hold("2", "me", [wants], now + LAPSES_SECONDS + 1) is None


CALLS = st.lists(st.tuples(st.integers(1, 90), st.integers(0, 100), st.integers(0, 2)), max_size=120)


@given(CALLS)
def test_what_is_spent_stays_below_the_budget_and_one_call(calls: list[tuple[int, int, int]]) -> None:
    with TemporaryDirectory() as directory, closing(SpendStore(Path(directory, "keys.sqlite3"))) as store:
        keep_the_books(store, calls)


def keep_the_books(store: SpendStore, calls: list[tuple[int, int, int]]) -> None:
    running: list[tuple[str, Claim, int]] = []
    for number, (cost, percent, settled) in enumerate(calls):
        if store.hold(str(number), "me", [claim(cost, budget=1000)], NOW) is None:
            running.append((str(number), claim(cost, budget=1000), cost * percent // 100))
        for call, held, used in [running.pop() for _ in range(min(settled, len(running)))]:
            store.settle(call, [held], used, NOW)
    for call, held, _ in running:
        store.settle(call, [held], held.cost, NOW)
    assert store.spent("key:a", 0) < 1090
