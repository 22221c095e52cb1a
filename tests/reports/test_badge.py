from xml.etree.ElementTree import fromstring

import pytest

from reports import Outcome, Suite
from reports.badge import COLOURS, GREY, badge
from tests.reports.sample import HOSTILE, report, row


@pytest.mark.parametrize(
    ("outcome", "said"),
    [("pass", "conformant"), ("waived", "partial"), ("fail", "nonconformant"), ("error", "not-measured")],
)
def test_it_names_suite_version_and_verdict(outcome: Outcome, said: str) -> None:
    drawn = badge(report(row("a"), row("b", outcome)))
    assert f"<title>llm-gateway-conformance 0.1.0 | {said}</title>" in drawn
    assert len(set(COLOURS.values())) == 4


def test_a_focused_run_gets_a_grey_badge_whatever_passed() -> None:
    drawn = badge(report(row(), focused=True))
    assert GREY in drawn
    assert "conformant<" not in drawn


def test_it_is_one_svg_that_fetches_nothing() -> None:
    root = fromstring(badge(report(row(), suite=Suite(name=HOSTILE, version=HOSTILE))))  # noqa: S314 - our own text
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not any("href" in name for part in root.iter() for name in part.attrib)
