"""A table of gateways as text, Markdown and HTML: verdicts first, then what at least one of them fails."""

from collections.abc import Iterator

from rich.text import Text

from reports.hostile import one_line
from reports.html import pill
from reports.html_matrix import GLYPHS
from reports.markdown import text as plain
from reports.model import LEVELS, Level, Report
from reports.page import Html, element, joined, page
from reports.table import Cell, Group, Line, Table
from reports.terminal import VERDICT_STYLES
from reports.words import CAVEAT, MARKS

STYLES = {"pass": "green", "fail": "red", "flaky": "yellow", "error": "magenta", "waived": "yellow"}
LEGEND = "✓ holds · ✗ does not · 2/7 fails in two of the seven ways in which it was tried · n/a, or empty: not claimed"


def name(report: Report) -> str:
    return one_line(f"{report.target.name} {report.target.version}", 60)


def failed(report: Report, level: Level) -> str:
    """`3 of 41 musts`: of the checks of a level that were judged, how many fail, each counted once."""
    judged = {row.id for row in report.checks if row.level == level and row.outcome != "not-applicable"}
    failing = {row.id for row in report.checks if row.level == level and row.failing}
    return f"{len(failing)} of {len(judged)}"


def shown(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if cell.partly:
        return f"{GLYPHS[cell.outcome]} {cell.failing}/{cell.judged}"
    return "n/a" if cell.outcome == "not-applicable" else GLYPHS[cell.outcome]


def as_text(table: Table) -> Text:
    """Print with `soft_wrap=True`; `str()` gives it without colour."""
    return Text("\n").join(_text_lines(table))


def _text_lines(table: Table) -> Iterator[Text]:
    for number, report in enumerate(table.reports, 1):
        verdict = (f"{MARKS[report.verdict]} {report.verdict}", VERDICT_STYLES[report.verdict])
        counts = ", ".join(f"{failed(report, level)} {level}s fail" for level in LEVELS)
        yield Text.assemble((f"[{number}] ", "dim"), (name(report), "bold"), "  ", verdict, (f"  {counts}", "dim"))
    width = max((len(line.id) for group in table.groups for line in group.lines), default=0)
    heads = "".join(f"{f'[{number}]':<8}" for number in range(1, len(table.reports) + 1))
    for group in table.groups:
        yield Text.assemble("\n", (f"{one_line(group.profile):<{width + 11}}", "bold"), (heads, "dim"))
        yield from (_text_line(line, width) for line in group.lines if not line.agreed)
        yield Text(f"  {_agreed(group)}", "dim")


def _text_line(line: Line, width: int) -> Text:
    cells = [(f"{shown(cell):<8}", STYLES.get(cell.outcome, "dim") if cell else "") for cell in line.cells]
    return Text.assemble((f"  {line.level:<7}", "dim"), f"{one_line(line.id):<{width + 2}}", *cells)


def _agreed(group: Group) -> str:
    number = sum(line.agreed for line in group.lines)
    return f"{number} of {len(group.lines)} checks fail nowhere"


def as_markdown(table: Table) -> str:
    return "\n".join(_markdown_lines(table)) + "\n"


def _markdown_lines(table: Table) -> Iterator[str]:
    yield "# Gateways side by side\n"
    yield "| gateway | verdict | must fails | should fails | may fails | run |\n|---|---|---|---|---|---|"
    for report in table.reports:
        counts = " | ".join(failed(report, level) for level in LEVELS)
        ran = f"{report.started_at:%Y-%m-%d}, suite {plain(report.suite.version)}"
        yield f"| {plain(name(report))} | {MARKS[report.verdict]} {report.verdict} | {counts} | {ran} |"
    yield f"\n{LEGEND}.\n\n{CAVEAT}"
    heads = " | ".join(plain(report.target.name) for report in table.reports)
    for group in table.groups:
        yield f"\n## {plain(group.profile)}\n\n{_agreed(group)}."
        failing = [line for line in group.lines if not line.agreed]
        if failing:
            yield f"\n| check | level | {heads} |\n|---|---|{'---|' * len(table.reports)}"
        yield from (_markdown_line(line) for line in failing)


def _markdown_line(line: Line) -> str:
    cells = " | ".join(shown(cell) for cell in line.cells)
    return f"| **{plain(line.id)}** {plain(line.title)} | {line.level} | {cells} |"


def as_html(table: Table) -> str:
    return page("Gateways side by side", _header(table), *(_section(group, table) for group in table.groups))


def _header(table: Table) -> Html:
    head = element(
        "tr", *(element("th", each) for each in ("gateway", "verdict", *(f"{lv} fails" for lv in LEVELS), "run"))
    )
    rows = (
        element(
            "tr",
            element("th", name(report), scope="row"),
            element("td", pill(report.verdict)),
            *(element("td", failed(report, level)) for level in LEVELS),
            element("td", f"{report.started_at:%Y-%m-%d}, suite {one_line(report.suite.version)}"),
        )
        for report in table.reports
    )
    summary = element("table", element("thead", head), element("tbody", *rows), class_="profiles")
    notes = (element("p", LEGEND, class_="legend"), element("p", CAVEAT, class_="soft"))
    return element("header", element("h1", "Gateways side by side"), element("div", summary, class_="wide"), *notes)


def _section(group: Group, table: Table) -> Html:
    names = (element("th", element("span", one_line(report.target.name, 40))) for report in table.reports)
    head = element("thead", element("tr", element("th"), *names, class_="drivers"))
    cells = element("table", head, element("tbody", *(_html_line(line, table) for line in group.lines)), class_="cells")
    heading = element("h2", one_line(group.profile), " ", element("small", _agreed(group)))
    return element("section", heading, element("div", cells, class_="wide"), class_="matrix")


def _html_line(line: Line, table: Table) -> Html:
    told = (
        f"{name(report)}: {cell.outcome if cell else 'not run'}"
        for report, cell in zip(table.reports, line.cells, strict=True)
    )
    level = Html() if line.level == "must" else element("small", f" {line.level}")
    marks = (element("td", _mark(cell, title)) for cell, title in zip(line.cells, told, strict=True))
    return element(
        "tr", element("th", element("code", one_line(line.id), title=one_line(line.title)), level, scope="row"), *marks
    )


def _mark(cell: Cell | None, title: str) -> Html:
    if cell is None:
        return Html()
    return joined(element("span", shown(cell), class_=f"o {cell.outcome}", title=title))
