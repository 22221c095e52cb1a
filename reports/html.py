"""The report as one HTML page: verdict, profiles, failures with both sides, then every row."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from reports.failures import Failure, alike, not_shown
from reports.hostile import clip, one_line
from reports.html_matrix import matrix
from reports.html_transcript import two_sided
from reports.lanes import TITLE, Apart, apart
from reports.model import LEVELS, CheckResult, Counts, Level, Outcome, ProfileResult, Report, Verdict
from reports.page import Html, element, joined, link, page
from reports.transcript import transcript
from reports.verdict import reasons
from reports.words import CAVEAT, FOCUSED, MARKS, MEANINGS, counted

MESSAGE_LIMIT = 6_000
TRANSCRIPTS_SHOWN = 2
BAR = 120


def html(report: Report, directory: Path) -> str:
    """`directory` is where the report and its evidence lie."""
    title = f"{one_line(report.target.name)} {one_line(report.target.version)}: {report.verdict}"
    failures = _by_weight(alike(row for row in report.checks if row.failing))
    anchors = {row.key: f"f{number}" for number, failure in enumerate(failures) for row in failure.rows}
    return page(
        title,
        _header(report),
        _profiles(report.profiles),
        _failures(failures, directory),
        _lanes(apart(report.checks)),
        _not_shown(alike(not_shown(report.checks))),
        matrix(report.checks, anchors),
        _footer(report),
    )


def pill(verdict: Verdict) -> Html:
    return element("span", MARKS[verdict], " ", verdict, class_=f"pill {verdict}")


def account(where: str, places: Sequence[str], spec: str, reproduce: str) -> Html:
    """What is required, where it came out so, and how to see it again."""
    entries = [("requirement", link(one_line(spec, 400), spec))] if spec else []
    entries += [(where, joined(place)) for place in places]
    if reproduce:
        entries.append(("repeat", element("code", one_line(reproduce, 1_000), class_="copy")))
    return element(
        "dl", *(joined(element("dt", name), element("dd", value)) for name, value in entries), class_="account"
    )


def _header(report: Report) -> Html:
    said = "not-measured" if report.focused else report.verdict
    return element(
        "header",
        element("p", f"{report.suite.name} {report.suite.version}", class_="eyebrow"),
        element("h1", one_line(report.target.name), " ", element("span", one_line(report.target.version))),
        element(
            "div",
            element("strong", MARKS[report.verdict], " ", report.verdict),
            element("p", FOCUSED if report.focused else MEANINGS[report.verdict]),
            *(
                [element("ul", *(element("li", one_line(why, 600)) for why in whys))]
                if (whys := reasons(report))
                else []
            ),
            class_=f"verdict {said}",
        ),
        element("dl", *_facts(report), class_="facts"),
    )


def _facts(report: Report) -> Iterator[Html]:
    facts = {
        "checks": f"{len({row.id for row in report.checks})} in {len(report.checks)} rows",
        "run": f"{report.started_at:%Y-%m-%d %H:%M} UTC, {report.seconds:.1f} s",
        **{name: one_line(str(version)) for name, version in report.environment},
        "controls": _controls(report),
    }
    for name, value in facts.items():
        yield element("div", element("dt", name), element("dd", value))


def _controls(report: Report) -> str:
    behaved = sum(control.behaved for control in report.controls)
    return f"{behaved} of {len(report.controls)} as expected" if report.controls else "none ran"


def _profiles(profiles: Sequence[ProfileResult]) -> Html:
    head = element("tr", *(element("th", name) for name in ("profile", "verdict", *LEVELS)))
    rows = [
        element(
            "tr",
            element("th", one_line(profile.name), scope="row"),
            element("td", pill(profile.verdict)),
            *(element("td", _tally(profile.counts(level))) for level in LEVELS),
        )
        for profile in profiles
    ]
    table = element("table", element("thead", head), element("tbody", *rows), class_="profiles")
    return element("section", element("h2", "Profiles"), element("div", table, class_="wide"))


def _tally(counts: Counts) -> Html:
    total = sum(counts.values())
    if not total:
        return element("span", "none", class_="soft")
    return joined(_bar(counts, total), element("span", counted(counts), class_="tally"))


def _bar(counts: Counts, total: int) -> Html:
    """Failures first and never thinner than can be seen."""
    order: tuple[Outcome, ...] = ("fail", "flaky", "error", "waived", "not-observable", "pass", "not-applicable")
    drawn, at = [], 0.0
    for outcome in order:
        if number := counts.get(outcome, 0):
            width = max(3.0, BAR * number / total)
            drawn.append(element("rect", x=f"{at:.1f}", width=f"{width:.1f}", height="6", class_=f"o {outcome}"))
            at += width
    return element("svg", *drawn, viewBox=f"0 0 {max(at, BAR):.1f} 6", class_="bar", preserveAspectRatio="none")


def _by_weight(failures: Sequence[Failure]) -> list[Failure]:
    return sorted(failures, key=lambda failure: LEVELS.index(failure.first.level))


def _failures(failures: Sequence[Failure], directory: Path) -> Html:
    if not failures:
        return Html()
    numbered = list(enumerate(failures))
    parts = []
    for level in LEVELS:
        if shown := [_failure(number, found, directory) for number, found in numbered if found.first.level == level]:
            parts += [element("h3", _heading(level), " ", element("small", str(len(shown)))), *shown]
    return element("section", element("h2", "What does not hold"), *parts, class_="failures")


def _heading(level: Level) -> str:
    return {"must": "Must", "should": "Should", "may": "May"}[level]


def _failure(number: int, failure: Failure, directory: Path) -> Html:
    row = failure.first
    flaky = f", {failure.flaky} flaky" if failure.flaky else ""
    return element(
        "details",
        element(
            "summary",
            element("code", one_line(row.id)),
            element("span", f"{len(failure.rows)}{flaky}", class_=f"count {row.level}"),
            element("span", one_line(row.title), class_="title"),
        ),
        account("fails in", failure.places, row.spec, row.reproduce),
        element("pre", clip(row.message, MESSAGE_LIMIT), class_="message") if row.message else Html(),
        *(_seen(shown, directory) for shown in failure.rows[:TRANSCRIPTS_SHOWN] if shown.evidence),
        id=f"f{number}",
    )


def _lanes(told: Sequence[Apart]) -> Html:
    if not told:
        return Html()
    return element("section", element("h2", TITLE), element("ul", *(element("li", str(each)) for each in told)))


def _not_shown(groups: Sequence[Failure]) -> Html:
    if not groups:
        return Html()
    rows = (
        element(
            "tr",
            element(
                "th", element("code", one_line(group.first.id)), " ", element("small", group.first.level), scope="row"
            ),
            element(
                "td", element("span", f"{len(group.rows)} {group.first.outcome}", class_=f"tag {group.first.outcome}")
            ),
            element("td", one_line(group.first.message, 400)),
        )
        for group in groups
    )
    table = element("table", element("tbody", *rows), class_="profiles not-shown")
    return element("section", element("h2", "What was claimed and not shown"), element("div", table, class_="wide"))


def _seen(row: CheckResult, directory: Path) -> Html:
    heading = element("summary", "What passed on both sides ", element("small", one_line(str(row.case))))
    return element("details", heading, two_sided(transcript(directory, row.evidence)), class_="transcript")


def _footer(report: Report) -> Html:
    notes = [element("p", one_line(note, 600)) for note in report.notes]
    return element("footer", *notes, element("p", CAVEAT))
