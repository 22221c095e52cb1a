"""What is known about a gateway, held against its certification: `class TestPortkey(Certified): sheet = SHEET`."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from conformance.target import Missing, installed, load
from reports import Report, read
from tests.absent import absent

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
        """Its report: of a run just made, where `CONFORMANCE_REPORTS` says so, or of one made now."""
        if made := os.environ.get("CONFORMANCE_REPORTS"):
            return read(Path(made) / self.target)
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


@pytest.mark.gateway
class Certified:
    """Every gateway's tests. Its certification runs once for its class."""

    sheet: ClassVar[Sheet]

    @pytest.fixture(scope="class")
    @classmethod
    def report(cls, tmp_path_factory: pytest.TempPathFactory) -> Report:
        return cls.sheet.certified(tmp_path_factory.mktemp(cls.sheet.target))

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test that asks for a `row` of the sheet, or for a check that is `kept`, runs for each of them."""
        for name, values in (("row", self.sheet.rows), ("kept", self.sheet.kept)):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values)

    def test_every_row_of_the_answer_sheet_is_found(self, report: Report, row: str) -> None:
        for check, surfaces in self.sheet.rows[row].items():
            assert set(surfaces) <= failing(report, check), check

    def test_no_must_fails_that_was_not_confirmed(self, report: Report) -> None:
        assert not self.sheet.unconfirmed(report)

    def test_what_it_keeps_raises_no_alarm(self, report: Report, kept: str) -> None:
        assert set(self.sheet.kept[kept]) <= judged(report, kept) - failing(report, kept)

    def test_the_harness_itself_is_at_fault_nowhere(self, report: Report) -> None:
        assert not [row.id for row in report.checks if row.outcome == "error"]
        assert {row.id for row in report.checks if row.outcome == "flaky"} <= self.sheet.unsteady
        assert all(control.behaved for control in report.controls)


def failing(report: Report, check: str) -> set[str]:
    """The surfaces on which a check fails."""
    return {str(row.case.surface) for row in report.checks if row.id == check and row.failing}


def judged(report: Report, check: str) -> set[str]:
    """The surfaces on which a check applies."""
    return {str(row.case.surface) for row in report.checks if row.id == check and row.outcome != "not-applicable"}
