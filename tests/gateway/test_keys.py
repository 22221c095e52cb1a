from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from gateway.keys import DEAD, PRUNED_AT_ONCE, SELECT, AmbiguousKeyError, KeyStore, NoSuchKeyError, Owner

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.databases import Place


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.sqlite3"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, file: Path) -> Place:
    return file if request.param == "sqlite" else request.getfixturevalue("server")


def test_a_database_of_an_earlier_release_is_kept(file: Path) -> None:
    with sqlite3.connect(file) as old:
        columns = (
            "name TEXT NOT NULL, surfaces TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL, revoked_at REAL"
        )
        old.execute(f"CREATE TABLE keys (digest BLOB PRIMARY KEY, {columns}) WITHOUT ROWID")
        old.execute("INSERT INTO keys VALUES (?, 'old', '', 1.0, NULL, NULL)", (hashlib.sha256(b"gw-old").digest(),))
    old.close()
    for _ in range(2):
        with KeyStore(file) as store:
            found = store.find("gw-old")
            assert found is not None
            assert (found.name, found.family) == ("old", None)
            held = store.find(store.mint("new", family="claude").plaintext)
            assert held is not None
            assert held.family == "claude"


def test_a_minted_key_is_random_and_only_its_digest_is_stored(file: Path) -> None:
    with KeyStore(file, "gw-") as store:
        first, second = store.mint("a"), store.mint("a")
    assert first.plaintext != second.plaintext
    assert first.plaintext.startswith("gw-")
    assert len(first.plaintext) == len("gw-") + 43
    assert first.key.fingerprint == hashlib.sha256(first.plaintext.encode()).hexdigest()[:12]
    stored = b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert first.plaintext.encode() not in stored


def test_the_database_is_its_owners_alone(file: Path) -> None:
    with KeyStore(file):
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_is_found_again_with_all_that_was_said_of_it(database: Place) -> None:
    with KeyStore(database) as store:
        minted = store.mint("a", ["openai-chat"], 60)
        assert store.find(minted.plaintext) == minted.key
        assert store.find(minted.plaintext) == minted.key
        assert store.all() == [minted.key]


def test_an_unknown_key_is_not_found(database: Place) -> None:
    with KeyStore(database) as store:
        assert store.find("gw-unknown") is None
        assert store.find("\udcff") is None


def test_a_change_from_another_connection_is_seen_at_once(database: Place) -> None:
    with KeyStore(database) as server, KeyStore(database) as cli:
        minted = cli.mint("a")
        assert server.find(minted.plaintext) == minted.key
        cli.revoke(minted.key)
        found = server.find(minted.plaintext)
        assert found is not None
        assert found.state(time.time()) == "revoked"


def test_a_change_from_the_same_connection_is_seen_at_once(database: Place) -> None:
    with KeyStore(database) as store:
        minted = store.mint("a")
        assert store.find(minted.plaintext) == minted.key
        expired = store.expire(minted.key, time.time())
        assert store.find(minted.plaintext) == expired
        assert store.find(minted.plaintext) == expired


def test_revoking_twice_keeps_the_first_time(database: Place) -> None:
    with KeyStore(database) as store:
        once = store.revoke(store.mint("a").key)
        assert store.revoke(once) == once


def test_states_follow_the_clock(database: Place) -> None:
    with KeyStore(database) as store:
        key = store.mint("a", lifetime=60).key
    assert key.state(key.created_at + 59) == "valid"
    assert key.state(key.created_at + 60) == "expired"


def test_a_key_is_named_by_name_fingerprint_or_itself(database: Place) -> None:
    with KeyStore(database) as store:
        minted = store.mint("a")
        for reference in ("a", minted.key.fingerprint, minted.plaintext):
            assert store.named(reference) == minted.key
        with pytest.raises(NoSuchKeyError):
            store.named("b")
        other = store.mint("a")
        with pytest.raises(AmbiguousKeyError, match=other.key.fingerprint):
            store.named("a")


@pytest.mark.skipif(os.name == "nt", reason="an open database cannot be broken from outside on Windows")
def test_a_store_without_its_table_is_not_ready(database: Place) -> None:
    with KeyStore(database) as store, KeyStore(database) as other:
        assert store.ready()
        other._db.write("DROP TABLE keys")
        assert not store.ready()


def test_whose_a_key_is_and_what_it_is_good_for_is_kept(database: Place) -> None:
    with KeyStore(database) as store:
        minted = store.mint(
            "a",
            run="r1",
            session="s1",
            subject="ada",
            team="blue",
            models=["b, c", "a"],
            providers=["openai"],
            origins=["10.0.0.0/8", "unix"],
        ).key
    with KeyStore(database) as store:
        assert store.all() == [minted]
        assert (minted.run, minted.session, minted.subject, minted.team) == ("r1", "s1", "ada", "blue")
        assert minted.models == {"a", "b, c"}
        assert minted.allows_model("b, c")
        assert not minted.allows_model("b")
        assert minted.allows_provider("openai", "any")
        assert not minted.allows_provider("azure", None)


def test_a_database_in_the_middle_of_our_history_gains_the_columns_it_lacks(file: Path) -> None:
    with sqlite3.connect(file) as old:
        old.execute(
            "CREATE TABLE keys (digest BLOB PRIMARY KEY, name TEXT NOT NULL, surfaces TEXT NOT NULL, "
            "created_at REAL NOT NULL, expires_at REAL, revoked_at REAL, family TEXT, team TEXT) WITHOUT ROWID"
        )
        row = (hashlib.sha256(b"gw-old").digest(), "old", "gemini", 1.0, None, None, "fam", "blue")
        old.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    old.close()
    with KeyStore(file) as store:
        found = store.named("gw-old")
        assert (found.family, found.team, found.run, found.models) == ("fam", "blue", None, frozenset())
        assert store.revoke_owned(Owner(team="blue")) == 1


def test_a_deleted_key_is_unknown_at_once_everywhere(database: Place) -> None:
    with KeyStore(database) as server, KeyStore(database) as cli:
        minted = server.mint("a")
        assert server.find(minted.plaintext)
        cli.delete(minted.key)
        assert server.find(minted.plaintext) is None
        for change in (server.revoke, lambda key: server.expire(key, 1.0)):
            with pytest.raises(NoSuchKeyError):
                change(minted.key)


def test_the_keys_of_an_owner_end_together_and_no_others(database: Place) -> None:
    with KeyStore(database) as store:
        both, run, other = (store.mint("k", run=run, team=team) for run, team in [("1", "x"), ("1", None), ("2", "x")])
        assert store.revoke_owned(Owner(run="1", team="x")) == 1
        assert store.revoke_owned(Owner(run="1")) == 1
        assert [key.state(time.time()) for key in store.all(Owner(run="1"))] == ["revoked", "revoked"]
        assert store.all(Owner(team="x", run="2")) == [other.key]
        assert store.delete_owned(Owner(run="1")) == 2
        assert store.find(both.plaintext) is store.find(run.plaintext) is None
        assert store.find(other.plaintext) == other.key
        assert store.delete_owned(Owner(session="1' OR '1'='1")) == 0


@pytest.mark.parametrize("nothing", [{}, {"run": ""}, {"team": None}, {"run": "", "team": "blue"}])
def test_nobodys_keys_are_not_everybodys(nothing: dict[str, str | None]) -> None:
    with pytest.raises(ValueError, match="run, session, subject, team"):
        Owner(**nothing)


def test_what_is_dead_is_pruned_and_nothing_else(database: Place) -> None:
    with KeyStore(database) as store:
        alive, later = store.mint("alive"), store.mint("later", lifetime=3600)
        for _ in range(PRUNED_AT_ONCE + 1):
            store.mint("expired", lifetime=-10)
        revoked = store.revoke(store.mint("revoked").key)
        assert store.prune(time.time() - 3600) == 0
        assert store.prune(time.time() - 5) == PRUNED_AT_ONCE + 1
        assert store.all() == [alive.key, later.key, revoked]
        assert store.prune(time.time()) == 1
        assert store.all() == [alive.key, later.key]


def test_keys_are_paged_in_an_order_that_holds(database: Place) -> None:
    with KeyStore(database) as store:
        minted = sorted(store.mint("k", run=str(number % 2)).key.digest for number in range(7))
        first = store.page(None, b"", 4)
        assert [key.digest for key in (*first, *store.page(None, first[-1].digest, 4))] == minted
        assert {key.run for key in store.page(Owner(run="1"), b"", 9)} == {"1"}


def test_the_cache_is_bounded(database: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.keys.MOST_CACHED", 3)
    with KeyStore(database) as store:
        minted = [store.mint("k") for _ in range(5)]
        for _ in range(2):
            assert [store.find(each.plaintext) for each in minted] == [each.key for each in minted]
        assert len(store._cache) == 3


def test_a_key_is_looked_up_in_an_index_however_it_is_named(file: Path) -> None:
    """So that it costs the same with a million keys."""
    with KeyStore(file) as store:
        for where in ("digest = ?", "name = ?", "run = ?", "session = ?", "subject = ?", "team = ?"):
            [plan] = store._db.rows(f"EXPLAIN QUERY PLAN {SELECT} WHERE {where}", ("x",))
            assert plan[3].startswith("SEARCH")
        dead = [plan[3] for plan in store._db.rows(f"EXPLAIN QUERY PLAN {DEAD}", (1.0, 1.0))]
        assert sum(line.startswith("SEARCH") for line in dead) == 2


def test_who_mints_disturbs_nobodys_cache_and_who_ends_a_key_does(database: Place) -> None:
    with KeyStore(database) as server, KeyStore(database) as cli:
        ended, *others = (cli.mint("k", run=str(number)) for number in range(5))
        before = server.generation()
        server.find(ended.plaintext)
        cli.mint("new")
        assert server.generation() == before
        assert server.find(ended.plaintext) == ended.key
        for change in (
            lambda: cli.revoke(ended.key),
            lambda: cli.expire(others[0].key, 1.0),
            lambda: cli.delete(others[1].key),
            lambda: cli.revoke_owned(Owner(run="3")),
            lambda: cli.delete_owned(Owner(run="4")),
            lambda: cli.prune(time.time()),
            lambda: server.revoke(cli.mint("own").key),
        ):
            change()
            assert server.generation() > before
            before = server.generation()
            assert server.generation() == before


def test_keys_are_told_as_they_are(database: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.keys.ASKED_AT_ONCE", 2)
    with KeyStore(database) as store, KeyStore(database) as other:
        keys = [store.mint("k", models=["m"]).key for _ in range(5)]
        revoked, expired = other.revoke(keys[0]), other.expire(keys[1], 1.0)
        other.delete(keys[2])
        assert store.as_they_are(keys) == {key.digest: key for key in (revoked, expired, *keys[3:])}
        assert store.as_they_are([]) == {}
