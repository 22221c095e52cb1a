"""Failing rows put together by what is wrong, because a reader has seconds."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from reports.model import CheckResult, Level

# What differs between two runs of the same failure: case tokens, ids, hashes, ports, counts.
VOLATILE = re.compile(r"case-[0-9a-f]+|\b[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b|\b\w+_[0-9A-Za-z]{12,}\b|\d+")


class Failure(NamedTuple):
    """Rows of one check that fail alike; never empty."""

    rows: tuple[CheckResult, ...]

    @property
    def first(self) -> CheckResult:
        return self.rows[0]

    @property
    def flaky(self) -> int:
        return sum(row.outcome == "flaky" for row in self.rows)

    @property
    def roads(self) -> dict[str, list[str]]:
        """Where it fails: drivers by what lies between client and provider."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            found.setdefault(row.case.road, []).append(row.case.driver or "")
        return found


def signature(message: str) -> str:
    """What makes two failures the same: the message less all that varies from run to run."""
    return " ".join(VOLATILE.sub("#", message).split())


def alike(rows: Iterable[CheckResult]) -> list[Failure]:
    """Failing rows by check and signature, in the order of the report."""
    return _grouped((row.id, signature(row.message), row) for row in rows if row.failing)


def by_check(rows: Iterable[CheckResult]) -> list[Failure]:
    """Failing rows by check alone, in the order of the report."""
    return _grouped((row.id, row) for row in rows if row.failing)


def failing(rows: Iterable[CheckResult], level: Level) -> list[CheckResult]:
    return [row for row in rows if row.failing and row.level == level]


def _grouped(keyed: Iterable[tuple[*tuple[str, ...], CheckResult]]) -> list[Failure]:
    groups: dict[tuple[str, ...], list[CheckResult]] = {}
    for *key, row in keyed:
        groups.setdefault(tuple(key), []).append(row)
    return [Failure(tuple(rows)) for rows in groups.values()]
