"""PostgreSQL: any number of replicas share the database. Nothing is kept in a session."""

from __future__ import annotations

import hashlib
import itertools
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from gateway.databases import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Sequence

    from gateway.databases import Row, Schema, Server

T = TypeVar("T")
Connection = psycopg.Connection[tuple[Any, ...]]

SETTINGS = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}
"""A server that has gone silent has failed, in ten seconds or so: libpq would wait for as long as TCP does."""

MIGRATIONS, EXCLUSIVE = 0x6C6C6D, 0x6C6C6E  # of the locks that the server's users agree on, ours
TYPES = {"INTEGER PRIMARY KEY": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "BLOB": "BYTEA", "REAL": "FLOAT8"}


class Postgres:
    """One connection. One that was lost is made anew and asked again, once: whatever is written here may be twice."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._versions = itertools.count()
        self._again = True
        with told():
            self._connection = self._connect()

    def prepare(self, schema: Schema) -> None:
        """Looks first: who only starts takes no locks. The table's comment says which schema it has."""
        statements = migration(schema)
        mark = hashlib.sha256("".join(statements).encode()).hexdigest()
        described = "SELECT obj_description(to_regclass(?), 'pg_class')"
        if self.rows(described, (schema.table,)) == [(mark,)]:
            return
        with told(), self._connection.transaction():
            self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATIONS,))
            for statement in (*statements, f"COMMENT ON TABLE {schema.table} IS '{mark}'"):
                self._connection.execute(statement)

    def has(self, table: str) -> bool:
        return self.rows("SELECT to_regclass(?) IS NOT NULL", (table,)) == [(True,)]

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        return self._ask(lambda connection: connection.execute(theirs(statement), values).fetchall())

    def stream(self, statement: str, values: Sequence[Any] = ()) -> Generator[Row]:
        with told(), self._connection.transaction(), self._connection.cursor("rows") as cursor:
            yield from cursor.execute(theirs(statement), values)

    def write(self, statement: str, values: Sequence[Any] = ()) -> int:
        return self._ask(lambda connection: connection.execute(theirs(statement), values).rowcount)

    def write_all(self, statement: str, rows: Collection[Sequence[Any]]) -> None:
        def write(connection: Connection) -> None:
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(theirs(statement), rows)

        self._ask(write)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        self.rows("SELECT 1")  # a connection that was lost is made anew before, and not in the middle
        with told(), self._connection.transaction():
            self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (EXCLUSIVE,))
            self._again = False
            try:
                yield
            finally:
                self._again = True

    def version(self) -> int:
        """The server does not say: whoever asks is to look."""
        return next(self._versions)

    def close(self) -> None:
        self._connection.close()

    def _ask(self, work: Callable[[Connection], T]) -> T:
        with told():
            try:
                return work(self._connection)
            except psycopg.OperationalError:
                if not self._again:
                    raise
                self._connection.close()
            self._connection = self._connect()
            return work(self._connection)

    def _connect(self) -> Connection:
        password = {} if self._server.password is None else {"password": self._server.password}
        given = psycopg.conninfo.conninfo_to_dict(self._server.url)
        conninfo = psycopg.conninfo.make_conninfo("", **{**SETTINGS, **given, **password})
        return psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)


@cache
def theirs(statement: str) -> str:
    return statement.replace("?", "%s")


def migration(schema: Schema) -> list[str]:
    added = [
        f"ALTER TABLE {schema.table} ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in schema.columns.items()
    ]
    return [typed(statement) for statement in (schema.create, *added)] + [*schema.indexes, *schema.postgres]


def typed(statement: str) -> str:
    for ours, type_there in TYPES.items():
        statement = statement.replace(ours, type_there)
    return statement


@contextmanager
def told() -> Iterator[None]:
    """Without what has led to it: only the server's own words are known to hold no secret."""
    try:
        yield
    except psycopg.Error as error:
        raise DatabaseError(str(error).strip()) from None
