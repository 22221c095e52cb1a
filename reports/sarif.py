"""SARIF 2.1.0: checks are rules, failing rows are results."""

import json
from typing import Any
from urllib.parse import quote

from reports.failures import signature
from reports.hostile import clip, one_line, visible
from reports.model import CheckResult, Level, Report

SEVERITIES: dict[Level, str] = {"must": "error", "should": "warning", "may": "note"}
MESSAGE_LIMIT = 8_000


def sarif(report: Report) -> str:
    checks = {row.id: row for row in report.checks}
    index = {check: number for number, check in enumerate(checks)}
    run = {
        "tool": {"driver": _driver(report, list(checks.values()))},
        "invocations": [_invocation(report)],
        "results": [_result(row, index[row.id]) for row in report.checks if row.failing],
        "columnKind": "unicodeCodePoints",
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _driver(report: Report, checks: list[CheckResult]) -> dict[str, Any]:
    return {"name": report.suite.name, "version": report.suite.version, "rules": [_rule(row) for row in checks]}


def _invocation(report: Report) -> dict[str, Any]:
    return {
        "executionSuccessful": report.verdict != "not-measured",
        "startTimeUtc": report.started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "properties": {
            "target": f"{report.target.name} {report.target.version}",
            "verdict": report.verdict,
            "focused": report.focused,
        },
    }


def _rule(row: CheckResult) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": row.id,
        "shortDescription": {"text": one_line(row.title) or row.id},
        "defaultConfiguration": {"level": SEVERITIES[row.level]},
        "properties": {"profile": row.profile, "feature": row.feature},
    }
    return rule | ({"helpUri": row.spec} if row.spec else {})


def _result(row: CheckResult, rule: int) -> dict[str, Any]:
    where = str(row.case)
    return {
        "ruleId": row.id,
        "ruleIndex": rule,
        "level": SEVERITIES[row.level],
        "message": {"text": visible(clip(row.message or row.title, MESSAGE_LIMIT)) or row.id},
        "locations": [_location(row, where)],
        "partialFingerprints": {"failure/v1": f"{row.id} {where} {one_line(signature(row.message))}"},
        "properties": {"outcome": row.outcome, "case": where, "reproduce": row.reproduce},
    }


def _location(row: CheckResult, where: str) -> dict[str, Any]:
    """The evidence, for want of a line of source: code scanning shows no result without a file."""
    file = f"{row.evidence}/cassette.yaml" if row.evidence else "report.json"
    return {
        "physicalLocation": {"artifactLocation": {"uri": quote(file)}},
        "logicalLocations": [{"fullyQualifiedName": f"{row.id} [{where}]"}],
    }
