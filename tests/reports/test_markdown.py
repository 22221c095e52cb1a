import re

from reports import Case
from reports.markdown import fence, markdown, text
from tests.reports.sample import HOSTILE, realistic, report, row


def test_the_verdict_is_the_heading_and_profiles_are_a_table() -> None:
    lines = markdown(realistic()).splitlines()
    assert lines[0] == "## ✗ my-gateway 1.2.3: nonconformant"
    assert (
        "| openai-responses | ◐ partial | 192 pass, 12 not-observable | 11 pass, 12 fail, 1 not-applicable | 12 pass |"
        in lines
    )


def test_it_fits_a_step_summary() -> None:
    rows = [row(f"check-{n}", "fail", message=f"way {'x' * n} " * 9_999, case=Case(driver="sync")) for n in range(300)]
    shown = markdown(report(*rows))
    assert len(shown.encode()) < 200_000
    assert "and 260 more in `report.html`" in shown


def test_hostile_text_is_no_markup() -> None:
    shown = markdown(report(row(HOSTILE, "fail", title=HOSTILE, message=HOSTILE), notes=(HOSTILE, "| @all <b>")))
    outside = re.sub(r"^(`{3,})text\n.*?\n\1$", "", shown, flags=re.DOTALL | re.MULTILINE)
    assert "<script>" not in outside
    assert "@all" not in outside
    assert "\x1b" not in shown


def test_a_fence_is_longer_than_any_in_its_content() -> None:
    assert fence("a ```` b").startswith("`````text\n")


def test_specials_become_entities() -> None:
    assert text("a|b*c_[d](e)`f`") == "a&#124;b&#42;c&#95;&#91;d&#93;(e)&#96;f&#96;"


def test_a_focused_run_says_so() -> None:
    assert "Narrowed to single checks: this run certifies nothing." in markdown(report(row(), focused=True))


def test_waivers_are_told() -> None:
    assert "- **b** (1) waived: until 2027" in markdown(report(row("a"), row("b", "waived", message="until 2027")))
