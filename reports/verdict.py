"""From rows to a verdict: pure, so that whoever holds the rows can derive it again.

Only a `must` decides. A row that is `not-observable` or `waived` leaves its claim unproven, so its profile is at
best `partial`; the same on a `should` changes nothing, or else not being seen would be worse than failing.
A misused waiver (expired, unknown, not needed, other failure) arrives as a row that fails.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from reports.model import FAILING, LEVELS, CheckResult, Control, Counts, Level, Outcome, ProfileResult, Report, Verdict

RAN: frozenset[Outcome] = frozenset({"pass", "fail", "flaky", "waived"})
UNPROVEN: frozenset[Outcome] = frozenset({"waived", "not-observable"})

# A proven failure stays proven however much else was not measured; what was not measured may hide one,
# so it is worse than what is known to hold but for a named exception.
BEST_TO_WORST: tuple[Verdict, ...] = ("conformant", "partial", "not-measured", "nonconformant")

CONTROLS_TOLD = 5
EXIT_CODES: dict[Verdict, int] = {"conformant": 0, "partial": 1, "nonconformant": 1, "not-measured": 3}


class Judgement(NamedTuple):
    verdict: Verdict
    profiles: tuple[ProfileResult, ...]


def judge(
    rows: Sequence[CheckResult], *, claimed_profiles: Sequence[str], controls: Sequence[Control], focused: bool
) -> Judgement:
    """The verdict over all claimed profiles, and over any other profile of which a row ran.

    A focused run is judged by what it ran: it needs no controls and owes no row to each claimed profile.
    """
    proven = not _control_faults(controls, focused=focused)
    profiles = tuple(
        _judge_profile(name, [row for row in rows if row.profile == name], proven=proven)
        for name in _judged_profiles(rows, () if focused else claimed_profiles)
    )
    verdicts = [profile.verdict for profile in profiles]
    return Judgement(max(verdicts, key=BEST_TO_WORST.index, default="not-measured"), profiles)


def exit_code(report: Report) -> int:
    """0 conformant, 1 partial or nonconformant, 3 not measured."""
    return EXIT_CODES[report.verdict]


def reasons(report: Report) -> list[str]:
    """Why the verdict is not `conformant`, in sentences; empty where it is."""
    return _control_faults(report.controls, focused=report.focused) or list(_profile_faults(report))


def _judged_profiles(rows: Iterable[CheckResult], claimed: Sequence[str]) -> list[str]:
    attempted = [row.profile for row in rows if row.outcome != "not-applicable"]
    return list(dict.fromkeys([*claimed, *attempted]))


def _control_faults(controls: Sequence[Control], *, focused: bool) -> list[str]:
    ran = {control.name for control in controls}
    missing = [] if focused else [name for name in ("direct", "faulty") if name not in ran]
    astray = [control for control in controls if not control.behaved]
    return [
        *(f"The {name} control did not run, so nothing proves the instruments." for name in missing),
        *(_misbehaviour(control) for control in astray[:CONTROLS_TOLD]),
        *([f"And {rest} more controls."] if (rest := len(astray) - CONTROLS_TOLD) > 0 else []),
    ]


def _misbehaviour(control: Control) -> str:
    where = "without a gateway" if control.name == "direct" else "through a relay with that very fault"
    detail = f": {control.message}" if control.message else "."
    return f"Control {control.name}: {control.check} came out as {control.outcome} {where}{detail}"


def _judge_profile(name: str, rows: Sequence[CheckResult], *, proven: bool) -> ProfileResult:
    """With unproven instruments no profile was measured, whatever its rows say."""
    counts = {level: _count(rows, level) for level in LEVELS}
    return ProfileResult(name=name, verdict=_profile_verdict(rows) if proven else "not-measured", **counts)


def _profile_verdict(rows: Sequence[CheckResult]) -> Verdict:
    musts = {row.outcome for row in rows if row.level == "must"}
    if musts & FAILING:
        return "nonconformant"
    if "error" in musts or not any(row.outcome in RAN for row in rows):
        return "not-measured"
    return "partial" if musts & UNPROVEN else "conformant"


def _count(rows: Iterable[CheckResult], level: Level) -> Counts:
    """Passes and failures always, whatever else occurred."""
    counts: Counts = {"pass": 0, "fail": 0}
    for row in rows:
        if row.level == level:
            counts[row.outcome] = counts.get(row.outcome, 0) + 1
    return counts


def _profile_faults(report: Report) -> Iterator[str]:
    if not report.profiles:
        yield "No check ran."
    for profile in report.profiles:
        if profile.verdict != "conformant":
            yield f"Profile {profile.name} is {profile.verdict}: {_profile_fault(profile)}."


def _profile_fault(profile: ProfileResult) -> str:
    decisive: dict[Verdict, tuple[Outcome, ...]] = {
        "nonconformant": ("fail", "flaky"),
        "not-measured": ("error",),
        "partial": ("waived", "not-observable"),
    }
    counted = [(profile.must.get(outcome, 0), outcome) for outcome in decisive.get(profile.verdict, ())]
    told = ", ".join(f"{number} {outcome}" for number, outcome in counted if number)
    return f"of its musts {told}" if told else "none of its checks ran"
