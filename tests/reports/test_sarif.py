import json
from typing import Any

import pytest

from reports import Case, Level, Report
from reports.sarif import sarif
from tests.reports.sample import HOSTILE, realistic, report, row


def run(found: Report) -> dict[str, Any]:
    log = json.loads(sarif(found))
    assert log["version"] == "2.1.0"
    (only,) = log["runs"]
    assert isinstance(only, dict)
    return only


def test_checks_are_rules_and_failing_rows_are_results() -> None:
    found = run(realistic())
    rules = found["tool"]["driver"]["rules"]
    assert len(rules) == 60
    assert len(found["results"]) == sum(other.failing for other in realistic().checks)
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in found["results"])


@pytest.mark.parametrize(("level", "severity"), [("must", "error"), ("should", "warning"), ("may", "note")])
def test_levels_become_severities(level: Level, severity: str) -> None:
    assert run(report(row("a", "fail", level=level)))["results"][0]["level"] == severity


def test_a_result_points_to_its_evidence() -> None:
    failed = row("a", "fail", evidence="evidence/a b", case=Case(driver="sync"), message="lost")
    (result,) = run(report(failed))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "evidence/a%20b/cassette.yaml"
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "a [sync]"
    assert result["message"]["text"] == "lost"


def test_the_same_failure_keeps_its_fingerprint_from_run_to_run() -> None:
    one, other = (run(report(row("a", "fail", message=f"port {port}")))["results"][0] for port in (41873, 39002))
    assert one["partialFingerprints"] == other["partialFingerprints"]


def test_a_run_that_measured_nothing_did_not_succeed() -> None:
    assert run(report())["invocations"][0]["executionSuccessful"] is False
    assert run(report(row("a", "fail")))["invocations"][0]["executionSuccessful"] is True


def test_messages_are_never_empty_and_never_steer() -> None:
    results = run(report(row("a", "fail"), row("b", "fail", message=HOSTILE)))["results"]
    assert results[0]["message"]["text"] == "A plain call works"
    assert "\x1b" not in results[1]["message"]["text"]
