"""The account of a replay: a report like any other run's."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from conformance.recordings.replay import Played, Replayed, evidence_of
from conformance.recordings.routes import unserved
from conformance.run.account import SUITE, environment
from conformance.run.stage import DIRECT
from reports import Case, CheckResult, Claims, Control, Report, Suite, TargetInfo, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.recordings.recording import Recording
    from conformance.target import Target
    from reports import Level, Outcome


def report(target: Target, recordings: Sequence[Recording], replay: Replayed, repeat: str) -> Report:
    """Two rows a recording: what must hold, and the query and headers that should. `repeat` is the command line."""
    played = {each.recording.id: each for each in replay.played}
    rows = [row for r in recordings for row in _rows(r, played.get(r.id), target, repeat)]
    controls = tuple(_controls(replay))
    claimed = [
        s for s in dict.fromkeys(r.surface for r in recordings) if any(p.recording.surface == s for p in replay.played)
    ]
    verdict, profiles = judge(rows, claimed_profiles=claimed, controls=controls, focused=False)
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
    excused = unserved(recording, target)
    if played is None:
        excused = f"the target does not serve {recording.surface} from a provider of that protocol"
    elif excused is not None and played.findings.must:
        excused = f"{excused}; here: {_said(played)}"
    else:
        excused = None
    for level, found in _findings(played):
        failing = "\n".join(found)
        yield CheckResult(
            id=f"replay/{recording.id}" + ("" if level == "must" else "/headers"),
            title=_title(recording, level),
            level=level,
            profile=recording.surface,
            case=Case(surface=recording.surface, upstream=recording.surface, driver="http"),
            outcome="not-applicable" if excused else "fail" if found else "pass",
            seconds=played.seconds if played else 0.0,
            message=excused or failing,
            reproduce=repeat if found and not excused else "",
            evidence=evidence_of(recording) if played else "",
        )


def _findings(played: Played | None) -> tuple[tuple[Level, tuple[str, ...]], ...]:
    return (("must", played.findings.must if played else ()), ("should", played.findings.should if played else ()))


def _title(recording: Recording, level: Level) -> str:
    what = "passes unchanged on both sides" if level == "must" else "keeps its query and headers on both sides"
    return f"recorded {recording.route} ({recording.answer.status}) {what}"


def _said(played: Played) -> str:
    if played.reached_the_provider or played.status is None:
        return played.findings.must[0]
    return f"the target itself answered {played.status}"


def _controls(replay: Replayed) -> Iterator[Control]:
    """One a protocol and lane: the direct lane at its worst, a fault caught where any recording caught it."""
    for lane, played in replay.controls.items():
        for surface in dict.fromkeys(each.recording.surface for each in played):
            found = [
                f"{p.recording.id}: {p.findings.must[0]}"
                for p in played
                if p.recording.surface == surface and p.findings.must
            ]
            outcome: Outcome = "fail" if found else "pass"
            direct = lane == DIRECT
            message = (found[0] if found else "") if direct else lane
            yield Control(
                name="direct" if direct else "faulty", check=f"replay/{surface}", outcome=outcome, message=message
            )
