"""Failing rows put together by what is wrong, because a reader has seconds."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from reports.hostile import one_line
from reports.model import Case, CheckResult, Level, Outcome

DRIVERS_SHOWN = 6
NOT_SHOWN: frozenset[Outcome] = frozenset({"error", "waived", "not-observable"})

SIGNED = 20_000

# What differs between two runs of the same failure. Small numbers stay: 429 for 500 is another failure.
VOLATILE = re.compile(
    r"case-[0-9a-f]+"
    r"|\d{4}-\d\d-\d\d[T ][\d:.]+Z?"
    r"|\b[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b"
    r"|\b[A-Za-z]+_(?=[A-Za-z]*\d)[0-9A-Za-z]{8,}\b"
    r"|\b\d+(?:\.\d+)? ?m?s\b"
    r"|\d{5,}"
)


class Failure(NamedTuple):
    """Rows of one check that came out alike; never empty."""

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
    return " ".join(VOLATILE.sub("#", message[:SIGNED]).split())


def alike(rows: Iterable[CheckResult]) -> list[Failure]:
    """Rows by check, outcome and signature in the order of the report; flaky failures are failures."""
    return _grouped((row.id, "fail" if row.failing else row.outcome, signature(row.message), row) for row in rows)


def by_check(rows: Iterable[CheckResult]) -> list[Failure]:
    """Failing rows by check alone, in the order of the report."""
    return _grouped((row.id, row) for row in rows if row.failing)


def not_shown(rows: Iterable[CheckResult]) -> list[CheckResult]:
    """Rows that show nothing although their feature is claimed: a reader must know why."""
    return [row for row in rows if row.outcome in NOT_SHOWN]


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
