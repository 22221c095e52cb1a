import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reports import Case, CheckResult, Report
from reports.html import html
from reports.page import element, link
from tests.reports.sample import HOSTILE, leave_evidence, realistic, report, row

VOID = {"meta", "input"}
ABROAD = re.compile(r"""(?:src|srcset|action|poster)=|<link|<iframe|<img|@import|url\(""")


class Outline(HTMLParser):
    """Which elements a browser would see, and whether each is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        given = dict(attrs)
        assert not any(name.startswith("on") or name == "style" for name in given)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.targets += [(given["href"] or "")[1:]] if (given.get("href") or "").startswith("#") else []
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def hostile_row() -> CheckResult:
    case = Case(surface=HOSTILE, upstream=HOSTILE, driver=HOSTILE)
    return row(
        HOSTILE,
        "fail",
        title=HOSTILE,
        profile=HOSTILE,
        feature=HOSTILE,
        case=case,
        message=HOSTILE,
        reproduce=HOSTILE,
        spec="javascript:alert(1)",
    )


def test_a_realistic_report_is_well_formed_and_every_failing_cell_leads_to_its_account(tmp_path: Path) -> None:
    outline = Outline(html(realistic(), tmp_path))
    assert len(outline.targets) == sum(found.failing for found in realistic().checks)
    assert set(outline.targets) <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))


@pytest.mark.parametrize("found", [realistic(), report(), report(hostile_row(), notes=(HOSTILE,))])
def test_nothing_is_fetched_and_only_our_script_may_run(tmp_path: Path, found: Report) -> None:
    text = html(found, tmp_path)
    assert "default-src 'none'; style-src 'sha256-" in text
    assert not ABROAD.search(re.sub(r">[^<]*<", "><", text))
    assert Outline(text).seen.count("script") == 1


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    text = html(report(hostile_row(), notes=(HOSTILE,)), tmp_path)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert 'href="javascript:' not in text
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800-\udfff]", text)


def test_a_flood_is_cut(tmp_path: Path) -> None:
    text = html(report(row("a", "fail", title="t" * 1_000_000, message="m" * 10_000_000)), tmp_path)
    assert len(text) < 60_000
    assert "9,994,000 more characters" in text


def test_the_same_failure_in_many_cases_is_told_once(tmp_path: Path) -> None:
    rows = [row("a", "fail", message="lost the marker", case=Case(driver=f"lane {n}")) for n in range(9)]
    assert html(report(*rows), tmp_path).count('<pre class="message">lost the marker') == 1


def test_columns_have_no_empty_headings(tmp_path: Path) -> None:
    assert "<thead></thead>" in html(report(row()), tmp_path)
    assert 'class="drivers"' not in html(report(row(case=Case(surface="openai-chat"))), tmp_path)
    assert 'class="road"' not in html(report(row(case=Case(driver="sync"))), tmp_path)


def test_failing_rows_show_both_sides_and_mark_what_only_one_had(tmp_path: Path) -> None:
    failed = row("a", "fail", evidence="evidence/a")
    leave_evidence(tmp_path, (failed,))
    text = html(report(failed), tmp_path)
    assert "never-seen-9c2e</mark>" in text
    assert "POST /anthropic/v1/messages" in text
    assert text.count("</mark>") == 7, "what both sides had is not marked"
    assert "&lt;img src=x" in text
    assert Outline(text).seen.count("img") == 0


def test_passing_rows_embed_no_evidence(tmp_path: Path) -> None:
    passed = row("a", evidence="evidence/a")
    leave_evidence(tmp_path, (passed,))
    assert "POST /anthropic" not in html(report(passed), tmp_path)


def test_missing_evidence_is_said_and_breaks_nothing(tmp_path: Path) -> None:
    text = html(report(row("a", "fail", evidence="evidence/gone")), tmp_path)
    assert "evidence/gone/cassette.yaml: No such file or directory" in text


def test_waivers_are_listed_with_their_reason(tmp_path: Path) -> None:
    text = html(report(row("a"), row("b", "waived", message="until 2027-01-31 by platform-team")), tmp_path)
    assert "What was claimed and not shown" in text
    assert "until 2027-01-31 by platform-team" in text


def test_a_focused_run_is_grey_and_says_why(tmp_path: Path) -> None:
    text = html(report(row(), focused=True), tmp_path)
    assert '<div class="verdict not-measured">' in text
    assert "certifies nothing" in text


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "//evil.example.com", ""])
def test_only_web_addresses_become_links(address: str) -> None:
    assert link("read", address) == "<span>read</span>"
    assert link("read", "https://a.example/") == '<a href="https://a.example/" rel="noreferrer">read</a>'


def test_text_is_escaped_once_and_markup_never() -> None:
    assert element("p", "a < b", element("b", "&")) == "<p>a &lt; b<b>&amp;</b></p>"
    assert element("p", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;"></p>'
