"""The report in Markdown, made for the summary of a merge request."""

import re
from collections.abc import Iterator, Sequence
from html import escape

from reports.failures import Failure, alike, by_check, failing, not_shown
from reports.hostile import clip, one_line, visible
from reports.lanes import TITLE, Apart, apart
from reports.model import LEVELS, ProfileResult, Report
from reports.verdict import reasons
from reports.words import FOCUSED, MARKS, MEANINGS, counted

MESSAGE_LIMIT = 1_500
FAILURES_SHOWN = 40


def markdown(report: Report) -> str:
    return "\n".join(_lines(report)) + "\n"


def text(value: str) -> str:
    """One line of plain text in which nothing is markup."""
    return re.sub(r"[\\`*_{}\[\]|~#@]", lambda special: f"&#{ord(special[0])};", escape(one_line(value)))


def fence(content: str, language: str = "text") -> str:
    """A code block that its own content cannot end."""
    shown = visible(clip(content, MESSAGE_LIMIT))
    marks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{marks}{language}\n{shown}\n{marks}"


def _lines(report: Report) -> Iterator[str]:
    yield f"## {MARKS[report.verdict]} {text(report.target.name)} {text(report.target.version)}: {report.verdict}\n"
    yield f"{FOCUSED if report.focused else MEANINGS[report.verdict]}\n"
    yield from (f"- {text(reason)}" for reason in reasons(report))
    yield from _profiles(report.profiles)
    yield from _musts(alike(failing(report.checks, "must")))
    yield from _lesser(by_check(row for row in report.checks if row.level != "must"))
    yield from _lanes(apart(report.checks))
    yield from _not_shown(alike(not_shown(report.checks)))
    yield from _colophon(report)


def _profiles(profiles: Sequence[ProfileResult]) -> Iterator[str]:
    yield "\n| profile | verdict | must | should | may |\n|---|---|---|---|---|"
    for profile in profiles:
        counts = " | ".join(counted(profile.counts(level)) for level in LEVELS)
        yield f"| {text(profile.name)} | {MARKS[profile.verdict]} {profile.verdict} | {counts} |"


def _musts(failures: Sequence[Failure]) -> Iterator[str]:
    if failures:
        yield "\n### What must hold and does not"
    for failure in failures[:FAILURES_SHOWN]:
        yield from _in_full(failure)
    if len(failures) > FAILURES_SHOWN:
        yield f"\n… and {len(failures) - FAILURES_SHOWN} more in `report.html`."


def _in_full(failure: Failure) -> Iterator[str]:
    row = failure.first
    flaky = f", {failure.flaky} flaky" if failure.flaky else ""
    yield f"\n<details><summary><b>{text(row.id)}</b> ({len(failure.rows)}{flaky}): {text(row.title)}</summary>\n"
    yield from (f"- {text(place)}" for place in failure.places)
    if row.spec:
        yield f"- requirement: {text(row.spec)}"
    yield "\n" + fence(row.message)
    if row.reproduce:
        yield fence(row.reproduce, "sh")
    yield "</details>"


def _lesser(failures: Sequence[Failure]) -> Iterator[str]:
    if failures:
        yield "\n### What should hold and does not\n\nNo bearing on the verdict.\n"
    for failure in failures[:FAILURES_SHOWN]:
        row = failure.first
        yield f"- **{text(row.id)}** ({row.level}): {text(row.title)} · {text('; '.join(failure.places))}"


def _lanes(told: Sequence[Apart]) -> Iterator[str]:
    if told:
        yield f"\n### {TITLE}\n"
    yield from (f"- {text(str(each))}" for each in told[:FAILURES_SHOWN])


def _not_shown(failures: Sequence[Failure]) -> Iterator[str]:
    if failures:
        yield "\n### What was claimed and not shown\n"
    for failure in failures[:FAILURES_SHOWN]:
        row = failure.first
        yield f"- **{text(row.id)}** ({len(failure.rows)}) {row.outcome}: {text(row.message)}"


def _colophon(report: Report) -> Iterator[str]:
    yield from (f"\n> {text(note)}" for note in report.notes)
    versions = ", ".join(f"{text(name)} {text(str(value))}" for name, value in report.environment)
    yield (
        f"\n<sub>{text(report.suite.name)} {text(report.suite.version)} · {len(report.checks)} rows in "
        f"{report.seconds:.1f} s · {report.started_at:%Y-%m-%d %H:%M} UTC · {versions}</sub>"
    )
