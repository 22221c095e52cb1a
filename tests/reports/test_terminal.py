import io
from pathlib import Path

from rich.console import Console

from reports import Case, Report, summary
from tests.reports.sample import HOSTILE, realistic, report, row


def shown(found: Report, *, colour: bool = False) -> str:
    console = Console(file=io.StringIO(), width=80, force_terminal=colour, color_system="truecolor" if colour else None)
    console.print(summary(found, written=Path("reports/out/my-gateway")), soft_wrap=True)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_verdict_comes_first_and_the_way_to_the_report_last() -> None:
    lines = shown(realistic()).splitlines()
    assert lines[0] == "✗ nonconformant  my-gateway 1.2.3  720 rows in 41.7 s"
    assert lines[-1].endswith("reports/out/my-gateway/report.html")


def test_each_profile_has_a_line_with_counts_by_level() -> None:
    text = shown(report(row("a"), row("b", "fail"), row("c", level="should")))
    assert "✗ anthropic-messages  must 1 pass, 1 fail  ·  should 1 pass" in text


def test_a_failing_must_is_told_in_full() -> None:
    failing = row(
        "messages/stream/incremental",
        "fail",
        title="Events arrive as they are sent",
        spec="https://docs.example.com/streaming",
        message="expected     'two'\nclient saw   nothing\nupstream saw 1 call",
        reproduce="conformance certify my-gateway.toml --check messages/stream/incremental " + "--long " * 20,
        case=Case(surface="anthropic-messages", driver="sync"),
    )
    text = shown(report(failing))
    for told in (failing.id, failing.title, failing.spec, "│ upstream saw 1 call", "anthropic-messages: sync"):
        assert told in text
    assert failing.reproduce.strip() in text, "a command line is never wrapped"


def test_the_same_failure_in_many_cases_is_told_once() -> None:
    rows = [row("a", "fail", message="lost", case=Case(driver=f"lane {number}")) for number in range(30)]
    text = shown(report(*rows))
    assert text.count("│ lost") == 1
    assert "and 24 more" in text


def test_a_failing_should_is_one_entry_a_check_without_its_message() -> None:
    rows = [row("a", "fail", level="should", message=f"lost {n}", case=Case(driver=f"lane {n}")) for n in range(3)]
    text = shown(report(row("b"), *rows))
    assert text.count("! a (should)") == 1
    assert "lost" not in text
    assert "lane 0, lane 1, lane 2" in text
    assert "✓ conformant" in text


def test_errors_are_the_harness_s_own() -> None:
    text = shown(report(row("a"), *(row(f"b/{number}", "error", message="boom") for number in range(9))))
    assert "The harness's own errors (9): not counted against the target" in text
    assert "and 3 more" in text


def test_a_focused_run_says_that_it_certifies_nothing() -> None:
    assert "certifies nothing" in shown(report(row(), focused=True))
    assert "certifies nothing" not in shown(report(row()))


def test_notes_are_shown() -> None:
    assert "note: nginx is not installed" in shown(report(row(), notes=("nginx is not installed",)))


def test_a_hostile_message_steers_no_terminal() -> None:
    text = shown(report(row("a", "fail", title=HOSTILE, message=HOSTILE + "[bold red]x[/]" + "y" * 1_000_000)))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"\x1b[31m" in text
    assert "[bold red]x[/]" in text, "markup is text"
    assert len(text) < 10_000


def test_colour_is_used_where_there_is_any() -> None:
    assert "\x1b[1;31m✗ nonconformant" in shown(report(row("a", "fail")), colour=True)
