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
TO_CLIENT, TO_UPSTREAM = "isolation/sweep/client-side", "isolation/sweep/upstream-side"
STAYS_UP = "connection/stays-up"
_SWEPT = {
    TO_CLIENT: ("provider-key-unseen", "no provider key came to a client in the whole run"),
    TO_UPSTREAM: ("client-key-stays", "no client key came to a provider in the whole run"),
    STAYS_UP: ("serves-throughout", "the gateway served to the end of the run"),
}
_PROVOKED = ("redirects-not-followed", "keys-stay-in-any-carrier")
"""Requirements whose checks provoke a leak and judge it themselves, at a level of their own."""

_SHOWN = 5


def swept(results: Sequence[Result], asked_for: str, plan: Plan) -> Iterator[CheckResult]:
    """One row a side, where the run covers isolation as a whole."""
    if results and PROFILE in plan.profiles and FEATURE in plan.features and not plan.only:
        provoked = {check for name in _PROVOKED for check in ledger()[name].checks}
        results = [result for result in results if result.check not in provoked]
        yield _row(TO_CLIENT, [(r, leak) for r in results for leak in r.to_client], asked_for)
        yield _row(TO_UPSTREAM, [(r, leak) for r in results for leak in r.to_upstream], asked_for)


def stayed_up(results: Sequence[Result], ends: Sequence[str], asked_for: str, plan: Plan) -> Iterator[CheckResult]:
    """One row: `ends` tells how the gateway's process ended, each time that it did."""
    whole = results and "connection" in plan.profiles and not plan.only
    if not (ends or whole):
        return
    held = ledger()[_SWEPT[STAYS_UP][0]]
    meanwhile = [result for result in results if result.ends]
    yield CheckResult(
        id=STAYS_UP,
        title=_SWEPT[STAYS_UP][1],
        level=held.level,
        profile="connection" if whole else min(plan.profiles),
        feature="connection",
        outcome="fail" if ends else "pass",
        message="\n".join([f"required: {held.text}", *_obituary(ends, meanwhile)]) if ends else "",
        reproduce=_reproduce(meanwhile, asked_for) if ends else "",
        spec=held.url,
        evidence=meanwhile[0].evidence if meanwhile else "",
    )


def _obituary(ends: Sequence[str], meanwhile: Sequence[Result]) -> Iterator[str]:
    for end in ends:
        during = sorted({result.check for result in meanwhile if end in result.ends})
        yield f"found: the gateway {end}"
        yield f"it ended during {' or '.join(during)}" if during else "no case failed of it"


def _reproduce(meanwhile: Sequence[Result], asked_for: str) -> str:
    chosen = "".join(f" --check {check}" for check in sorted({result.check for result in meanwhile}))
    return f"conformance certify {quote(asked_for)}{chosen}"


def _row(check_id: str, leaks: list[tuple[Result, str]], asked_for: str) -> CheckResult:
    requirement, title = _SWEPT[check_id]
    held = ledger()[requirement]
    return CheckResult(
        id=check_id,
        title=title,
        level=held.level,
        profile=PROFILE,
        feature=FEATURE,
        outcome="fail" if leaks else "pass",
        message=_message(held.text, leaks),
        reproduce=f"conformance certify {quote(asked_for)} --check {leaks[0][0].check}" if leaks else "",
        spec=held.url,
        evidence=leaks[0][0].evidence if leaks else "",
    )


def _message(required: str, leaks: list[tuple[Result, str]]) -> str:
    if not leaks:
        return ""
    shown = [f"  {leak}, during {result.check}" for result, leak in leaks[:_SHOWN]]
    more = [f"  and {len(leaks) - _SHOWN} more"] if len(leaks) > _SHOWN else []
    return "\n".join([f"required: {required}", f"found: {len(leaks)} leaks", *shown, *more])
