"""The verdict in a terminal: what to know in one second, what to act on in the next ten."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.text import Text

from reports.failures import Failure, alike, by_check, failing
from reports.hostile import clip, one_line, visible
from reports.lanes import TITLE, apart
from reports.model import LEVELS, CheckResult, ProfileResult, Report, Verdict
from reports.verdict import reasons
from reports.words import FOCUSED, MARKS, counted

MESSAGE_LIMIT = 2_000
ERRORS_SHOWN = 6

VERDICT_STYLES: dict[Verdict, str] = {
    "conformant": "bold green",
    "partial": "bold yellow",
    "nonconformant": "bold red",
    "not-measured": "bold magenta",
}


def summary(report: Report, *, written: Path | None = None) -> Text:
    """Print with `soft_wrap=True`, so that command lines can be copied; `str()` gives it without colour."""
    return Text("\n").join(_lines(report, written))


def _lines(report: Report, written: Path | None) -> Iterator[Text]:
    yield from _verdict(report)
    yield from _profiles(report.profiles)
    yield from _musts(failing(report.checks, "must"))
    yield from _errors(report.checks)
    yield from _lesser(report.checks)
    yield from _lanes(report.checks)
    yield from (Text(f"note: {one_line(note)}", "dim") for note in report.notes)
    if written:
        yield Text.assemble("\n", ("report   ", "dim"), str(written / "report.html"))


def _verdict(report: Report) -> Iterator[Text]:
    style = VERDICT_STYLES[report.verdict]
    target = one_line(f"{report.target.name} {report.target.version}")
    ran = f"  {len(report.checks)} rows in {report.seconds:.1f} s"
    yield Text.assemble((f"{MARKS[report.verdict]} {report.verdict}", style), "  ", (target, "bold"), (ran, "dim"))
    if report.focused:
        yield Text(f"  {FOCUSED}", "yellow")
    yield from (Text(f"  {one_line(reason)}") for reason in reasons(report))


def _profiles(profiles: Iterable[ProfileResult]) -> Iterator[Text]:
    yield Text()
    width = max((len(profile.name) for profile in profiles), default=0)
    for profile in profiles:
        mark = (f"  {MARKS[profile.verdict]} ", VERDICT_STYLES[profile.verdict])
        counts = [
            Text(f"{level} {counted(profile.counts(level))}") for level in LEVELS if any(profile.counts(level).values())
        ]
        yield Text.assemble(mark, f"{profile.name:<{width}}  ", Text("  ·  ", "dim").join(counts))


def _musts(rows: list[CheckResult]) -> Iterator[Text]:
    if rows:
        yield Text(f"\nWhat must hold and does not ({len(rows)})", "bold red")
    for failure in alike(rows):
        yield from _in_full(failure)


def _in_full(failure: Failure) -> Iterator[Text]:
    row = failure.first
    yield Text.assemble("\n", ("✗ ", "red"), (row.id, "bold"), _flaky(failure))
    yield Text(f"  {one_line(row.title)}")
    yield from _labelled("requirement", row.spec)
    yield from (Text(f"  │ {line}") for line in visible(clip(row.message, MESSAGE_LIMIT)).splitlines())
    yield from _where(failure)
    yield from _labelled("repeat", row.reproduce)


def _flaky(failure: Failure) -> Text:
    return Text(f"  {failure.flaky} of {len(failure.rows)} flaky" if failure.flaky else "", "yellow")


def _where(failure: Failure) -> Iterator[Text]:
    yield from (Text.assemble(("  in  ", "dim"), (place, "cyan")) for place in failure.places)


def _labelled(label: str, value: str) -> Iterator[Text]:
    if value:
        yield Text.assemble((f"  {label}  ", "dim"), one_line(value, 1_000))


def _errors(rows: Iterable[CheckResult]) -> Iterator[Text]:
    errors = [row for row in rows if row.outcome == "error"]
    if errors:
        yield Text(f"\nThe harness's own errors ({len(errors)}): not counted against the target", "bold magenta")
    for row in errors[:ERRORS_SHOWN]:
        yield Text.assemble("! ", (row.id, "bold"), (f"  [{row.case}]", "cyan"), f"  {one_line(row.message)}")
    if len(errors) > ERRORS_SHOWN:
        yield Text(f"  and {len(errors) - ERRORS_SHOWN} more in the report")


def _lesser(rows: Iterable[CheckResult]) -> Iterator[Text]:
    """Failing shoulds and mays: one entry a check."""
    lesser = [row for row in rows if row.level != "must"]
    failures = by_check(lesser)
    if failures:
        yield Text(f"\nWhat should hold and does not ({len(failures)}): no bearing on the verdict", "bold yellow")
    for failure in failures:
        row = failure.first
        yield Text.assemble(("! ", "yellow"), (row.id, "bold"), (f" ({row.level})  ", "dim"), one_line(row.title))
        yield from _where(failure)
        yield from _labelled("repeat", row.reproduce)


def _lanes(rows: Iterable[CheckResult]) -> Iterator[Text]:
    if told := apart(rows):
        yield Text(f"\n{TITLE} ({len(told)})", "bold yellow")
    yield from (Text(f"  {each}") for each in told)
