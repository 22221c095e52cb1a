"""Generations of an SDK, side by side: which checks hold with one and fail with another."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from reports.hostile import one_line
from reports.model import CheckResult

TITLE = "What fails with some SDKs only"
_DRIVER = re.compile(r"(\S+-(?:\d+|ts)) (\S+)")


class Apart(NamedTuple):
    """A check that does not hold with some generations, and does with others, called in the same way."""

    check: str
    fails: tuple[str, ...]
    holds: tuple[str, ...]

    def __str__(self) -> str:
        return one_line(f"{self.check}: only with {', '.join(self.fails)}; not with {', '.join(self.holds)}")


def apart(rows: Iterable[CheckResult]) -> list[Apart]:
    """In the order of the report; nothing where a run drove one generation of each SDK."""
    seen: dict[tuple[str, str, str], dict[str, bool]] = {}
    for row in rows:
        if (row.failing or row.outcome == "pass") and (driver := _DRIVER.fullmatch(row.case.driver or "")):
            seen.setdefault((row.id, row.case.road, driver[2]), {})[driver[1]] = row.failing
    fails: dict[str, set[str]] = {}
    holds: dict[str, set[str]] = {}
    for (check, _, _), lanes in seen.items():
        if len(set(lanes.values())) > 1:
            fails.setdefault(check, set()).update(lane for lane, failing in lanes.items() if failing)
            holds.setdefault(check, set()).update(lane for lane, failing in lanes.items() if not failing)
    return [Apart(check, tuple(sorted(fails[check])), tuple(sorted(holds[check] - fails[check]))) for check in fails]
