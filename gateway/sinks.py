"""Where the rows of the audit are kept: files of JSON lines, or a table. Both may have several writers."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import time
from collections import deque
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from gateway.databases import Schema, opened

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.config import Audit
    from gateway.databases import Place
    from gateway.rows import Row

    Found = tuple[Row, str]

NEWLINE = b"\n"
DAY = 24 * 60 * 60
SECONDS_BETWEEN_PRUNINGS = 60
PRUNED_AT_ONCE = 10_000
SCHEMA = Schema(
    "calls",
    {
        "id": "INTEGER PRIMARY KEY",
        "ts": "TEXT NOT NULL",
        "key": "TEXT",
        "run": "TEXT",
        "status": "INTEGER",
        "row": "TEXT NOT NULL",
    },
    (
        "CREATE INDEX IF NOT EXISTS calls_ts ON calls (ts)",
        "CREATE INDEX IF NOT EXISTS calls_run ON calls (run, ts)",
    ),
)
INSERT = "INSERT INTO calls (row, ts, key, run, status) VALUES (?, ?, ?, ?, ?)"
DELETE = "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE ts < ? LIMIT ?)"
NAMED_BY = {"key": ("key", "key_name"), "run": ("run",), "model": ("model", "client_model", "upstream_model")}


class Entry(NamedTuple):
    """A row as JSON, and what it is found by: nothing that the garbage collector would have to look through."""

    line: str
    ts: str | None
    key: str | None
    run: str | None
    status: int | None

    @classmethod
    def of(cls, row: Row) -> Entry:
        return cls(json.dumps(row), row.get("ts"), row.get("key"), row.get("run"), row.get("status"))


@dataclass(frozen=True)
class Query:
    """What is not None is asked for: `since` as in `ts`, `status` as "404" or "4xx", `key` as fingerprint or name."""

    since: str | None = None
    key: str | None = None
    run: str | None = None
    model: str | None = None
    status: str | None = None

    def fits(self, row: Row) -> bool:
        asked = {each.name: getattr(self, each.name) for each in fields(self)}
        return (
            (self.since is None or str(row.get("ts")) >= self.since)
            and (self.status is None or has_status(row.get("status"), self.status))
            and all(asked[by] is None or asked[by] in map(row.get, names) for by, names in NAMED_BY.items())
        )


def has_status(status: object, asked: str) -> bool:
    return str(status) == asked if asked.isdigit() else str(status)[:1] == asked[0]


class Sink(Protocol):
    def open(self) -> None:
        """OSError where nothing can be written."""

    def write(self, waiting: deque[Entry]) -> None:
        """Takes off the left what has been kept. OSError when there is no more to be had; the rest is still there."""

    def read(self, query: Query, limit: int | None = None) -> Iterator[Found]:
        """The rows that fit, or the last of them, the oldest first, each with its JSON. Needs no `open`."""

    def close(self) -> None: ...


class Lines:
    """One row a line; at `max_bytes` the file becomes `.1`, and what was `.1` becomes `.2`, up to `keep` of them.

    Lines are whole: each writer holds a lock on the file while it appends or rotates it, and takes back what did not
    fit on the disk. Only a plain file is rotated, no pipe and no link. Where there are no such locks (Windows), one
    process may write, and nothing is rotated.
    """

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep

    def open(self) -> None:
        with self._locked():
            pass

    def write(self, waiting: deque[Entry]) -> None:
        while waiting:
            with self._locked() as file:
                size = os.fstat(file).st_size
                room = self._max_bytes - size if self._rotatable() else sys.maxsize
                if size and len(waiting[0].line) >= room:
                    self._rotate()
                    continue
                taken, text = fitting(waiting, room)
                append(file, text, size)
                for _ in range(taken):
                    waiting.popleft()

    def read(self, query: Query, limit: int | None = None) -> Iterator[Found]:
        with ExitStack() as opened:
            files = self._files(opened)
            if limit is None:
                for file in reversed(files):
                    yield from rows_in(file, query)
            else:
                yield from last_rows_in(files, query, limit)

    def close(self) -> None:
        """Nothing stays open between two writes."""

    def __str__(self) -> str:
        return str(self._path)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The file under this name, and no other process writes to it."""
        while True:
            file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                if sys.platform != "win32":
                    fcntl.flock(file, fcntl.LOCK_EX)
                if is_at(self._path, file):  # while we waited it may have been rotated
                    yield file
                    return
            finally:
                os.close(file)

    def _rotatable(self) -> bool:
        return sys.platform != "win32" and stat.S_ISREG(self._path.lstat().st_mode)

    def _rotate(self) -> None:
        for number, path in sorted(self._rotated().items(), reverse=True):
            if number >= self._keep:
                path.unlink()
            else:
                path.replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))

    def _rotated(self) -> dict[int, Path]:
        form = re.compile(re.escape(self._path.name) + r"\.([1-9]\d*)")
        found = ((form.fullmatch(path.name), path) for path in self._path.parent.iterdir())
        return {int(match[1]): path for match, path in found if match}

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _files(self, opened: ExitStack) -> list[BinaryIO]:
        """The newest first. One that is rotated meanwhile turns up twice, but none is missed."""
        files: dict[int, BinaryIO] = {}
        for path in (self._path, *(path for _, path in sorted(self._rotated().items()))):
            with suppress(FileNotFoundError):
                file = opened.enter_context(path.open("rb"))
                files.setdefault(os.fstat(file.fileno()).st_ino, file)
        return list(files.values())


def rows_in(file: BinaryIO, query: Query) -> Iterator[Found]:
    for line in file:
        with suppress(ValueError):  # cut off when a machine died
            row = json.loads(line)
            if query.fits(row):
                yield row, line.decode().strip()


def last_rows_in(files: list[BinaryIO], query: Query, limit: int) -> deque[Found]:
    """Of files with the newest first: those that are not needed are not read."""
    found: deque[Found] = deque()
    for file in files:
        found.extendleft(reversed(deque(rows_in(file, query), maxlen=limit - len(found))))
        if len(found) >= limit:
            break
    return found


def is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def fitting(waiting: deque[Entry], room: int) -> tuple[int, bytes]:
    """How many of the first rows have room, and their lines. One of them always goes."""
    text = bytearray()
    for number, entry in enumerate(waiting):
        if number and len(text) + len(entry.line) >= room:
            return number, bytes(text)
        text += entry.line.encode() + NEWLINE
    return len(waiting), bytes(text)


def append(file: int, text: bytes, size: int) -> None:
    """All of it or nothing. What a machine that died left of a line gets its end first."""
    if size and os.pread(file, 1, size - 1) != NEWLINE:
        text = NEWLINE + text
    rest = memoryview(text)
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError:
        with suppress(OSError):  # no plain file
            os.ftruncate(file, size)
        raise


class Table:
    """Rows older than `keep_days` are deleted; in SQLite their room in the file is used again."""

    def __init__(self, place: Place, keep_days: float | None) -> None:
        self._place = place
        self._keep_days = keep_days
        self._pruned = float("-inf")

    def open(self) -> None:
        self._db = opened(self._place, durable=False)
        try:
            self._db.prepare(SCHEMA)
        except OSError:
            self.close()
            raise

    def write(self, waiting: deque[Entry]) -> None:
        self._db.write_all(INSERT, waiting)
        waiting.clear()
        self._prune()

    def read(self, query: Query, limit: int | None = None) -> Iterator[Found]:
        if isinstance(self._place, Path) and not self._place.exists():
            return
        with closing(opened(self._place, reads_only=True)) as db:
            if not db.has(SCHEMA.table):
                return
            with closing(db.stream(*selection(query, newest_first=limit is not None))) as lines:
                found = chosen(lines, query)
                yield from found if limit is None else reversed(list(islice(found, limit)))

    def close(self) -> None:
        self._db.close()

    def __str__(self) -> str:
        return str(self._place)

    def _prune(self) -> None:
        if self._keep_days is None or time.monotonic() - self._pruned < SECONDS_BETWEEN_PRUNINGS:
            return
        oldest = timestamp(time.time() - self._keep_days * DAY)
        if self._db.write(DELETE, (oldest, PRUNED_AT_ONCE)) < PRUNED_AT_ONCE:
            self._pruned = time.monotonic()


def selection(query: Query, *, newest_first: bool) -> tuple[str, list[str]]:
    """The indices narrow it down; what fits is decided by the query itself."""
    conditions = {"ts >= ?": query.since, "run = ?": query.run}
    asked = {text: value for text, value in conditions.items() if value is not None}
    where = f"WHERE {' AND '.join(asked)} " if asked else ""
    order = "DESC" if newest_first else "ASC"
    return f"SELECT row FROM calls {where}ORDER BY id {order}", list(asked.values())  # noqa: S608 -- fixed texts


def chosen(lines: Iterable[tuple[str, ...]], query: Query) -> Iterator[Found]:
    for (line,) in lines:
        row = json.loads(line)
        if query.fits(row):
            yield row, line


def timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def sinks_of(audit: Audit | None) -> list[Sink]:
    if audit is None:
        return []
    files = [Lines(audit.path, audit.max_bytes, audit.keep)] if audit.path else []
    return [*files, *([Table(audit.place, audit.keep_days)] if audit.database else [])]
