"""What both kinds of database promise, to those who keep a table there."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from gateway import sqlite
from gateway.databases import DatabaseError, Schema, opened

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.databases import Database, Place

COLUMNS = {"name": "TEXT NOT NULL", "number": "BIGINT NOT NULL"}
COUNTERS = Schema("counters", COLUMNS, constraints=["PRIMARY KEY (name)"])
INSERT = "INSERT INTO counters VALUES (?, ?)"
THREADS, TURNS = 4, 25
STARTERS, FILES = 8, 100


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return tmp_path / "tables.sqlite3" if request.param == "sqlite" else request.getfixturevalue("server")


def count(place: Place) -> None:
    with closing(opened(place)) as database:
        database.prepare(COUNTERS)
        for _ in range(TURNS):
            with database.exclusive():
                seen = database.rows("SELECT number FROM counters")
                database.write("DELETE FROM counters")
                database.write(INSERT, ("one", seen[0][0] + 1 if seen else 1))


def test_what_was_looked_at_is_still_so_when_it_is_written(place: Place) -> None:
    threads = [threading.Thread(target=count, args=(place,)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with closing(opened(place)) as database:
        assert database.rows("SELECT number FROM counters") == [(THREADS * TURNS,)]


def begin(place: Place, together: threading.Barrier) -> bool:
    together.wait()
    with closing(opened(place)) as database:
        database.prepare(COUNTERS)
        return database.has("counters")


def test_any_number_may_begin_with_a_new_file_at_once(tmp_path: Path) -> None:
    together = threading.Barrier(STARTERS)
    with ThreadPoolExecutor(STARTERS) as threads:
        for number in range(FILES):
            file = tmp_path / f"{number}.sqlite3"
            assert all(threads.map(begin, [file] * STARTERS, [together] * STARTERS))


def test_a_column_that_cannot_be_added_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.01)
    more = Schema("counters", {**COLUMNS, "more": "TEXT"}, constraints=["PRIMARY KEY (name)"])
    file = tmp_path / "tables.sqlite3"
    with closing(opened(file)) as database, closing(opened(file)) as other:
        database.prepare(COUNTERS)
        with other.exclusive(), pytest.raises(DatabaseError, match="locked"):
            database.prepare(more)
        database.prepare(more)
        assert database.rows("SELECT more FROM counters") == []


def replace(database: Database, name: str | None) -> None:
    """Fails where there is no name."""
    with database.exclusive():
        database.write("DELETE FROM counters")
        database.write(INSERT, (name, 2))


def fail(database: Database) -> None:
    with database.exclusive():
        database.write("DELETE FROM counters")
        raise KeyError


def test_a_transaction_that_fails_has_done_nothing(place: Place) -> None:
    with closing(opened(place)) as database:
        assert not database.has("counters")
        database.prepare(COUNTERS)
        assert database.has("counters")
        database.write(INSERT, ("one", 1))
        with pytest.raises(DatabaseError):
            replace(database, None)
        with pytest.raises(KeyError):
            fail(database)
        assert database.rows("SELECT * FROM counters") == [("one", 1)]
        replace(database, "two")
        assert database.rows("SELECT * FROM counters") == [("two", 2)]
