"""JUnit XML in Surefire's dialect: a suite for each profile, a case for each row.

A flaky row carries `flakyFailure` beside a plain `failure`: it counts against the verdict, so a reader that does
not know the dialect must not see green. What was not judged is skipped, with its reason.
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reports.hostile import clip, one_line, visible
from reports.model import CheckResult, Report

MESSAGE_LIMIT = 20_000


def junit(report: Report) -> str:
    root = Element("testsuites", _totals(report.checks), name=_safe(report.suite.name), time=_time(report.seconds))
    for profile in dict.fromkeys(row.profile for row in report.checks):
        _suite(root, profile, [row for row in report.checks if row.profile == profile], report)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, profile: str, rows: Sequence[CheckResult], report: Report) -> None:
    seconds = sum(row.seconds for row in rows)
    suite = SubElement(root, "testsuite", _totals(rows), name=_safe(profile), time=_time(seconds))
    suite.set("timestamp", report.started_at.strftime("%Y-%m-%dT%H:%M:%S"))
    suite.set("hostname", _safe(report.target.name))
    for row in rows:
        _case(suite, row)


def _case(suite: Element, row: CheckResult) -> None:
    name = f"{row.id} [{row.case}]" if str(row.case) else row.id
    case = SubElement(suite, "testcase", name=_safe(name), classname=_safe(row.profile), time=_time(row.seconds))
    _properties(case, row)
    message = _safe(one_line(row.message or row.title))
    if row.failing:
        _fault(case, "failure", row)
    if row.outcome == "flaky":
        _fault(case, "flakyFailure", row)
    elif row.outcome == "error":
        _fault(case, "error", row)
    elif not row.failing and row.outcome != "pass":
        SubElement(case, "skipped", message=f"{row.outcome}: {message}")


def _fault(case: Element, tag: str, row: CheckResult) -> None:
    kind = row.outcome if row.outcome == "error" else f"{row.level} {row.outcome}"
    fault = SubElement(case, tag, message=_safe(one_line(row.message or row.title)), type=kind)
    fault.text = _safe(clip(row.message, MESSAGE_LIMIT))


def _properties(case: Element, row: CheckResult) -> None:
    given = {"level": row.level, "spec": row.spec, "reproduce": row.reproduce, "evidence": row.evidence}
    properties = SubElement(case, "properties")
    for name, value in given.items():
        if value:
            SubElement(properties, "property", name=name, value=_safe(value))


def _totals(rows: Sequence[CheckResult]) -> dict[str, str]:
    failures = sum(row.failing for row in rows)
    errors = sum(row.outcome == "error" for row in rows)
    passes = sum(row.outcome == "pass" for row in rows)
    skipped = len(rows) - failures - errors - passes
    totals = {"tests": len(rows), "failures": failures, "errors": errors, "skipped": skipped}
    return {name: str(number) for name, number in totals.items()}


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"


def _safe(text: str) -> str:
    return visible(text)
