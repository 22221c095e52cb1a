"""Reports side by side: one row a check in a profile, one column a gateway."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reports.model import FAILING, LEVELS, CheckResult, Level, Outcome, Report

WORST_FIRST: tuple[Outcome, ...] = ("fail", "flaky", "error", "waived", "not-observable", "pass", "not-applicable")


class Cell(NamedTuple):
    """How one check came out on one gateway: the worst of its rows, and how many of those judged fail."""

    outcome: Outcome
    failing: int
    judged: int

    @property
    def partly(self) -> bool:
        return 0 < self.failing < self.judged


class Line(NamedTuple):
    """One check in one profile; a gateway without a cell has not run it."""

    id: str
    title: str
    level: Level
    cells: tuple[Cell | None, ...]

    @property
    def agreed(self) -> bool:
        """Whether no gateway that was judged fails it."""
        return not any(cell and cell.outcome in FAILING for cell in self.cells)


class Group(NamedTuple):
    """The lines of one profile, musts first."""

    profile: str
    lines: tuple[Line, ...]


class Table(NamedTuple):
    """`groups` in the order in which the reports name their profiles."""

    reports: tuple[Report, ...]
    groups: tuple[Group, ...]


def table(reports: Sequence[Report]) -> Table:
    profiles = dict.fromkeys(row.profile for report in reports for row in report.checks)
    return Table(tuple(reports), tuple(_group(profile, reports) for profile in profiles))


def _group(profile: str, reports: Sequence[Report]) -> Group:
    columns = [_by_check(row for row in report.checks if row.profile == profile) for report in reports]
    first = {row.id: row for column in columns for rows in column.values() for row in rows}
    lines = (
        Line(row.id, row.title, row.level, tuple(_cell(column.get(row.id, ())) for column in columns))
        for row in first.values()
    )
    return Group(profile, tuple(sorted(lines, key=lambda line: (LEVELS.index(line.level), line.id))))


def _by_check(rows: Iterable[CheckResult]) -> dict[str, list[CheckResult]]:
    found: dict[str, list[CheckResult]] = {}
    for row in rows:
        found.setdefault(row.id, []).append(row)
    return found


def _cell(rows: Sequence[CheckResult]) -> Cell | None:
    if not rows:
        return None
    worst = min((row.outcome for row in rows), key=WORST_FIRST.index)
    judged = sum(row.outcome != "not-applicable" for row in rows)
    return Cell(worst, sum(row.failing for row in rows), judged)
