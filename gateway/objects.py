"""Whose what a provider keeps is: answers and their items, files, batches, conversations, vector stores.

To the provider all clients are one, for they share its key. Here an object belongs to whom its maker's key belongs to,
and for anybody else it does not exist: not by its path, not in a list, not where a request names it.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from gateway.databases import Schema, opened
from gateway.errors import RefusalError, bad_gateway
from gateway.scope import Members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gateway.aliases import Content
    from gateway.calls import Call
    from gateway.config import Objects as Settings
    from gateway.keys import VirtualKey
    from gateway.routes import Place
    from gateway.surfaces import Endpoint

KEPT = {"files", "batches", "conversations", "vector_stores"}
"""Of the further routes those whose objects stay at the provider."""

ANSWERS = re.compile(r"(?:/openai)?(?:/v1)?/responses(?:/\{id\}.*)?")
PLACES = {"{id}", "{file}", "{batch}"}
OWNERS = ("team", "subject", "session", "run")
NAMES = {
    *("previous_response_id", "conversation", "container", "file_id", "file_ids", "input_file_id"),
    *("vector_store_id", "vector_store_ids", "batch_id"),
}
NAMED = re.compile(rb'"(?:' + "|".join([*NAMES, "item_reference"]).encode() + rb')"|\\u', re.IGNORECASE)
SCHEMA = Schema(
    "objects",
    {"id": "TEXT PRIMARY KEY", "owner": "TEXT NOT NULL", "used_at": "REAL NOT NULL"},
    ["CREATE INDEX IF NOT EXISTS objects_by_use ON objects (used_at)"],
    options="WITHOUT ROWID",
)
PRUNE = "DELETE FROM objects WHERE id IN (SELECT id FROM objects WHERE used_at <= ? LIMIT 100)"
A_DAY = 86400.0
CREATED, FAILED = 200, 300


def owner_of(key: VirtualKey) -> str:
    """The widest of those that the key names; a key that names nobody has its objects for itself."""
    named = (f"{name} {value}" for name in OWNERS if (value := getattr(key, name)))
    return next(named, f"key {key.digest.hex()}")


class Objects:
    """SQLite, for the thread that has made it: any number of processes on a machine share the file."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._db = opened(settings.database, durable=False)
        self._db.prepare(SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def authorize(self, key: VirtualKey, call: Call, place: Place) -> None:
        """Raises RefusalError for what is not there for this key."""
        owner = owner_of(key)
        for name in (*in_path(place), *in_body(call.body)):
            if not self.is_for(owner, name):
                raise RefusalError(404, "not_found", f"There is no {name[:100]!r} for this gateway key.")
        if lists(place.endpoint) and call.request.method == "GET":
            call.shown = lambda name: self.is_for(owner, name)

    def is_for(self, owner: str, name: str) -> bool:
        if name in self._settings.shared:
            return True
        found = self._db.rows("SELECT owner, used_at FROM objects WHERE id = ?", (name,))
        if not found:
            return self._settings.unknown == "pass"
        [(its_owner, used_at)] = found
        if its_owner == owner and used_at < time.time() - A_DAY:
            self._db.write("UPDATE objects SET used_at = ? WHERE id = ?", (time.time(), name))
        return bool(its_owner == owner)

    def add(self, owner: str, names: Iterable[str], now: float) -> None:
        """Those that are somebody's already stay that one's."""
        self._db.write(PRUNE, (now - self._settings.prune_after_seconds,))
        rows = [(name, owner, now) for name in names]
        self._db.write_all("INSERT INTO objects VALUES (?, ?, ?) ON CONFLICT DO NOTHING", rows)

    def learn(self, call: Call) -> None:
        """What an answer tells of belongs to who has got it, unless it is somebody's already."""
        if call.admission is None or call.place is None or not keeps(call.place.endpoint):
            return
        if call.status is None or not CREATED <= call.status < FAILED:
            return
        if call.request.method == "DELETE":
            self._db.write_all("DELETE FROM objects WHERE id = ?", [(name,) for name in in_path(call.place)[-1:]])
        elif call.reading.ids:
            self.add(owner_of(call.admission.key), call.reading.ids, time.time())


def keeps(endpoint: Endpoint) -> bool:
    return endpoint.further in KEPT or ANSWERS.fullmatch(endpoint.path) is not None


def lists(endpoint: Endpoint) -> bool:
    return endpoint.further in KEPT and "{" not in endpoint.path


def in_path(place: Place) -> list[str]:
    if not keeps(place.endpoint):
        return []
    steps = zip(place.endpoint.path.split("/"), place.path.split("/"), strict=False)
    return [unquote(step) for what, step in steps if what in PLACES]


def in_body(body: bytes) -> Iterator[str]:
    """A body of several lines may be a batch's file, each line of which is a request."""
    if not NAMED.search(body):
        return
    value = parsed(body)
    values = map(parsed, body.splitlines()) if value is None else [value]
    for each in values:
        yield from named_in(each)


def parsed(text: bytes) -> Any:
    try:
        return json.loads(text, object_pairs_hook=Members)
    except (ValueError, RecursionError):
        return None


def named_in(value: Any) -> Iterator[str]:
    """Not what a tool was called with, nor what a client keeps for itself."""
    if isinstance(value, list):
        for each in value:
            yield from named_in(each)
    elif isinstance(value, Members):
        kind = next((str(inner) for name, inner in value if name == "type"), "")
        for name, inner in value:
            if name.casefold() in NAMES or (name == "id" and kind == "item_reference"):
                yield from names_in(inner)
            elif name != "metadata" and not (name == "input" and kind.endswith("tool_use")):
                yield from named_in(inner)


def names_in(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Members():
            yield from (inner for name, inner in value if name == "id" and isinstance(inner, str))
        case list():
            for each in value:
                yield from names_in(each)


@dataclass
class Shown:
    """A list without what is not there for its reader."""

    content: Content
    shown: Callable[[str], bool]

    async def readany(self) -> bytes:
        body = b""
        while chunk := await self.content.readany():
            body += chunk
        return filtered(body, self.shown) if body else b""


def filtered(body: bytes, shown: Callable[[str], bool]) -> bytes:
    try:
        found = json.loads(body)
        data = [each for each in found["data"] if shown(each["id"])]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise bad_gateway("The upstream's list cannot be read.") from error
    ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
    return json.dumps({**found, "data": data, **{name: ends[name] for name in ends.keys() & found.keys()}}).encode()
