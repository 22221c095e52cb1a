"""Virtual keys: what clients hold instead of a provider's key. Only SHA-256 digests are stored."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import sqlite3
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Self

from gateway.surfaces import SURFACES, Surface

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

KEY_BYTES = 32
FINGERPRINT_DIGITS = 12
SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    digest BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    surfaces TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL,
    revoked_at REAL,
    family TEXT
) WITHOUT ROWID
"""
ADDED_LATER = {"family": "TEXT"}


class NoSuchKeyError(Exception):
    """No stored key has this name, fingerprint or digest."""


class AmbiguousKeyError(Exception):
    """Several stored keys share this name; their fingerprints tell them apart."""


@dataclass(frozen=True, slots=True)
class VirtualKey:
    """Times are seconds since the epoch. No surfaces means all of them, no family providers of any."""

    digest: bytes
    name: str
    surfaces: frozenset[Surface]
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    family: str | None = None
    run: str | None = None
    session: str | None = None
    subject: str | None = None
    team: str | None = None

    @property
    def fingerprint(self) -> str:
        return self.digest.hex()[:FINGERPRINT_DIGITS]

    def state(self, now: float) -> str:
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"

    def allows(self, surfaces: Collection[Surface]) -> bool:
        return not self.surfaces or not self.surfaces.isdisjoint(surfaces)


class Minted(NamedTuple):
    plaintext: str
    key: VirtualKey


def digest_of(plaintext: str) -> bytes:
    return hashlib.sha256(plaintext.encode(errors="surrogateescape")).digest()


class KeyStore:
    """SQLite in WAL mode. Keys are cached until any connection, in any process, has changed the file."""

    def __init__(self, database: Path, prefix: str = "gw-") -> None:
        self._prefix = prefix
        database.touch(mode=0o600)
        self._db = sqlite3.connect(database, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(SCHEMA)
        self._add_columns()
        self._cache: dict[bytes, VirtualKey] = {}
        self._version = self._data_version()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def find(self, plaintext: str) -> VirtualKey | None:
        """The stored key, valid or not."""
        digest = digest_of(plaintext)
        key = self._fresh_cache().get(digest) or self._load(digest)
        if key is None or not hmac.compare_digest(key.digest, digest):
            return None
        return key

    def mint(
        self,
        name: str,
        surfaces: Collection[Surface] = (),
        lifetime: float | None = None,
        family: str | None = None,
    ) -> Minted:
        """The only moment at which the plaintext exists here. `lifetime` in seconds."""
        plaintext = self._prefix + secrets.token_urlsafe(KEY_BYTES)
        now = time.time()
        expires_at = None if lifetime is None else now + lifetime
        key = VirtualKey(digest_of(plaintext), name, frozenset(surfaces), now, expires_at, None, family)
        listed = ",".join(sorted(key.surfaces))
        row = (key.digest, name, listed, now, expires_at, None, family)
        self._db.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return Minted(plaintext, key)

    def revoke(self, key: VirtualKey) -> VirtualKey:
        revoked = replace(key, revoked_at=key.revoked_at or time.time())
        self._db.execute("UPDATE keys SET revoked_at = ? WHERE digest = ?", (revoked.revoked_at, key.digest))
        self._cache.clear()
        return revoked

    def expire(self, key: VirtualKey, at: float) -> VirtualKey:
        self._db.execute("UPDATE keys SET expires_at = ? WHERE digest = ?", (at, key.digest))
        self._cache.clear()
        return replace(key, expires_at=at)

    def all(self) -> list[VirtualKey]:
        return [stored(row) for row in self._db.execute("SELECT * FROM keys ORDER BY created_at, digest")]

    def named(self, reference: str) -> VirtualKey:
        """By name, by fingerprint, or by the key itself."""
        digest = digest_of(reference)
        found = [key for key in self.all() if reference in {key.name, key.fingerprint} or key.digest == digest]
        if not found:
            raise NoSuchKeyError("no such key")
        if len(found) > 1:
            raise AmbiguousKeyError("several keys match: " + ", ".join(key.fingerprint for key in found))
        return found[0]

    def ready(self) -> bool:
        try:
            self._db.execute("SELECT count(*) FROM keys").fetchone()
        except sqlite3.Error:
            return False
        return True

    def _add_columns(self) -> None:
        """A database of an earlier release lacks some."""
        there = {row[1] for row in self._db.execute("PRAGMA table_info(keys)")}
        for name in ADDED_LATER.keys() - there:
            with contextlib.suppress(sqlite3.OperationalError):  # another process was faster
                self._db.execute(f"ALTER TABLE keys ADD COLUMN {name} {ADDED_LATER[name]}")

    def _fresh_cache(self) -> dict[bytes, VirtualKey]:
        version = self._data_version()
        if version != self._version:
            self._version = version
            self._cache.clear()
        return self._cache

    def _data_version(self) -> int:
        """Changes when another connection commits: https://sqlite.org/pragma.html#pragma_data_version"""
        version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _load(self, digest: bytes) -> VirtualKey | None:
        row = self._db.execute("SELECT * FROM keys WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            return None
        key = self._cache[digest] = stored(row)
        return key


def stored(row: tuple[bytes, str, str, float, float | None, float | None, str | None]) -> VirtualKey:
    digest, name, listed, created_at, expires_at, revoked_at, family = row
    surfaces = frozenset(surface for surface in SURFACES if surface in listed.split(","))
    return VirtualKey(digest, name, surfaces, created_at, expires_at, revoked_at, family)
