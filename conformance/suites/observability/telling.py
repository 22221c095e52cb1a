"""Calls that can be found again in what a gateway tells of them."""

from __future__ import annotations

import json
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from conformance.api import Observed

POLL_SECONDS = 0.05


class Marked:
    """One call: its headers, and the token among them that its rows hold."""

    def __init__(self, observed: Observed) -> None:
        self.token = token_hex(16)
        name = observed.table.header
        value = f"00-{self.token}-{token_hex(8)}-01" if name.lower() == "traceparent" else self.token
        self.headers = {name: value}


class Audit:
    """What a gateway adds to its audit from now on."""

    def __init__(self, observed: Observed) -> None:
        assert observed.audit is not None, "the target file names no audit"
        self._path = observed.audit
        self._table = observed.table
        self._before = self._size()

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.is_file() else 0

    def text(self) -> str:
        if not self._path.is_file():
            return ""
        with self._path.open("rb") as file:
            file.seek(self._before if self._size() >= self._before else 0)
            return file.read().decode(errors="replace")

    def rows(self, call: Marked) -> list[dict[str, Any]]:
        found = (row_in(line) for line in self.text().split("\n") if call.token in line)
        return [row for row in found if row is not None]

    async def told(self, *calls: Marked) -> list[list[dict[str, Any]]]:
        """The rows of each call, once each has one; what has none after some seconds has none."""
        with anyio.move_on_after(self._table.seconds):
            while not all(map(self.rows, calls)):  # noqa: ASYNC110 -- a file tells nobody that it has grown
                await anyio.sleep(POLL_SECONDS)
        return [self.rows(call) for call in calls]

    async def one(self, call: Marked) -> dict[str, Any]:
        [rows] = await self.told(call)
        assert len(rows) == 1, f"{len(rows)} rows in place of one"
        return rows[0]

    def status(self, row: dict[str, Any]) -> Any:
        return at(self._table.status, row)

    def tokens(self, row: dict[str, Any]) -> tuple[Any, Any]:
        return at(self._table.input, row), at(self._table.output, row)


def row_in(line: str) -> dict[str, Any] | None:
    """None where it is not one, or not yet."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def at(pointer: str, row: Any) -> Any:
    """None where nothing is there. https://www.rfc-editor.org/rfc/rfc6901"""
    for part in pointer[1:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        row = row.get(name) if isinstance(row, dict) else None
    return row
