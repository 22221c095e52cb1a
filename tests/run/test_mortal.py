"""A gateway that dies in mid-run: that is told, with what killed it, and costs no other row."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reports import CheckResult, Report, read
from tests.target.samples import SMALL_GATEWAY, written

MORTAL = Path(__file__).with_name("mortal.py")
CHECKS = ("body/large", "body/numbers", "plain/text", "stream/comments")
INSTEAD = {
    str(SMALL_GATEWAY): str(MORTAL),
    '"{workdir}"': '"{upstream_address}"',
    '{ path = "/health", seconds = 20 }': '{ path = "/openai/v1/models", status = 401, seconds = 20 }',
    "{port}/v1": "{port}/openai/v1",
    "{secret:client}": "{secret:openai}",
    '["streaming"]': '["streaming", "body"]',
}


@pytest.fixture
def certified(tmp_path: Path, request: pytest.FixtureRequest) -> Report:
    target = written(tmp_path, **INSTEAD, **{'"{port}", ': f'"{request.param}", "{{port}}", '})
    chosen = [word for check in CHECKS for word in ("--check", check)]
    command = [sys.executable, "-m", "conformance", "certify", target, *chosen, "--out", str(tmp_path / "out")]
    done = subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1, f"{done.stdout}{done.stderr}"
    return read(tmp_path / "out")


def rows(report: Report, check: str) -> list[CheckResult]:
    found = [row for row in report.checks if row.id == check]
    assert found
    return found


def outcomes(report: Report, check: str) -> set[str]:
    return {row.outcome for row in rows(report, check)}


@pytest.mark.parametrize("certified", ["always"], indirect=True)
def test_what_kills_it_fails_and_the_rest_is_judged_as_ever(certified: Report) -> None:
    assert outcomes(certified, "body/large") == {"fail"}
    assert [outcomes(certified, check) for check in CHECKS[1:]] == [{"pass"}] * 3
    [told] = rows(certified, "connection/stays-up")
    assert told.outcome == "fail"
    assert told.message.count("found: the gateway was killed by SIGKILL") == 2
    assert "it ended during body/large" in told.message
    assert told.reproduce.endswith("--check body/large")


@pytest.mark.parametrize("certified", ["once"], indirect=True)
def test_one_death_is_told_and_costs_no_other_row(certified: Report) -> None:
    assert [outcomes(certified, check) for check in CHECKS] == [{"pass"}] * 4
    [told] = rows(certified, "connection/stays-up")
    assert told.message.count("found:") == 1


@pytest.mark.parametrize("certified", ["forever"], indirect=True)
def test_one_that_does_not_come_back_is_given_up(certified: Report) -> None:
    spared = [row for row in certified.checks if row.outcome == "not-observable"]
    assert spared
    assert all("found nobody listening" in row.message for row in spared)
    [told] = rows(certified, "connection/stays-up")
    assert "could not be started again" in told.message
    assert "no such luck" in told.message
