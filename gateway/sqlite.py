"""SQLite in WAL mode: any number of processes on a machine share the file."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gateway.databases import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Sequence
    from pathlib import Path

    from gateway.databases import Row, Schema

BUSY_SECONDS = 10


class Sqlite:
    def __init__(self, file: Path, *, durable: bool = True, reads_only: bool = False) -> None:
        if not reads_only:
            file.touch(mode=0o600)
        with told():
            address = f"{file.resolve().as_uri()}?mode={'ro' if reads_only else 'rw'}"
            self._db = sqlite3.connect(
                address, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True
            )
        if not reads_only:
            self._begin(durable=durable)

    def prepare(self, schema: Schema) -> None:
        with told():
            self._db.execute(f"{schema.create} {schema.options}")
            self._add_columns(schema)
            for statement in (*schema.indexes, *schema.sqlite):
                self._db.execute(statement)

    def has(self, table: str) -> bool:
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)))

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise DatabaseError(str(error)) from error

    def stream(self, statement: str, values: Sequence[Any] = ()) -> Generator[Row]:
        with told():
            yield from self._db.execute(statement, values)

    def write(self, statement: str, values: Sequence[Any] = ()) -> int:
        with told():
            return self._db.execute(statement, values).rowcount

    def write_all(self, statement: str, rows: Collection[Sequence[Any]]) -> None:
        with self.exclusive():
            self._db.executemany(statement, rows)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def version(self) -> int:
        """Changes when another connection commits: https://sqlite.org/pragma.html#pragma_data_version"""
        try:
            version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error as error:
            raise DatabaseError(str(error)) from error
        return version

    def close(self) -> None:
        self._db.close()

    def _begin(self, *, durable: bool) -> None:
        try:
            with told():
                self._write_ahead()
                self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        except DatabaseError:
            self.close()
            raise

    def _write_ahead(self) -> None:
        """SQLite waits for whoever else is at the file, but not here: https://sqlite.org/c3ref/busy_handler.html"""
        while not self._switched():
            with self.exclusive():
                pass

    def _switched(self) -> bool:
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                return False
            raise
        return True

    def _add_columns(self, schema: Schema) -> None:
        for name in self._missing(schema):
            try:
                self._db.execute(f"ALTER TABLE {schema.table} ADD COLUMN {name} {schema.columns[name]}")
            except sqlite3.OperationalError:
                if name in self._missing(schema):
                    raise  # else another process was faster

    def _missing(self, schema: Schema) -> list[str]:
        there = {row[1] for row in self._db.execute(f"PRAGMA table_info({schema.table})")}
        return [name for name in schema.columns if name not in there]


@contextmanager
def told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DatabaseError(str(error)) from error
