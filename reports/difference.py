"""What changed between two reports, row by row.

What makes a difference a regression, and so `conformance diff` end with 1:
- a `must` or `should` that passed, or was excused by a waiver, and fails now. A `may` is shown and blocks nobody;
- a `must` that fails without ever having been judged before: whether the suite or the claim is new, the target
  breaks a client. A new `should` that fails does not: a newer suite would block every upgrade;
- a worse verdict, `not-measured` included: else a head that ran nothing would look like one that broke nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, computed_field

from reports.failures import signature
from reports.model import FAILING, Case, CheckResult, Level, Outcome, Report, Verdict
from reports.verdict import BEST_TO_WORST

Kind = Literal[
    "regression",
    "new-failure",
    "coverage-loss",
    "changed",
    "fix",
    "new-check",
    "removed",
    "lane-not-run",
    "still-failing",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

UNJUDGED: frozenset[Outcome | None] = frozenset({None, "not-applicable", "not-observable", "error"})
EXCUSED: frozenset[Outcome | None] = frozenset({"not-applicable", "not-observable", "waived"})


class Side(BaseModel):
    """One of the two reports."""

    model_config = ConfigDict(frozen=True)

    target: str
    version: str
    suite: str
    verdict: Verdict
    focused: bool


class Change(BaseModel):
    """One row whose outcome, or whose way to fail, differs; `before` or `after` is null where the row is absent."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    id: str
    case: Case
    title: str
    level: Level
    before: Outcome | None
    after: Outcome | None
    message: str
    reproduce: str
    spec: str

    @property
    def blocks(self) -> bool:
        levels = {"regression": ("must", "should"), "new-failure": ("must",)}
        return self.level in levels.get(self.kind, ())


class Difference(BaseModel):
    """All that differs from `base` to `head`, and what still fails alike."""

    model_config = ConfigDict(frozen=True)

    base: Side
    head: Side
    changes: tuple[Change, ...]

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated property; pydantic documents this
    @property
    def regressed(self) -> bool:
        return self.verdict_worse or any(change.blocks for change in self.changes)

    @property
    def verdict_worse(self) -> bool:
        if self.head.verdict == "not-measured":
            return self.base.verdict != "not-measured"
        return BEST_TO_WORST.index(self.head.verdict) > BEST_TO_WORST.index(self.base.verdict)

    def of(self, kind: Kind) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind == kind)

    @property
    def lanes_not_run(self) -> list[str]:
        """Generations of SDKs that drove calls in `base` and none in `head`."""
        return sorted({_lane(change.case) for change in self.of("lane-not-run")})

    @property
    def counts(self) -> dict[Kind, int]:
        """How many rows of each kind, in the order of `KINDS`; kinds without a row are left out."""
        found = Counter(change.kind for change in self.changes)
        return {kind: found[kind] for kind in KINDS if found[kind]}


def diff(base: Report, head: Report) -> Difference:
    """Rows that a focused `head` did not select are not missing, so they are left out."""
    return Difference(base=_side(base), head=_side(head), changes=tuple(_changes(base, head)))


def _side(report: Report) -> Side:
    return Side(
        target=report.target.name,
        version=report.target.version,
        suite=report.suite.version,
        verdict=report.verdict,
        focused=report.focused,
    )


def _changes(base: Report, head: Report) -> Iterator[Change]:
    old, new = _by_key(base.checks), _by_key(head.checks)
    lanes = {"", *(_lane(row.case) for row in head.checks)}
    for key in new if head.focused else dict.fromkeys([*new, *old]):
        before, after = old.get(key), new.get(key)
        if before and not after and _lane(before.case) not in lanes:
            yield _change("lane-not-run", before, after)
        elif kind := _kind(before, after):
            yield _change(kind, before, after)


def _lane(case: Case) -> str:
    """`openai-2` of `openai-2 async-stream`: what drove the call, without the way it was called."""
    return (case.driver or "").partition(" ")[0]


def _by_key(rows: Iterable[CheckResult]) -> dict[tuple[str, Case], CheckResult]:
    return {row.key: row for row in rows}


def _kind(before: CheckResult | None, after: CheckResult | None) -> Kind | None:
    was = before.outcome if before else None
    now = after.outcome if after else None
    if now is None:
        return "coverage-loss" if was == "pass" else "removed"
    if before and after and before.failing and after.failing:
        return "still-failing" if _alike(before, after) else "changed"
    if now in FAILING:
        return "new-failure" if was in UNJUDGED else "regression"
    return _kind_of_unfailing(was, now)


def _kind_of_unfailing(was: Outcome | None, now: Outcome) -> Kind | None:
    if was == "pass" and now == "error":
        return "regression"
    if was in FAILING | {"pass"} and now in EXCUSED:
        return "coverage-loss"
    if now == "pass" and was in FAILING | {"waived", "error"}:
        return "fix"
    if was is None or (now == "pass" and was in EXCUSED):
        return "new-check"
    return None if was == now else "changed"


def _alike(before: CheckResult, after: CheckResult) -> bool:
    return before.outcome == after.outcome and signature(before.message) == signature(after.message)


def _change(kind: Kind, before: CheckResult | None, after: CheckResult | None) -> Change:
    row = after or before
    assert row is not None, "a row of neither report"
    return Change(
        kind=kind,
        before=before.outcome if before else None,
        after=after.outcome if after else None,
        **row.model_dump(include={"id", "title", "level", "message", "reproduce", "spec"}),
        case=row.case,
    )
