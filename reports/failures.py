"""Failing rows put together by what is wrong, because a reader has seconds."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from reports.hostile import one_line
from reports.model import Case, CheckResult, Level

DRIVERS_SHOWN = 6

# What differs between two runs of the same failure: case tokens, ids, hashes, ports, counts.
VOLATILE = re.compile(r"case-[0-9a-f]+|\b[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b|\b\w+_[0-9A-Za-z]{12,}\b|\d+")


class Failure(NamedTuple):
    """Rows of one check that fail alike; never empty."""

    rows: tuple[CheckResult, ...]

    @property
    def first(self) -> CheckResult:
        return self.rows[0]

    @property
    def places(self) -> list[str]:
        return places(row.case for row in self.rows)

    @property
    def flaky(self) -> int:
        return sum(row.outcome == "flaky" for row in self.rows)


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


def places(cases: Iterable[Case]) -> list[str]:
    """Cases in few words, one line for each road: `openai-chat: sync, async`."""
    roads: dict[str, list[str]] = {}
    for case in cases:
        roads.setdefault(case.road, []).append(case.driver or "")
    told = (": ".join(part for part in (one_line(road), _few(drivers)) if part) for road, drivers in roads.items())
    return [place for place in told if place]


def _few(drivers: list[str]) -> str:
    rest = len(drivers) - DRIVERS_SHOWN
    shown = ", ".join(one_line(driver) for driver in drivers[:DRIVERS_SHOWN] if driver)
    return f"{shown}, and {rest} more" if rest > 0 else shown


def _grouped(keyed: Iterable[tuple[*tuple[str, ...], CheckResult]]) -> list[Failure]:
    groups: dict[tuple[str, ...], list[CheckResult]] = {}
    for *key, row in keyed:
        groups.setdefault(tuple(key), []).append(row)
    return [Failure(tuple(rows)) for rows in groups.values()]
