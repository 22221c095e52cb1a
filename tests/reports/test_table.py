"""Several reports in one table."""

from __future__ import annotations

from reports import Case, Report, TargetInfo, table
from reports.table import Cell
from reports.table_views import as_html, as_markdown, as_text
from tests.reports.sample import HOSTILE, realistic, report, row

CHAT, MESSAGES = "openai-chat", "anthropic-messages"


def named(name: str, given: Report) -> Report:
    return given.model_copy(update={"target": TargetInfo(name=name, version="1.0")})


FIRST = named(
    "first",
    report(
        row("plain/text", profile=CHAT, case=Case(driver="sync")),
        row("plain/text", "fail", profile=CHAT, case=Case(driver="async")),
        row("plain/text", profile=MESSAGES),
        row("headers/custom", "fail", profile=CHAT, level="should"),
        row("errors/status", profile=CHAT),
    ),
)
SECOND = named(
    "second",
    report(row("plain/text", profile=CHAT), row("headers/custom", "not-applicable", profile=CHAT, level="should")),
)


def test_a_cell_holds_the_worst_of_its_rows() -> None:
    chat, messages = table([FIRST, SECOND]).groups
    assert [(line.id, line.cells) for line in chat.lines] == [
        ("errors/status", (Cell("pass", 0, 1), None)),
        ("plain/text", (Cell("fail", 1, 2), Cell("pass", 0, 1))),
        ("headers/custom", (Cell("fail", 1, 1), Cell("not-applicable", 0, 0))),
    ]
    assert [line.cells for line in messages.lines] == [(Cell("pass", 0, 1), None)]


def test_the_text_shows_what_fails_somewhere() -> None:
    lines = str(as_text(table([FIRST, SECOND]))).splitlines()
    assert lines[0] == ("[1] first 1.0  ✗ nonconformant  1 of 2 musts fail, 1 of 1 shoulds fail, 0 of 0 mays fail")
    assert "  must   plain/text      ✗ 1/2   ✓       " in lines
    assert "  should headers/custom  ✗       n/a     " in lines
    assert "  1 of 3 checks fail nowhere" in lines
    assert not [line for line in lines if "errors/status" in line]


def test_the_markdown_is_a_table_a_profile() -> None:
    lines = as_markdown(table([FIRST, SECOND])).splitlines()
    assert "| first 1.0 | ✗ nonconformant | 1 of 2 | 1 of 1 | 0 of 0 | 2026-11-21, suite 0.1.0 |" in lines
    assert "| check | level | first | second |" in lines
    assert "| **plain/text** A plain call works | must | ✗ 1/2 | ✓ |" in lines
    assert "## anthropic-messages" in lines


def test_the_page_shows_every_check() -> None:
    page = as_html(table([FIRST, SECOND]))
    assert page.count("<code") == 4
    assert 'title="first 1.0: fail">✗ 1/2<' in page


def test_hostile_text_is_no_markup() -> None:
    hostile = table([named("x", report(row(HOSTILE, "fail", title=HOSTILE)))])
    assert "<script>alert" not in as_html(hostile)
    assert "<script>" not in as_markdown(hostile)
    assert "\x1b" not in as_markdown(hostile) + str(as_text(hostile))


def test_a_realistic_table_has_every_check_once_a_profile() -> None:
    sample = realistic()
    lines = [(group.profile, line.id) for group in table([sample]).groups for line in group.lines]
    assert sorted(lines) == sorted({(row.profile, row.id) for row in sample.checks})
