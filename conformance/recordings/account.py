"""The account of a replay: a report like any other run's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING

from conformance.recordings.meaning import readable
from conformance.recordings.plays import Way
from conformance.recordings.routes import Excuse, unserved
from conformance.run.account import SUITE, environment
from conformance.run.stage import DIRECT
from reports import Case, CheckResult, Claims, Control, Report, Suite, TargetInfo, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.recordings.plays import Played
    from conformance.recordings.recording import Recording
    from conformance.recordings.replay import Replayed
    from conformance.target import Target
    from reports import Level

ACROSS = "translation"
_CERTIFIES_NOTHING = "A replay of recorded traffic: it certifies nothing, and says whether this traffic passes."
_HOLDS = {
    "unchanged": "passes unchanged on both sides",
    "answer": "is read by a client of another protocol as its own would",
    "request": "asks a provider of another protocol for the same, or is refused by name",
}
_WAYS = {
    "answer": "Recorded answers at clients of other protocols (provider → client)",
    "request": "Recorded requests at providers of other protocols (client → provider)",
}
_OF_A_ROUTE = ("includes", "belongs to")


def report(target: Target, recordings: Sequence[Recording], replay: Replayed, repeat: str) -> Report:
    """Two rows a recording for what must hold and what should, and one for each translation that it goes through.

    `repeat` is the command line.
    """
    rows = [*_straight_rows(target, recordings, replay, repeat), *_bridged_rows(replay, repeat)]
    controls = tuple(_controls(replay))
    judged = dict.fromkeys(_profile(each.recording, each.way) for each in replay.played)
    verdict, profiles = judge(rows, claimed_profiles=tuple(judged), controls=controls, focused=False)
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
        notes=(_CERTIFIES_NOTHING, *_notes(target, recordings, replay)),
    )


def _straight_rows(
    target: Target, recordings: Sequence[Recording], replay: Replayed, repeat: str
) -> Iterator[CheckResult]:
    played = {each.recording.id: each for each in replay.played if each.way.part == "unchanged"}
    for recording in recordings:
        it = played.get(recording.id)
        way = Way("unchanged", recording.surface, recording.surface)
        row = _Row(recording, way, it, str(_excuse(recording, it, target) or ""), repeat)
        yield row.result("must", "", _HOLDS["unchanged"], it.findings.must if it else ())
        yield row.result("should", "/headers", "keeps its query and headers", it.findings.should if it else ())


def _bridged_rows(replay: Replayed, repeat: str) -> Iterator[CheckResult]:
    for it in (each for each in replay.played if each.way.part != "unchanged"):
        row = _Row(it.recording, it.way, it, "", repeat)
        yield row.result("must", f"/{it.way.part}", _HOLDS[it.way.part], it.findings.must)


@dataclass(frozen=True)
class _Row:
    """What the rows of one recording on one way have in common; `excuse` says why it does not count, if it does not."""

    recording: Recording
    way: Way
    played: Played | None
    excuse: str
    repeat: str

    def result(self, level: Level, part: str, holds: str, found: tuple[str, ...]) -> CheckResult:
        recording, played = self.recording, self.played
        return CheckResult(
            id=f"replay/{recording.id}{part}",
            title=f"recorded {recording.route} ({recording.answer.status}) {holds}",
            level=level,
            profile=_profile(recording, self.way),
            case=Case(surface=self.way.client, upstream=self.way.provider, driver=played.driver if played else "http"),
            outcome="not-applicable" if self.excuse else "fail" if found else "pass",
            seconds=played.seconds if played else 0.0,
            message=self.excuse or "\n".join(found),
            reproduce=self.repeat if found and not self.excuse else "",
            evidence=played.evidence if played else "",
        )


def _profile(recording: Recording, way: Way) -> str:
    return recording.protocol if way.part == "unchanged" else ACROSS


def _excuse(recording: Recording, played: Played | None, target: Target) -> Excuse | None:
    """Why a recording does not count; None where it does. One that passes always does."""
    if played is None:
        return Excuse("the target has no model whose provider speaks the protocol of", recording.protocol)
    reason = unserved(recording, target)
    if reason is None or not played.findings.must:
        return None
    seen = f"the target itself answered {played.status}"
    if played.reached_the_provider or played.status is None:
        seen = played.findings.must[0]
    return Excuse(reason.reason, f"{reason.detail}; here: {seen}")


def _notes(target: Target, recordings: Sequence[Recording], replay: Replayed) -> Iterator[str]:
    """How many passed on each way, and how many were left out for which reason."""
    across = [it for it in replay.played if it.way.part != "unchanged"]
    for part, said in _WAYS.items():
        ways = sorted({it.way for it in across if it.way.part == part}, key=str)
        if ways:
            yield f"{said}: {', '.join(_tally([it for it in across if it.way == way]) for way in ways)}."
    played = {each.recording.id: each for each in replay.played if each.way.part == "unchanged"}
    excuses = Counter(_reason(_excuse(each, played.get(each.id), target)) for each in recordings)
    if left_out := [f"{count} {reason}" for reason, count in excuses.most_common() if reason]:
        yield f"Left out, byte for byte: {', '.join(left_out)}."
    silent = Counter(each.protocol for each in recordings if not readable(each))
    if across and silent:
        silences = ", ".join(f"{protocol} {count}" for protocol, count in silent.items())
        yield f"Left out, translated, as they hold no answer in a form of the four protocols: {silences}."


def _tally(played: Sequence[Played]) -> str:
    way, passed = played[0].way, [it for it in played if not it.findings.must]
    refused = sum(it.status != HTTPStatus.OK for it in passed) if way.part == "request" else 0
    return f"{way} {len(passed)}/{len(played)}{f' ({refused} refused by name)' if refused else ''}"


def _reason(excuse: Excuse | None) -> str:
    return f"{excuse.reason} the route" if excuse and excuse.reason.endswith(_OF_A_ROUTE) else str(excuse or "")


def _controls(replay: Replayed) -> Iterator[Control]:
    """One a lane and what is judged: the direct lane at its worst, a fault caught where any recording caught it."""
    for lane, played in replay.controls.items():
        groups = dict.fromkeys(map(_judged, played))
        for group in groups:
            yield _control(lane, group, [each for each in played if _judged(each) == group])


def _judged(played: Played) -> str:
    return played.recording.surface if played.way.part == "unchanged" else f"{ACROSS}/{played.way.part}"


def _control(lane: str, group: str, played: Sequence[Played]) -> Control:
    found = [f"{each.recording.id}: {each.findings.must[0]}" for each in played if each.findings.must]
    return Control(
        name="direct" if lane == DIRECT else "faulty",
        check=f"replay/{group}",
        outcome="fail" if found else "pass",
        message=lane if lane != DIRECT else found[0] if found else "",
    )
