"""What only a server does: it goes away and comes back, it wants a password, and others write to it too."""

from __future__ import annotations

import multiprocessing
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.databases import DatabaseError, Server
from gateway.keys import DEAD, SCHEMA, SELECT, KeyStore
from gateway.postgres import Postgres, theirs
from tests.gateway.postgresql import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.gateway.postgresql import Cluster

OPENERS = 6
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test%'"


@pytest.fixture
def database(server: Server) -> Iterator[Postgres]:
    opened = Postgres(server)
    yield opened
    opened.close()


def name_of(server: Server) -> str:
    return server.url.partition("@/")[2].partition("?")[0]


def test_a_connection_that_was_cut_is_made_anew(cluster: Cluster, server: Server) -> None:
    with KeyStore(server) as store:
        minted = store.mint("a")
        cluster.execute("postgres", CUT)
        assert store.find(minted.plaintext) == minted.key
        cluster.execute("postgres", CUT)
        again = store.mint("b")
        assert store.all() == [minted.key, again.key]


def test_a_server_that_is_away_is_told_and_what_it_knew_is_there_when_it_is_back(
    cluster: Cluster, server: Server
) -> None:
    with KeyStore(server) as store:
        minted = store.mint("a")
        store.find(minted.plaintext)
        cluster.stop()
        try:
            assert not store.ready()
            for ask in (lambda: store.find(minted.plaintext), lambda: store.mint("b"), store.generation):
                with pytest.raises(DatabaseError, match=r"No such file|refused"):
                    ask()
            with pytest.raises(DatabaseError):
                KeyStore(server)
        finally:
            cluster.start()
        assert store.ready()
        assert store.find(minted.plaintext) == minted.key
        assert store.revoke(minted.key) == store.find(minted.plaintext)


@pytest.mark.parametrize("password", [None, "wrong of/the@database"])
def test_a_password_is_wanted_and_not_told(server: Server, password: str | None) -> None:
    with pytest.raises(DatabaseError, match="password") as refused:
        KeyStore(replace(server, password=password))
    told = "".join(traceback.format_exception(refused.value))
    assert "of/the@database" not in told
    assert PASSWORD not in f"{server} {server!r}"


def open_store(server: Server) -> None:
    with KeyStore(server):
        pass


def test_replicas_that_start_at_once_make_the_tables_once(server: Server) -> None:
    processes = [multiprocessing.Process(target=open_store, args=(server,)) for _ in range(OPENERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * OPENERS


def test_a_table_of_an_earlier_release_gains_what_it_lacks(database: Postgres, server: Server) -> None:
    few = {name: SCHEMA.columns[name] for name in list(SCHEMA.columns)[:6]}
    database.prepare(replace(SCHEMA, columns=few, indexes=(), postgres=()))
    database.write("INSERT INTO keys VALUES (?, 'old', 'gemini', 1.0, NULL, NULL)", (b"\x01" * 32,))
    with KeyStore(server) as store:
        [old] = store.all()
        assert (old.name, sorted(old.surfaces), old.team, sorted(old.models)) == ("old", ["gemini"], None, [])
        before = store.generation()
        store.revoke(old)
        assert store.generation() > before


def test_who_only_starts_changes_nothing(database: Postgres, server: Server) -> None:
    database.prepare(SCHEMA)
    versions = "SELECT xmin::text FROM pg_class WHERE relname IN ('keys', 'ended') ORDER BY relname"
    before = database.rows(versions)
    with KeyStore(server):
        assert database.rows(versions) == before


def test_a_key_is_looked_up_in_an_index_however_it_is_named(database: Postgres) -> None:
    """So that it costs the same with a million keys."""
    database.prepare(SCHEMA)
    database.write("SET enable_seqscan = off")
    for column, value in {"digest": b"x", "name": "x", "run": "x", "team": "x"}.items():
        plan = database.rows(f"EXPLAIN {SELECT} WHERE {column} = ?", (value,))
        assert "Index Cond" in str(plan)
    assert str(database.rows(f"EXPLAIN {theirs(DEAD)}", (1.0, 1.0))).count("Index Cond") == 2


def test_a_connection_that_is_cut_in_a_transaction_takes_all_of_it_along(cluster: Cluster, server: Server) -> None:
    database = Postgres(server)
    database.write("CREATE TABLE numbers (number INTEGER)")

    def be_cut_off() -> None:
        with database.exclusive():
            database.write("INSERT INTO numbers VALUES (1)")
            cluster.execute("postgres", CUT)
            database.write("INSERT INTO numbers VALUES (2)")

    with pytest.raises(DatabaseError):
        be_cut_off()
    with database.exclusive():
        assert database.rows("SELECT number FROM numbers") == []
    database.close()


def test_a_batch_is_written_whole_or_not_at_all(database: Postgres) -> None:
    database.write("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")
    database.write_all("INSERT INTO numbers VALUES (?)", [(1,), (2,)])
    with pytest.raises(DatabaseError, match="duplicate"):
        database.write_all("INSERT INTO numbers VALUES (?)", [(3,), (1,)])
    assert database.rows("SELECT number FROM numbers ORDER BY number") == [(1,), (2,)]
