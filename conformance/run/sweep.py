"""The sweep: what is judged over a whole run, whatever the check at hand was about."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from conformance.ledger import ledger
from reports import CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.run.plan import Plan
    from conformance.run.results import Result

PROFILE, FEATURE = "isolation", "isolation"
CONNECTION = "connection"
TO_CLIENT, TO_UPSTREAM = "isolation/sweep/client-side", "isolation/sweep/upstream-side"
STAYS_UP = "connection/stays-up"
_SWEPT = {
    TO_CLIENT: ("provider-key-unseen", "no provider key came to a client in the whole run"),
    TO_UPSTREAM: ("client-key-stays", "no client key came to a provider in the whole run"),
    STAYS_UP: ("serves-throughout", "the gateway served to the end of the run"),
}
_PROVOKED = ("redirects-not-followed", "keys-stay-in-any-carrier", "keys-are-not-logged")
"""Requirements whose checks provoke a leak and judge it themselves, at a level of their own."""

_SHOWN = 5


def swept(results: Sequence[Result], asked_for: str, plan: Plan) -> Iterator[CheckResult]:
    """One row a side, where the run covers isolation as a whole."""
    if results and PROFILE in plan.profiles and FEATURE in plan.features and not plan.only:
        provoked = {check for name in _PROVOKED for check in ledger()[name].checks}
        results = [result for result in results if result.check not in provoked]
        yield _leaked(TO_CLIENT, [(r, leak) for r in results for leak in r.to_client], asked_for)
        yield _leaked(TO_UPSTREAM, [(r, leak) for r in results for leak in r.to_upstream], asked_for)


def stayed_up(results: Sequence[Result], ends: Sequence[str], asked_for: str, plan: Plan) -> Iterator[CheckResult]:
    """One row: `ends` tells how the gateway's process ended, each time that it did."""
    whole = results and CONNECTION in plan.profiles and not plan.only
    if not (ends or whole):
        return
    meanwhile = [result for result in results if result.ends]
    passed = _passed(STAYS_UP, CONNECTION if whole else min(plan.profiles), CONNECTION)
    yield _failed(passed, [*_obituary(ends, meanwhile)], meanwhile, asked_for) if ends else passed


def _leaked(check_id: str, leaks: list[tuple[Result, str]], asked_for: str) -> CheckResult:
    passed = _passed(check_id, PROFILE, FEATURE)
    return _failed(passed, [*_told(leaks)], [leaks[0][0]], asked_for) if leaks else passed


def _obituary(ends: Sequence[str], meanwhile: Sequence[Result]) -> Iterator[str]:
    for end in ends:
        during = sorted({result.check for result in meanwhile if end in result.ends})
        yield f"found: the gateway {end}"
        yield f"it ended during {' or '.join(during)}" if during else "no case failed of it"


def _told(leaks: list[tuple[Result, str]]) -> Iterator[str]:
    yield f"found: {len(leaks)} leaks"
    yield from (f"  {leak}, during {result.check}" for result, leak in leaks[:_SHOWN])
    if len(leaks) > _SHOWN:
        yield f"  and {len(leaks) - _SHOWN} more"


def _passed(check_id: str, profile: str, feature: str) -> CheckResult:
    requirement, title = _SWEPT[check_id]
    held = ledger()[requirement]
    return CheckResult(
        id=check_id, title=title, level=held.level, profile=profile, feature=feature, outcome="pass", spec=held.url
    )


def _failed(passed: CheckResult, found: list[str], during: Sequence[Result], asked_for: str) -> CheckResult:
    required = f"required: {ledger()[_SWEPT[passed.id][0]].text}"
    chosen = "".join(f" --check {check}" for check in sorted({result.check for result in during}))
    said = {
        "message": "\n".join([required, *found]),
        "reproduce": f"conformance certify {quote(asked_for)}{chosen}",
        "evidence": during[0].evidence if during else "",
    }
    return passed.model_copy(update={"outcome": "fail", **said})
