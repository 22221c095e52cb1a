from __future__ import annotations

from typing import TYPE_CHECKING

from reports import Case, summary
from reports.html import html
from reports.lanes import TITLE, Apart, apart
from reports.markdown import markdown
from tests.reports.sample import report, row

if TYPE_CHECKING:
    from pathlib import Path

    from reports import CheckResult, Outcome


def on(driver: str, outcome: Outcome, check: str = "tools/ids", surface: str = "openai-chat") -> CheckResult:
    return row(check, outcome, case=Case(surface=surface, upstream=surface, driver=driver))


def test_a_check_that_fails_on_one_lane_only_says_so() -> None:
    rows = [on("openai-1 async", "fail"), on("openai-2 async", "pass"), on("openai-3 async", "pass")]
    assert apart(rows) == [Apart("tools/ids", ("openai-1",), ("openai-2", "openai-3"))]
    assert str(apart(rows)[0]) == "tools/ids: only with openai-1; not with openai-2, openai-3"


def test_lanes_are_compared_where_they_were_called_in_the_same_way() -> None:
    assert apart([on("openai-3 sync", "fail"), on("openai-3 async", "pass"), on("openai-2 async", "pass")]) == []
    assert apart([on("openai-3 async", "fail"), on("openai-ts async", "pass", surface="openai-responses")]) == []
    assert apart([on("openai-3 async", "fail"), on("openai-2 async", "fail")]) == []


def test_what_was_not_judged_and_what_is_no_sdk_stands_aside() -> None:
    assert apart([on("openai-3 async", "fail"), on("openai-2 async", "error"), on("openai-1", "not-applicable")]) == []
    assert apart([on("http", "fail"), on("openai-2 async", "pass")]) == []


def test_flaky_is_failing() -> None:
    assert [each.fails for each in apart([on("openai-ts async", "flaky"), on("openai-2 async", "pass")])] == [
        ("openai-ts",)
    ]


def test_every_view_says_it(tmp_path: Path) -> None:
    told = report(on("openai-1 async", "fail"), on("openai-2 async", "pass"))
    silent = report(on("openai-2 async", "fail"))
    for view in (lambda found: str(summary(found)), markdown, lambda found: html(found, tmp_path)):
        assert TITLE in view(told)
        assert "only with openai-1" in view(told)
        assert TITLE not in view(silent)
