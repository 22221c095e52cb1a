"""Where tables are kept: in a file of SQLite, or at a server of PostgreSQL.

Statements are SQL that both understand, with `?` for each value. What fails is a `DatabaseError`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping, Sequence
    from contextlib import AbstractContextManager

Row = tuple[Any, ...]


class DatabaseError(OSError):
    """The database refuses, or cannot be reached. Says nothing that is secret."""


@dataclass(frozen=True)
class Server:
    """A database of PostgreSQL; the URL holds no password."""

    url: str
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.url


Place = Path | Server


@dataclass(frozen=True)
class Schema:
    """A table, in SQLite's types: PostgreSQL's are put in their place. To change it is to migrate it.

    The columns that a table of an earlier release lacks are added to it: the last ones, all of which may be empty.
    """

    table: str
    columns: Mapping[str, str]
    indexes: Sequence[str] = ()
    options: str = ""
    constraints: Sequence[str] = ()
    sqlite: Sequence[str] = ()
    postgres: Sequence[str] = ()

    @property
    def create(self) -> str:
        columns = [f"{name} {kind}" for name, kind in self.columns.items()]
        return f"CREATE TABLE IF NOT EXISTS {self.table} ({', '.join([*columns, *self.constraints])})"


class Database(Protocol):
    """For one thread at a time. What a call has returned is on the disk."""

    def prepare(self, schema: Schema) -> None:
        """The table is there, as the schema has it."""

    def has(self, table: str) -> bool: ...

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]: ...

    def stream(self, statement: str, values: Sequence[Any] = ()) -> Generator[Row]:
        """Rows one after the other, for more of them than there is room for. To be closed before the database is."""

    def write(self, statement: str, values: Sequence[Any] = ()) -> int:
        """How many rows it concerned."""

    def write_all(self, statement: str, rows: Collection[Sequence[Any]]) -> None:
        """All of them or none."""

    def exclusive(self) -> AbstractContextManager[None]:
        """A transaction: nobody else is in one like it, so what was looked at is still so when it is written."""

    def version(self) -> int:
        """The same only where nobody else has changed anything since."""

    def close(self) -> None: ...


def opened(place: Place, *, durable: bool = True, reads_only: bool = False) -> Database:
    """`durable` is what a commit is: without it, a machine that dies may lose the last ones, and nothing else does."""
    if isinstance(place, Server):
        from gateway.postgres import Postgres  # noqa: PLC0415 -- a tenth of a second that only its users wait for

        return Postgres(place)
    from gateway.sqlite import Sqlite  # noqa: PLC0415 -- the other one of the two

    return Sqlite(place, durable=durable, reads_only=reads_only)


def marks(values: Collection[Any]) -> str:
    return ", ".join("?" * len(values))
