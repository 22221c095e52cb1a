from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from gateway.keys import AmbiguousKeyError, KeyStore, NoSuchKeyError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "keys.sqlite3"


def test_a_database_of_an_earlier_release_is_kept(database: Path) -> None:
    with sqlite3.connect(database) as old:
        columns = (
            "name TEXT NOT NULL, surfaces TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL, revoked_at REAL"
        )
        old.execute(f"CREATE TABLE keys (digest BLOB PRIMARY KEY, {columns}) WITHOUT ROWID")
        old.execute("INSERT INTO keys VALUES (?, 'old', '', 1.0, NULL, NULL)", (hashlib.sha256(b"gw-old").digest(),))
    old.close()
    for _ in range(2):
        with KeyStore(database) as store:
            found = store.find("gw-old")
            assert found is not None
            assert (found.name, found.family) == ("old", None)
            held = store.find(store.mint("new", family="claude").plaintext)
            assert held is not None
            assert held.family == "claude"


def test_a_minted_key_is_random_and_only_its_digest_is_stored(database: Path) -> None:
    with KeyStore(database, "gw-") as store:
        first, second = store.mint("a"), store.mint("a")
    assert first.plaintext != second.plaintext
    assert first.plaintext.startswith("gw-")
    assert len(first.plaintext) == len("gw-") + 43
    assert first.key.fingerprint == hashlib.sha256(first.plaintext.encode()).hexdigest()[:12]
    stored = b"".join(path.read_bytes() for path in database.parent.iterdir())
    assert first.plaintext.encode() not in stored


def test_the_database_is_its_owners_alone(database: Path) -> None:
    with KeyStore(database):
        assert database.stat().st_mode & 0o777 == 0o600


def test_a_key_is_found_again_with_all_that_was_said_of_it(database: Path) -> None:
    with KeyStore(database) as store:
        minted = store.mint("a", ["openai-chat"], 60)
        assert store.find(minted.plaintext) == minted.key
        assert store.find(minted.plaintext) == minted.key
        assert store.all() == [minted.key]


def test_an_unknown_key_is_not_found(database: Path) -> None:
    with KeyStore(database) as store:
        assert store.find("gw-unknown") is None
        assert store.find("\udcff") is None


def test_a_change_from_another_connection_is_seen_at_once(database: Path) -> None:
    with KeyStore(database) as server, KeyStore(database) as cli:
        minted = cli.mint("a")
        assert server.find(minted.plaintext) == minted.key
        cli.revoke(minted.key)
        found = server.find(minted.plaintext)
        assert found is not None
        assert found.state(time.time()) == "revoked"


def test_a_change_from_the_same_connection_is_seen_at_once(database: Path) -> None:
    with KeyStore(database) as store:
        minted = store.mint("a")
        assert store.find(minted.plaintext) == minted.key
        expired = store.expire(minted.key, time.time())
        assert store.find(minted.plaintext) == expired
        assert store.find(minted.plaintext) == expired


def test_revoking_twice_keeps_the_first_time(database: Path) -> None:
    with KeyStore(database) as store:
        once = store.revoke(store.mint("a").key)
        assert store.revoke(once) == once


def test_states_follow_the_clock(database: Path) -> None:
    with KeyStore(database) as store:
        key = store.mint("a", lifetime=60).key
    assert key.state(key.created_at + 59) == "valid"
    assert key.state(key.created_at + 60) == "expired"


def test_a_key_is_named_by_name_fingerprint_or_itself(database: Path) -> None:
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
def test_a_store_without_its_table_is_not_ready(database: Path) -> None:
    with KeyStore(database) as store, KeyStore(database) as other:
        assert store.ready()
        other._db.execute("DROP TABLE keys")
        assert not store.ready()
