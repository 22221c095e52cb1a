"""The account of a replay: a report like any other run's."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from conformance.recordings.judging import Findings
from conformance.recordings.routes import unserved
from conformance.run.account import SUITE, environment
from conformance.run.stage import DIRECT
from reports import Case, CheckResult, Claims, Control, Report, Suite, TargetInfo, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.recordings.recording import Recording
    from conformance.recordings.replay import Played, Replayed
    from conformance.surface import Surface
    from conformance.target import Target
    from reports import Level


def report(target: Target, recordings: Sequence[Recording], replay: Replayed, repeat: str) -> Report:
    """Two rows a recording: what must hold, and the query and headers that should. `repeat` is the command line."""
    played = {each.recording.id: each for each in replay.played}
    rows = [row for recording in recordings for row in _rows(recording, played.get(recording.id), target, repeat)]
    controls = tuple(_controls(replay))
    judged = tuple(dict.fromkeys(each.recording.surface for each in replay.played))
    verdict, profiles = judge(rows, claimed_profiles=judged, controls=controls, focused=False)
    return Report(
        suite=Suite(version=version(SUITE)),
        target=TargetInfo(
            name=target.name,
            version=replay.version,
            claims=Claims(profiles=target.claims.profiles, features=target.claims.features),
        ),
        environment=environment(),
        started_at=replay.started_at,
        seconds=round(replay.seconds, 3),
        verdict=verdict,
        profiles=profiles,
        checks=tuple(sorted(rows, key=lambda row: (row.profile, row.id))),
        controls=controls,
        notes=("A replay of recorded traffic: it certifies nothing, and says whether this traffic passes unchanged.",),
    )


def _rows(recording: Recording, played: Played | None, target: Target, repeat: str) -> Iterator[CheckResult]:
    excuse = _excuse(recording, played, target)
    findings = played.findings if played else Findings()
    levels: tuple[tuple[Level, str, str, tuple[str, ...]], ...] = (
        ("must", "", "passes unchanged on both sides", findings.must),
        ("should", "/headers", "keeps its query and headers on both sides", findings.should),
    )
    for level, part, holds, found in levels:
        yield CheckResult(
            id=f"replay/{recording.id}{part}",
            title=f"recorded {recording.route} ({recording.answer.status}) {holds}",
            level=level,
            profile=recording.surface,
            case=Case(surface=recording.surface, upstream=recording.surface, driver="http"),
            outcome="not-applicable" if excuse else "fail" if found else "pass",
            seconds=played.seconds if played else 0.0,
            message=excuse or "\n".join(found),
            reproduce=repeat if found and not excuse else "",
            evidence=played.evidence if played else "",
        )


def _excuse(recording: Recording, played: Played | None, target: Target) -> str:
    """Why a recording does not count; "" where it does. One that passes always does."""
    if played is None:
        return f"the target does not serve {recording.surface} from a provider of that protocol"
    reason = unserved(recording, target)
    if reason is None or not played.findings.must:
        return ""
    if played.reached_the_provider or played.status is None:
        return f"{reason}; here: {played.findings.must[0]}"
    return f"{reason}; here: the target itself answered {played.status}"


def _controls(replay: Replayed) -> Iterator[Control]:
    """One a protocol and lane: the direct lane at its worst, a fault caught where any recording caught it."""
    for lane, played in replay.controls.items():
        for surface in dict.fromkeys(each.recording.surface for each in played):
            yield _control(lane, surface, [each for each in played if each.recording.surface == surface])


def _control(lane: str, surface: Surface, played: Sequence[Played]) -> Control:
    found = [f"{each.recording.id}: {each.findings.must[0]}" for each in played if each.findings.must]
    return Control(
        name="direct" if lane == DIRECT else "faulty",
        check=f"replay/{surface}",
        outcome="fail" if found else "pass",
        message=lane if lane != DIRECT else found[0] if found else "",
    )
