import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from reports import Case, CheckResult, Difference, Level, Outcome, diff, read
from reports.difference import Kind
from reports.difference_views import as_html, as_json, as_markdown, as_text
from tests.reports.sample import HOSTILE, realistic, report, row


def kinds(before: CheckResult | None, after: CheckResult | None) -> list[Kind]:
    found = diff(report(row("z"), *filter(None, [before])), report(row("z"), *filter(None, [after])))
    return [change.kind for change in found.changes]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("pass", "fail", "regression"),
        ("pass", "flaky", "regression"),
        ("pass", "error", "regression"),
        ("waived", "fail", "regression"),
        ("not-applicable", "fail", "new-failure"),
        ("not-observable", "fail", "new-failure"),
        ("error", "fail", "new-failure"),
        ("pass", "not-applicable", "coverage-loss"),
        ("pass", "not-observable", "coverage-loss"),
        ("pass", "waived", "coverage-loss"),
        ("fail", "waived", "coverage-loss"),
        ("fail", "flaky", "changed"),
        ("fail", "error", "changed"),
        ("waived", "not-observable", "changed"),
        ("fail", "pass", "fix"),
        ("flaky", "pass", "fix"),
        ("waived", "pass", "fix"),
        ("error", "pass", "fix"),
        ("not-applicable", "pass", "new-check"),
        ("fail", "fail", "still-failing"),
    ],
)
def test_each_step_has_its_kind(before: Outcome, after: Outcome, kind: Kind) -> None:
    assert kinds(row("a", before), row("a", after)) == [kind]


@pytest.mark.parametrize("outcome", ["pass", "error", "waived", "not-applicable", "not-observable"])
def test_what_is_as_before_is_no_change(outcome: Outcome) -> None:
    assert kinds(row("a", outcome), row("a", outcome)) == []


def test_checks_that_come_and_go() -> None:
    assert kinds(None, row("a")) == ["new-check"]
    assert kinds(None, row("a", "fail")) == ["new-failure"]
    assert kinds(row("a"), None) == ["coverage-loss"]
    assert kinds(row("a", "fail"), None) == ["removed"]


def test_a_check_that_fails_in_another_way_has_changed() -> None:
    assert kinds(row("a", "fail", message="saw 429"), row("a", "fail", message="saw 500")) == ["changed"]
    assert kinds(row("a", "fail", message="port 41873"), row("a", "fail", message="port 39002")) == ["still-failing"]


def test_rows_are_told_apart_by_their_case() -> None:
    sync, other = Case(driver="sync"), Case(driver="async")
    base = report(row("a", case=sync), row("a", case=other))
    head = report(row("a", case=sync), row("a", "fail", case=other))
    (change,) = diff(base, head).changes
    assert (change.case, change.kind) == (other, "regression")


@pytest.mark.parametrize(
    ("before", "after", "level", "regressed"),
    [
        ("pass", "fail", "must", True),
        ("pass", "fail", "should", True),
        ("pass", "fail", "may", False),
        (None, "fail", "must", True),
        (None, "fail", "should", False),
        ("fail", "fail", "must", False),
        ("pass", "not-applicable", "must", False),
        ("pass", None, "must", False),
        ("pass", "waived", "must", True),
        ("fail", "pass", "must", False),
    ],
)
def test_what_counts_as_a_regression(
    before: Outcome | None, after: Outcome | None, level: Level, *, regressed: bool
) -> None:
    base = report(row("z"), *([row("a", before, level=level)] if before else []))
    head = report(row("z"), *([row("a", after, level=level)] if after else []))
    assert diff(base, head).regressed is regressed


def test_a_head_that_measured_nothing_has_regressed_even_from_failing() -> None:
    assert diff(report(row("a", "fail")), report()).regressed
    assert not diff(report(), report()).regressed


def test_a_report_does_not_differ_from_itself() -> None:
    found = diff(realistic(), realistic())
    assert not found.regressed
    assert list(found.counts) == ["still-failing"]


def test_rows_that_a_focused_head_did_not_select_are_not_missing() -> None:
    base = report(row("a"), row("b"))
    assert diff(base, report(row("a"), focused=True)).changes == ()


def test_a_lane_that_was_not_run_is_told_once_and_is_no_regression() -> None:
    main, lane = Case(driver="openai-3 async"), Case(driver="openai-2 async")
    base = report(row("a", case=main), row("b", case=main), row("a", case=lane), row("b", "fail", case=lane))
    found = diff(base, report(row("a", case=main)))
    assert (found.counts, found.regressed) == ({"coverage-loss": 1, "lane-not-run": 2}, False)
    for told in (str(as_text(found)), as_markdown(found), as_html(found)):
        assert "Driven by an SDK that was not run now: openai-2" in told


def test_a_lane_that_is_new_is_judged_like_anything_new() -> None:
    base = report(row("a", case=Case(driver="openai-3 async")))
    head = report(*base.checks, row("a", "fail", case=Case(driver="openai-2 async")))
    (change,) = diff(base, head).changes
    assert (change.kind, change.blocks) == ("new-failure", True)


def difference(message: str = "client saw <b>one</b>") -> Difference:
    passed = [row("tools/parallel", case=Case(driver=driver)) for driver in ("sync", "async")]
    told = {
        "message": message,
        "title": message,
        "spec": "https://docs.example.com",
        "reproduce": "conformance certify",
    }
    failed = [row("tools/parallel", "fail", case=found.case, **told) for found in passed]
    return diff(report(*passed, row("old")), report(*failed, row("new")))


def test_text_tells_what_blocks_first_and_alike_changes_once() -> None:
    text = str(as_text(difference()))
    assert text.startswith("regressed: conformant became nonconformant\n")
    assert "Passed before, fails now (2)" in text
    assert text.count("tools/parallel (must)  pass → fail") == 1
    assert "in  sync, async" in text
    assert "│ client saw <b>one</b>" in text
    assert "repeat  conformance certify" in text
    assert "Judged for the first time (1)" in text


def test_a_row_that_got_worse_is_counted_where_the_verdict_is_not() -> None:
    found = diff(report(row("z", "fail"), row("a")), report(row("z", "fail"), row("a", "fail")))
    assert str(as_text(found)).startswith("regressed: 1 row\n")


def test_text_is_safe_in_a_terminal() -> None:
    console = Console(file=io.StringIO(), color_system=None)
    console.print(as_text(difference(HOSTILE)), soft_wrap=True)
    assert isinstance(console.file, io.StringIO)
    assert "\x1b" not in console.file.getvalue()


def test_markdown_names_both_sides() -> None:
    text = as_markdown(difference())
    assert text.startswith("## ✗ regressed")
    assert "| base | my-gateway 1.2.3 (suite 0.1.0) | ✓ conformant |" in text
    assert "**tools/parallel** (must) pass → fail · sync, async" in text
    assert "<script>" not in as_markdown(difference("<script>")).replace("```text\n<script>\n```", "")


def test_json_carries_the_conclusion() -> None:
    found = json.loads(as_json(difference()))
    assert found["regressed"] is True
    assert found["changes"][0]["kind"] == "regression"
    assert found["changes"][0]["before"] == "pass"


def test_html_escapes_what_the_gateway_said() -> None:
    text = as_html(difference(HOSTILE))
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "tools/parallel" in text


@pytest.mark.parametrize("render", [as_html, as_json, as_markdown, lambda found: str(as_text(found))])
def test_two_equal_reports_are_shown_as_such(render: object) -> None:
    assert callable(render)
    assert render(diff(report(row()), report(row())))


def test_two_versions_of_litellm_differ_as_is_known() -> None:
    """Excerpts of real reports: 1.82.6 mends token counts and parallel calls, and swallows errors in streams."""
    base, head = (read(Path(__file__).with_name(f"litellm-vllm-{version}.json")) for version in ("1.81.14", "1.82.6"))
    found = diff(base, head)
    assert {(change.kind, change.id, change.case.road) for change in found.changes} == {
        ("regression", "errors/mid-stream", "openai-chat"),
        ("fix", "usage/tokens", "openai-chat"),
        ("fix", "translation/answer/tools", "openai-responses → openai-chat"),
        ("still-failing", "plain/unicode", "openai-chat"),
    }
    assert found.regressed
    assert [change.id for change in found.changes if change.blocks] == ["errors/mid-stream"]
    back = diff(head, base)
    assert {change.id for change in back.of("regression")} == {"usage/tokens", "translation/answer/tools"}
    assert {change.id for change in back.of("fix")} == {"errors/mid-stream"}
