"""A difference as text, Markdown, JSON and HTML: what blocks first, and alike changes told once."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rich.text import Text

from reports.difference import Change, Difference, Kind, Side
from reports.failures import places, signature
from reports.hostile import clip, one_line, visible
from reports.html import account, pill
from reports.markdown import fence
from reports.markdown import text as plain
from reports.page import Html, element, page
from reports.terminal import VERDICT_STYLES
from reports.words import MARKS

MESSAGE_LIMIT = 1_000

HEADINGS: dict[Kind, str] = {
    "regression": "Passed before, fails now",
    "new-failure": "Fails, and was not judged before",
    "coverage-loss": "Passed or failed before, is not judged now",
    "changed": "Came out otherwise before",
    "fix": "Fixed",
    "new-check": "Judged for the first time",
    "removed": "No longer in the suite or the selection",
    "lane-not-run": "Driven by an SDK that was not run now",
    "still-failing": "Still fails as before",
}
STYLES: dict[Kind, str] = {
    "regression": "bold red",
    "new-failure": "bold red",
    "coverage-loss": "bold yellow",
    "fix": "green",
}
IN_FULL: tuple[Kind, ...] = ("regression", "new-failure", "changed")
COUNTED_ONLY: tuple[Kind, ...] = ("still-failing", "new-check", "removed", "lane-not-run")


class Alike(NamedTuple):
    """Changes of one check that differ only in their case."""

    changes: tuple[Change, ...]

    @property
    def first(self) -> Change:
        return self.changes[0]

    @property
    def places(self) -> list[str]:
        return places(change.case for change in self.changes)

    @property
    def step(self) -> str:
        return f"{self.first.before or 'absent'} → {self.first.after or 'absent'}"


def alike(changes: Iterable[Change]) -> list[Alike]:
    groups: dict[tuple[str | None, ...], list[Change]] = {}
    for change in changes:
        key = (change.id, change.before, change.after, signature(change.message))
        groups.setdefault(key, []).append(change)
    return [Alike(tuple(group)) for group in groups.values()]


def conclusion(difference: Difference) -> str:
    if difference.verdict_worse:
        return f"regressed: {difference.base.verdict} became {difference.head.verdict}"
    if blocking := sum(change.blocks for change in difference.changes):
        return f"regressed: {blocking} row{'s' if blocking > 1 else ''}"
    return "no regression"


def heading(kind: Kind, difference: Difference) -> str:
    which = f": {one_line(', '.join(difference.lanes_not_run))}" if kind == "lane-not-run" else ""
    return HEADINGS[kind] + which


def as_json(difference: Difference) -> str:
    return difference.model_dump_json(indent=2) + "\n"


def as_text(difference: Difference) -> Text:
    """Print with `soft_wrap=True`; `str()` gives it without colour."""
    return Text("\n").join(_text_lines(difference))


def _text_lines(difference: Difference) -> Iterator[Text]:
    yield Text(conclusion(difference), "bold red" if difference.regressed else "bold green")
    for name, side in (("base", difference.base), ("head", difference.head)):
        yield Text.assemble((f"  {name}  ", "dim"), _named(side), "  ", (side.verdict, VERDICT_STYLES[side.verdict]))
    for kind, number in difference.counts.items():
        yield Text.assemble("\n", (f"{heading(kind, difference)} ({number})", STYLES.get(kind, "bold")))
        if kind not in COUNTED_ONLY:
            for group in alike(difference.of(kind)):
                yield from _text_group(kind, group)


def _text_group(kind: Kind, group: Alike) -> Iterator[Text]:
    change = group.first
    yield Text.assemble("  ", (change.id, "bold"), (f" ({change.level})  ", "dim"), group.step)
    yield from (Text.assemble(("    in  ", "dim"), (place, "cyan")) for place in group.places)
    if kind in IN_FULL:
        yield from (Text(f"    │ {line}") for line in visible(clip(change.message, MESSAGE_LIMIT)).splitlines())
        if change.reproduce:
            yield Text.assemble(("    repeat  ", "dim"), one_line(change.reproduce, 1_000))


def _named(side: Side) -> str:
    focused = ", focused" if side.focused else ""
    return one_line(f"{side.target} {side.version} (suite {side.suite}{focused})")


def as_markdown(difference: Difference) -> str:
    return "\n".join(_markdown_lines(difference)) + "\n"


def _markdown_lines(difference: Difference) -> Iterator[str]:
    yield f"## {'✗' if difference.regressed else '✓'} {conclusion(difference)}\n"
    yield "| | target | verdict |\n|---|---|---|"
    for name, side in (("base", difference.base), ("head", difference.head)):
        yield f"| {name} | {plain(_named(side))} | {MARKS[side.verdict]} {side.verdict} |"
    for kind, number in difference.counts.items():
        yield f"\n### {plain(heading(kind, difference))} ({number})\n"
        if kind not in COUNTED_ONLY:
            for group in alike(difference.of(kind)):
                yield from _markdown_group(kind, group)


def _markdown_group(kind: Kind, group: Alike) -> Iterator[str]:
    change = group.first
    where = f" · {plain('; '.join(group.places))}" if group.places else ""
    yield f"- **{plain(change.id)}** ({change.level}) {group.step}{where}"
    if kind in IN_FULL and change.message:
        yield f"\n<details><summary>{plain(change.title)}</summary>\n\n{fence(change.message)}\n</details>\n"


def as_html(difference: Difference) -> str:
    title = f"{one_line(difference.base.version)} → {one_line(difference.head.version)}: {conclusion(difference)}"
    sections = (_section(kind, difference) for kind in difference.counts)
    return page(title, _header(difference), *sections)


def _header(difference: Difference) -> Html:
    tone = "nonconformant" if difference.regressed else "conformant"
    sides = (("base", difference.base), ("head", difference.head))
    facts = (
        element("div", element("dt", name), element("dd", _named(side), " ", pill(side.verdict)))
        for name, side in sides
    )
    return element(
        "header",
        element("p", "What changed between two reports", class_="eyebrow"),
        element("h1", one_line(difference.head.target), " ", element("span", one_line(difference.head.version))),
        element("div", element("strong", conclusion(difference)), class_=f"verdict {tone}"),
        element("dl", *facts, class_="facts"),
    )


def _section(kind: Kind, difference: Difference) -> Html:
    groups = alike(difference.of(kind))
    title = element("h2", heading(kind, difference), " ", element("small", str(difference.counts[kind])))
    return element("section", title, *(_group(group) for group in groups), class_="failures")


def _group(group: Alike) -> Html:
    change = group.first
    return element(
        "details",
        element(
            "summary",
            element("code", one_line(change.id)),
            element("span", str(len(group.changes)), class_=f"count {change.level if change.blocks else ''}"),
            element("span", group.step, class_="title"),
            element("span", one_line(change.title), class_="title"),
        ),
        account("in", group.places, change.spec, change.reproduce),
        element("pre", clip(change.message, MESSAGE_LIMIT), class_="message") if change.message else Html(),
    )
