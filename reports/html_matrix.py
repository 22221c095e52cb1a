"""Every row at a glance: for each profile its checks by the cases in which they ran."""

from collections.abc import Iterable, Mapping, Sequence

from reports.hostile import one_line
from reports.model import Case, CheckResult, Outcome
from reports.page import Html, element, joined, link

GLYPHS: dict[Outcome, str] = {
    "pass": "✓",
    "fail": "✗",
    "flaky": "~",
    "error": "!",
    "waived": "w",
    "not-observable": "◌",
    "not-applicable": "·",
}
FILTER = Html(
    '<div class="filter" hidden><input type="search" placeholder="Filter checks" aria-label="Filter checks">'
    '<label><input type="checkbox"> only what does not pass</label></div>'
)

Anchors = Mapping[tuple[str, Case], str]


def matrix(rows: Sequence[CheckResult], anchors: Anchors) -> Html:
    """`anchors` leads from a failing row to where it is told in full."""
    profiles = dict.fromkeys(row.profile for row in rows)
    tables = (_profile(name, [row for row in rows if row.profile == name], anchors) for name in profiles)
    return element("section", element("h2", "Every check"), FILTER, _legend(rows), *tables, class_="matrix")


def _legend(rows: Iterable[CheckResult]) -> Html:
    seen = {row.outcome for row in rows}
    entries = (joined(_cell_mark(outcome), f" {outcome}") for outcome in GLYPHS if outcome in seen)
    return element("p", *(element("span", entry) for entry in entries), class_="legend")


def _cell_mark(outcome: Outcome) -> Html:
    return element("span", GLYPHS[outcome], class_=f"o {outcome}")


def _profile(name: str, rows: Sequence[CheckResult], anchors: Anchors) -> Html:
    cases = _columns(rows)
    checks: dict[str, dict[Case, CheckResult]] = {}
    for row in rows:
        checks.setdefault(row.id, {})[row.case] = row
    body = (_check(found, cases, anchors) for found in checks.values())
    table = element("table", _head(cases), element("tbody", *body), class_="cells")
    return joined(element("h3", one_line(name)), element("div", table, class_="wide"))


def _columns(rows: Iterable[CheckResult]) -> list[Case]:
    """Cases in the order of their first row, those of one road side by side."""
    cases = list(dict.fromkeys(row.case for row in rows))
    roads = list(dict.fromkeys(case.road for case in cases))
    return sorted(cases, key=lambda case: roads.index(case.road))


def _head(cases: Sequence[Case]) -> Html:
    """Roads over their drivers; a line that would be empty is left out."""
    widths: dict[str, int] = {}
    for case in cases:
        widths[case.road] = widths.get(case.road, 0) + 1
    roads = [element("th", one_line(road), colspan=str(width), class_="road") for road, width in widths.items()]
    drivers = [
        element("th", element("span", one_line(case.driver or "", 40)), class_=_edge(case, cases)) for case in cases
    ]
    return element(
        "thead",
        element("tr", element("th"), *roads) if any(widths) else "",
        element("tr", element("th"), *drivers, class_="drivers") if any(case.driver for case in cases) else "",
    )


def _check(found: Mapping[Case, CheckResult], cases: Sequence[Case], anchors: Anchors) -> Html:
    row = next(iter(found.values()))
    passing = all(other.outcome in {"pass", "not-applicable"} for other in found.values())
    return element(
        "tr",
        element("th", element("code", one_line(row.id), title=one_line(row.title)), _level(row), scope="row"),
        *(_placed(found.get(case), _edge(case, cases), anchors) for case in cases),
        data_check=one_line(f"{row.id} {row.title}").lower(),
        data_passing="yes" if passing else "",
    )


def _edge(case: Case, cases: Sequence[Case]) -> str:
    """The first column of each road stands a little apart."""
    first = next(other for other in cases if other.road == case.road)
    return "edge" if case == first else ""


def _placed(row: CheckResult | None, edge: str, anchors: Anchors) -> Html:
    return element("td", _cell(row, anchors) if row else "", class_=edge)


def _level(row: CheckResult) -> Html:
    return Html() if row.level == "must" else element("small", f" {row.level}")


def _cell(row: CheckResult, anchors: Anchors) -> Html:
    told = " · ".join(part for part in (str(row.case), row.outcome, one_line(row.message)) if part)
    if anchor := anchors.get(row.key):
        return link(GLYPHS[row.outcome], f"#{anchor}", class_=f"o {row.outcome}", title=told)
    return element("span", GLYPHS[row.outcome], class_=f"o {row.outcome}", title=told)
