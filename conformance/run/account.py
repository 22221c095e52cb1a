"""The account of a run: from results to the rows, controls and verdict of a report."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from shlex import quote
from typing import TYPE_CHECKING

from conformance.drivers import Mode, client_of
from conformance.extensions import extensions
from conformance.lanes import MAIN, generation
from conformance.run.stage import DIRECT, FAULT, TARGET
from conformance.run.sweep import stayed_up, swept
from conformance.run.waivers import waived
from reports import Case, CheckResult, Claims, Control, Environment, Report, Suite, TargetInfo, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from conformance.check import Check
    from conformance.lanes import Lane
    from conformance.run.plan import Plan
    from conformance.run.results import Result
    from conformance.run.waivers import Waiver
    from conformance.surface import Surface
    from conformance.target import Target
    from reports import Outcome

SUITE = "llm-gateway-conformance"
_WORST_FIRST: tuple[Outcome, ...] = ("error", "fail", "flaky", "pass")
_PACKAGES = ("openai", "anthropic", "google-genai", "mistralai", "httpx2", "pytest")


def report(
    *,
    target: Target,
    asked_for: str,
    target_version: str,
    plan: Plan,
    checks: Mapping[str, Check],
    results: Sequence[Result],
    ends: Sequence[str],
    waivers: Sequence[Waiver],
    started_at: datetime,
    seconds: float,
    focused: bool,
) -> Report:
    """Everything that a run found; raises nothing: whatever went wrong is in it."""
    claimed = sorted(plan.profiles, key=list(target.claims.profiles).index)
    mine = [result for result in results if result.subject == TARGET]
    rows = [
        *(_row(checks[result.check], result, asked_for) for result in mine),
        *swept(mine, asked_for, plan),
        *stayed_up(mine, ends, asked_for, plan),
        *(_untried(check, surface, bridge, plan) for check, surface, bridge in plan.unclaimed(checks.values())),
        *(_excluded(check, surface, bridge, lane) for check, surface, bridge, lane in plan.excluded(checks.values())),
    ]
    aside = checks.keys() - {row.id for row in rows} if plan.narrows(target) else ()
    rows = waived(rows, waivers, today=datetime.now(UTC).date(), aside=aside)
    controls = tuple(_controls(results))
    verdict, profiles = judge(rows, claimed_profiles=claimed, controls=controls, focused=focused)
    return Report(
        suite=Suite(version=version(SUITE)),
        target=TargetInfo(
            name=target.name,
            version=target_version,
            claims=Claims(profiles=target.claims.profiles, features=target.claims.features),
        ),
        environment=environment(plan.lanes),
        started_at=started_at,
        seconds=round(seconds, 3),
        verdict=verdict,
        focused=focused,
        profiles=profiles,
        checks=tuple(sorted(rows, key=lambda row: (row.profile, row.id, str(row.case)))),
        controls=controls,
    )


def environment(lanes: Iterable[Lane] = ()) -> Environment:
    """What the run ran on: Python, platform, the SDKs that it drove, and the packages that added suites."""
    versions = {name: version(name) for name in _PACKAGES} | {lane.name: lane.version for lane in lanes}
    versions |= {extension.distribution: extension.version for extension in extensions()}
    return Environment.model_validate(
        {"python": platform.python_version(), "platform": platform.platform(), **versions}
    )


def _row(check: Check, result: Result, asked_for: str) -> CheckResult:
    return CheckResult(
        id=check.id,
        title=check.title,
        level=check.held.level,
        profile=check.profile_on(result.surface),
        feature=check.feature,
        case=Case(surface=result.surface, upstream=result.bridge or result.surface, driver=driver(result)),
        outcome=result.outcome,
        seconds=result.seconds,
        message=result.message,
        reproduce=_reproduce(check, result, asked_for),
        spec=check.held.url,
        evidence=result.evidence,
    )


def _reproduce(check: Check, result: Result, asked_for: str) -> str:
    lane = "" if result.lane == MAIN else f" --lane {result.lane}"
    return f"conformance certify {quote(asked_for)} --check {check.id}{lane}"


def driver(result: Result) -> str:
    """What drove the case: the SDK with its generation, and how it was called."""
    if result.mode == "http":
        return "http"
    client = client_of(result.surface, Mode(result.mode))
    lane = generation(client.package) if client and result.lane == MAIN else result.lane
    return f"{lane} {result.mode}"


def _untried(check: Check, surface: Surface, bridge: Surface | None, plan: Plan) -> CheckResult:
    case = Case(surface=surface, upstream=bridge or surface)
    unclaimed = f"the target does not claim the feature {check.feature}"
    claimed = check.feature in plan.features
    return _not_applicable(check, case, surface, plan.cannot[check.feature] if claimed else unclaimed)


def _excluded(check: Check, surface: Surface, bridge: Surface | None, lane: Lane) -> CheckResult:
    case = Case(surface=surface, upstream=bridge or surface, driver=lane.name)
    return _not_applicable(check, case, surface, f"{lane.name} cannot be asked: {lane.without[check.id]}")


def _not_applicable(check: Check, case: Case, surface: Surface, message: str) -> CheckResult:
    return CheckResult(
        id=check.id,
        title=check.title,
        level=check.held.level,
        profile=check.profile_on(surface),
        feature=check.feature,
        case=case,
        outcome="not-applicable",
        message=message,
        spec=check.held.url,
    )


def _controls(results: Iterable[Result]) -> Iterator[Control]:
    """One a check and lane: the direct lane at its worst, the faulty relay caught where any case caught it."""
    lanes: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if result.subject != TARGET:
            lanes.setdefault((result.subject, result.check), []).append(result)
    for (subject, check), cases in lanes.items():
        if subject == DIRECT:
            told = min(cases, key=lambda case: _WORST_FIRST.index(case.outcome))
            yield Control(name="direct", check=check, outcome=told.outcome, message=told.message)
        elif subject.startswith(FAULT):
            told = next((case for case in cases if case.outcome == "fail"), cases[0])
            yield Control(name="faulty", check=check, outcome=told.outcome, message=subject)
