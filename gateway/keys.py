"""Virtual keys: what clients hold instead of a provider's key. Only SHA-256 digests are stored."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from gateway.databases import DatabaseError, Schema, marks, opened
from gateway.limits import UNLIMITED, Limit
from gateway.scope import origin
from gateway.surfaces import SURFACES, Surface

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from gateway.databases import Place

KEY_BYTES = 32
FINGERPRINT_DIGITS = 12
MOST_CACHED = 10_000
ASKED_AT_ONCE = 1000
PRUNED_AT_ONCE = 1000  # so that no other writer waits for long
OWNERS = ("run", "session", "subject", "team")
COLUMNS = {
    "digest": "BLOB PRIMARY KEY",
    "name": "TEXT NOT NULL",
    "surfaces": "TEXT NOT NULL",
    "created_at": "REAL NOT NULL",
    "expires_at": "REAL",
    "revoked_at": "REAL",
    "family": "TEXT",
    "run": "TEXT",
    "session": "TEXT",
    "subject": "TEXT",
    "team": "TEXT",
    "models": "TEXT",
    "providers": "TEXT",
    "origins": "TEXT",
    "limits": "TEXT",
}
INDEXES = (
    "CREATE INDEX IF NOT EXISTS keys_by_name ON keys (name)",
    *(
        f"CREATE INDEX IF NOT EXISTS keys_by_{column} ON keys ({column}) WHERE {column} IS NOT NULL"
        for column in (*OWNERS, "expires_at", "revoked_at")
    ),
)
ENDED = "INSERT INTO ended VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET number = ended.number + 1;"
"""Counts whatever may end a key, so that those who mint disturb nobody's cache."""

BODY = f"BEGIN {ENDED} RETURN NULL; END"

SCHEMA = Schema(
    "keys",
    COLUMNS,
    INDEXES,
    "WITHOUT ROWID",
    sqlite=(
        "CREATE TABLE IF NOT EXISTS ended (one INTEGER PRIMARY KEY, number INTEGER NOT NULL)",
        f"CREATE TRIGGER IF NOT EXISTS key_changed AFTER UPDATE ON keys BEGIN {ENDED} END",
        f"CREATE TRIGGER IF NOT EXISTS key_deleted AFTER DELETE ON keys BEGIN {ENDED} END",
    ),
    postgres=(
        "CREATE TABLE IF NOT EXISTS ended (one SMALLINT PRIMARY KEY, number BIGINT NOT NULL)",
        f"CREATE OR REPLACE FUNCTION count_ended() RETURNS trigger LANGUAGE plpgsql AS '{BODY}'",
        "DROP TRIGGER IF EXISTS key_ended ON keys",
        "CREATE TRIGGER key_ended AFTER UPDATE OR DELETE OR TRUNCATE ON keys EXECUTE FUNCTION count_ended()",
    ),
)
SELECT = f"SELECT {', '.join(COLUMNS)} FROM keys"  # noqa: S608 -- our own names
TIMES = "SELECT digest, expires_at, revoked_at FROM keys WHERE digest IN"
INSERT = f"INSERT INTO keys ({', '.join(COLUMNS)}) VALUES ({marks(COLUMNS)}) ON CONFLICT DO NOTHING"  # noqa: S608 -- our own names
DEAD = "SELECT digest FROM keys WHERE revoked_at <= ? UNION SELECT digest FROM keys WHERE expires_at <= ?"


class NoSuchKeyError(Exception):
    """No stored key has this name, fingerprint or digest."""


class AmbiguousKeyError(Exception):
    """Several stored keys share this name; their fingerprints tell them apart."""


@dataclass(frozen=True, slots=True)
class VirtualKey:
    """Times are seconds since the epoch. What is empty holds the key to nothing: no surfaces means all of them.

    `models` are the clients' names, `origins` networks (CIDR) that a caller must be in, or `unix`.
    """

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
    models: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    limits: Limit = UNLIMITED

    @property
    def fingerprint(self) -> str:
        return self.digest.hex()[:FINGERPRINT_DIGITS]

    def state(self, now: float) -> str:
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"

    def allows(self, surfaces: Collection[Surface]) -> bool:
        return not self.surfaces or not self.surfaces.isdisjoint(surfaces)

    def allows_model(self, model: str) -> bool:
        return not self.models or model in self.models

    def allows_provider(self, provider: str, family: str | None) -> bool:
        return self.family in {None, family} and (not self.providers or provider in self.providers)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose keys: those to which all fits that is given, which must be something."""

    run: str | None = None
    session: str | None = None
    subject: str | None = None
    team: str | None = None

    def __post_init__(self) -> None:
        """An empty name is nobody's, and no way of leaving it out: else what was to end one run ends a team's keys."""
        if "" in astuple(self) or not any(astuple(self)):
            raise ValueError(f"one of {', '.join(OWNERS)} is needed, and none may be empty")

    @property
    def given(self) -> dict[str, str]:
        return {name: value for name, value in zip(OWNERS, astuple(self), strict=True) if value}


class Minted(NamedTuple):
    plaintext: str
    key: VirtualKey


def digest_of(plaintext: str) -> bytes:
    return hashlib.sha256(plaintext.encode(errors="surrogateescape")).digest()


class KeyStore:
    """What a call has returned is on the disk; all raise `DatabaseError`. For one thread at a time.

    Keys are cached until any connection, in any process, has changed or deleted one.
    """

    def __init__(self, database: Place, prefix: str = "gw-") -> None:
        self._prefix = prefix
        self._db = opened(database)
        try:
            self._db.prepare(SCHEMA)
            self._version = self._db.version()
            self._ended = self._count_ended()
        except OSError:
            self.close()
            raise
        self._cache: dict[bytes, VirtualKey] = {}
        self._generation = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def find(self, plaintext: str) -> VirtualKey | None:
        """The stored key, valid or not."""
        digest = digest_of(plaintext)
        key = self.current(digest)
        if key is None or not hmac.compare_digest(key.digest, digest):
            return None
        return key

    def current(self, digest: bytes) -> VirtualKey | None:
        self.generation()
        return self._cache.get(digest) or self._load(digest)

    def generation(self) -> int:
        """Another number whenever a key may have ended, whoever has ended it."""
        version = self._db.version()
        if version != self._version:
            self._version = version
            ended, self._ended = self._ended, self._count_ended()
            if ended != self._ended:
                self._changed()
        return self._generation

    def fresh(self, digests: Collection[bytes]) -> dict[bytes, VirtualKey]:
        """Those that are stored, from the table itself."""
        return {key.digest: key for key in self._select(f"WHERE digest IN ({marks(digests)})", *digests)}

    def as_they_are(self, keys: Iterable[VirtualKey]) -> dict[bytes, VirtualKey]:
        """Those of the keys that are still there, by their digests."""
        known = {key.digest: key for key in keys}
        found: dict[bytes, VirtualKey] = {}
        digests = list(known)
        for start in range(0, len(digests), ASKED_AT_ONCE):
            asked = digests[start : start + ASKED_AT_ONCE]
            for digest, *times in self._db.rows(f"{TIMES} ({marks(asked)})", asked):
                key = known[digest]
                same = times == [key.expires_at, key.revoked_at]
                found[digest] = key if same else replace(key, expires_at=times[0], revoked_at=times[1])
        return found

    def mint(
        self,
        name: str,
        surfaces: Collection[Surface] = (),
        lifetime: float | None = None,
        family: str | None = None,
        *,
        run: str | None = None,
        session: str | None = None,
        subject: str | None = None,
        team: str | None = None,
        models: Collection[str] = (),
        providers: Collection[str] = (),
        origins: Collection[str] = (),
        limits: Limit = UNLIMITED,
    ) -> Minted:
        """The only moment at which the plaintext exists here. `lifetime` in seconds. ValueError: no such origin."""
        plaintext = self._prefix + secrets.token_urlsafe(KEY_BYTES)
        now = time.time()
        key = VirtualKey(
            digest_of(plaintext),
            name,
            frozenset(surfaces),
            now,
            None if lifetime is None else now + lifetime,
            None,
            family,
            *(run, session, subject, team),
            frozenset(models),
            frozenset(providers),
            frozenset(map(origin, origins)),
            limits,
        )
        self._db.write(INSERT, row_of(key))
        return Minted(plaintext, key)

    def revoke(self, key: VirtualKey) -> VirtualKey:
        """Raises NoSuchKeyError where it has been deleted meanwhile; so does `expire`."""
        revoked = replace(key, revoked_at=key.revoked_at or time.time())
        self._update(key, "revoked_at", revoked.revoked_at)
        return revoked

    def expire(self, key: VirtualKey, at: float) -> VirtualKey:
        self._update(key, "expires_at", at)
        return replace(key, expires_at=at)

    def delete(self, key: VirtualKey) -> None:
        self._write("DELETE FROM keys WHERE digest = ?", (key.digest,))

    def revoke_owned(self, owner: Owner) -> int:
        """How many were not revoked before."""
        statement = f"UPDATE keys SET revoked_at = ? WHERE revoked_at IS NULL AND {fits(owner)}"  # noqa: S608 -- our own names
        return self._write(statement, (time.time(), *owner.given.values()))

    def delete_owned(self, owner: Owner) -> int:
        return self._write(f"DELETE FROM keys WHERE {fits(owner)}", tuple(owner.given.values()))  # noqa: S608 -- our own names

    def prune(self, before: float) -> int:
        """Deletes what was revoked or had expired by then; how many that were."""
        statement = f"DELETE FROM keys WHERE digest IN ({DEAD} LIMIT {PRUNED_AT_ONCE})"  # noqa: S608 -- our own names
        pruned = 0
        while gone := self._write(statement, (before, before)):
            pruned += gone
        return pruned

    def all(self, owner: Owner | None = None) -> list[VirtualKey]:
        where, values = (f"WHERE {fits(owner)}", owner.given.values()) if owner else ("", ())
        return self._select(f"{where} ORDER BY created_at, digest", *values)

    def page(self, owner: Owner | None, after: bytes, most: int) -> list[VirtualKey]:
        """In the order of their digests, those after this one."""
        more, values = (f"AND {fits(owner)}", owner.given.values()) if owner else ("", ())
        return self._select(f"WHERE digest > ? {more} ORDER BY digest LIMIT ?", after, *values, most)

    def named(self, reference: str) -> VirtualKey:
        """By name, by fingerprint, or by the key itself."""
        found = {key.digest: key for key in (*self._select("WHERE name = ?", reference), *self._printed(reference))}
        if key := self.find(reference):
            found[key.digest] = key
        if not found:
            raise NoSuchKeyError("no such key")
        if len(found) > 1:
            raise AmbiguousKeyError("several keys match: " + ", ".join(key.fingerprint for key in found.values()))
        return next(iter(found.values()))

    def with_fingerprint(self, fingerprint: str) -> VirtualKey:
        found = self._printed(fingerprint)
        if len(found) != 1:
            raise NoSuchKeyError("no such key")
        return found[0]

    def ready(self) -> bool:
        try:
            self._db.rows("SELECT digest FROM keys LIMIT 1")
        except DatabaseError:
            return False
        return True

    def _changed(self) -> None:
        self._cache.clear()
        self._generation += 1

    def _count_ended(self) -> int:
        return next((int(number) for (number,) in self._db.rows("SELECT number FROM ended")), 0)

    def _load(self, digest: bytes) -> VirtualKey | None:
        for key in self._select("WHERE digest = ?", digest):
            if len(self._cache) >= MOST_CACHED:
                del self._cache[next(iter(self._cache))]
            self._cache[digest] = key
            return key
        return None

    def _printed(self, fingerprint: str) -> list[VirtualKey]:
        if not re.fullmatch(f"[0-9a-f]{{{FINGERPRINT_DIGITS}}}", fingerprint):
            return []
        first = bytes.fromhex(fingerprint)
        return self._select("WHERE digest BETWEEN ? AND ?", first, first + b"\xff" * (32 - len(first)))

    def _select(self, where: str, *values: Any) -> list[VirtualKey]:
        return [stored(row) for row in self._db.rows(f"{SELECT} {where}", values)]

    def _update(self, key: VirtualKey, column: str, value: float | None) -> None:
        if not self._write(f"UPDATE keys SET {column} = ? WHERE digest = ?", (value, key.digest)):  # noqa: S608 -- our own names
            raise NoSuchKeyError("no such key")

    def _write(self, statement: str, values: tuple[Any, ...]) -> int:
        """How many rows it concerned."""
        concerned = self._db.write(statement, values)
        self._changed()
        return concerned


def fits(owner: Owner) -> str:
    return " AND ".join(f"{name} = ?" for name in owner.given)


def row_of(key: VirtualKey) -> tuple[Any, ...]:
    lists = (json.dumps(sorted(values)) if values else None for values in (key.models, key.providers, key.origins))
    surfaces = ",".join(sorted(key.surfaces))
    times = (key.created_at, key.expires_at, key.revoked_at)
    owners = (key.run, key.session, key.subject, key.team)
    limits = None if key.limits == UNLIMITED else key.limits.model_dump_json(exclude_none=True)
    return (key.digest, key.name, surfaces, *times, key.family, *owners, *lists, limits)


def stored(row: tuple[Any, ...]) -> VirtualKey:
    digest, name, listed, *rest, models, providers, origins, limits = row
    surfaces = frozenset(surface for surface in SURFACES if surface in listed.split(","))
    lists = (frozenset(json.loads(values or "[]")) for values in (models, providers, origins))
    rest += [*lists, Limit.model_validate_json(limits) if limits else UNLIMITED]
    return VirtualKey(digest, name, surfaces, *rest)
