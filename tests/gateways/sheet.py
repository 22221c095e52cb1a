"""An answer sheet: what is known about a gateway, held against its certification."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conformance.target import Missing, installed, load
from reports import Report, read
from tests.absent import absent

if TYPE_CHECKING:
    from pathlib import Path

CHAT, RESPONSES, MESSAGES = "openai-chat", "openai-responses", "anthropic-messages"
ALL = (CHAT, RESPONSES, MESSAGES)
OPENAI = (CHAT, RESPONSES)


@dataclass(frozen=True)
class Sheet:
    """`rows`: what was measured by hand before the checks existed, the checks that must find it, and where.

    `confirmed` is what the musts found beyond that, each confirmed by a look at its transcript. `kept` is what the
    gateway does right: a failure there would be a false alarm. `unsteady` is where the gateway races with itself.
    """

    target: str
    rows: dict[str, dict[str, tuple[str, ...]]]
    confirmed: dict[str, str] = field(default_factory=dict)
    kept: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unsteady: frozenset[str] = frozenset()

    def certified(self, out: Path) -> Report:
        found = installed(load(self.target))
        if isinstance(found, Missing):
            absent(found.reason)
        command = [sys.executable, "-m", "conformance", "certify", self.target, "--out", str(out), "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
        assert done.returncode == 1, f"{done.stdout}{done.stderr}"
        return read(out)

    def unconfirmed(self, report: Report) -> set[str]:
        """Musts that fail and were neither expected nor looked at."""
        known = {check for row in self.rows.values() for check in row} | self.confirmed.keys() | self.unsteady
        return {row.id for row in report.checks if row.level == "must" and row.failing} - known


def failing(report: Report, check: str) -> set[str]:
    """The surfaces on which a check fails."""
    return {str(row.case.surface) for row in report.checks if row.id == check and row.failing}


def assert_found(report: Report, row: dict[str, tuple[str, ...]]) -> None:
    for check, surfaces in row.items():
        assert set(surfaces) <= failing(report, check), check


def assert_kept(report: Report, check: str, surfaces: tuple[str, ...]) -> None:
    judged = {str(row.case.surface) for row in report.checks if row.id == check and row.outcome != "not-applicable"}
    assert set(surfaces) <= judged - failing(report, check), check


def assert_no_fault_of_ours(report: Report, unsteady: frozenset[str] = frozenset()) -> None:
    assert not [row.id for row in report.checks if row.outcome == "error"]
    assert {row.id for row in report.checks if row.outcome == "flaky"} <= unsteady
    assert all(control.behaved for control in report.controls)
