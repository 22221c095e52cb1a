"""Recorded traffic through a target: byte for byte where client and provider speak one protocol, else by meaning.

A recorded body holds no case token and none is put into it: replays run one at a time, and the upstream answers
whatever comes. Each recording goes first straight to the upstream, which must be faultless, and some through relays
with a fault, which must show.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from time import monotonic
from typing import TYPE_CHECKING

import anyio

from conformance.recordings.across import HUB, Across, ways_of
from conformance.recordings.meaning import readable
from conformance.recordings.plays import Played, Way, lost, unsent
from conformance.recordings.routes import unserved
from conformance.recordings.unchanged import Unchanged
from conformance.run.stage import DIRECT, FAULT, TARGET
from conformance.run.staging import staged
from conformance.surface import Surface
from conformance.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from conformance.recordings.plays import Part
    from conformance.recordings.recording import Recording
    from conformance.run.stage import Stage
    from conformance.target import Target

    Watch = Callable[[str, Played], None]

FAULTS = {
    "injects-field": tuple(Surface),
    "rewrites-answer-id": tuple(surface for surface in Surface if surface is not Surface.GEMINI),
    "loses-gemini-usage": (Surface.GEMINI,),
}
"""Relays that no replay may let pass, one for each direction, and the surfaces on which they do wrong."""

FAULTS_ACROSS: dict[Part, tuple[str, Callable[[Recording], bool]]] = {
    "answer": ("loses-usage", lambda it: b'"usage":{' in it.answer.body),
    "request": ("drops-instructions", lambda it: b'"system"' in (it.body or b"")),
}
"""The same for what is judged by its meaning, and the recordings at which they do wrong."""

_SAMPLE = 8


@dataclass(frozen=True)
class Replayed:
    """A whole replay: at the target, and the controls by lane."""

    version: str
    played: tuple[Played, ...]
    controls: dict[str, tuple[Played, ...]]
    started_at: datetime
    seconds: float


def replayed(target: Target, recordings: Sequence[Recording], out: Path, *, watch: Watch) -> Replayed:
    """Play every recording that the target has a surface for; raises what kept it from starting."""
    started_at, clock = datetime.now(UTC), monotonic()
    with staged(target, out) as (stage, running):
        assert running is not None, "a stage with a target runs it"
        lanes = anyio.run(_lanes, stage, target, recordings, watch)
        return Replayed(running.version, lanes.pop(TARGET), lanes, started_at, monotonic() - clock)


async def _lanes(
    stage: Stage, target: Target, recordings: Sequence[Recording], watch: Watch
) -> dict[str, tuple[Played, ...]]:
    async with Upstream(stage.upstream) as upstream:
        run = _Run(stage, upstream, target, watch)
        bridged = [(each, way) for each in recordings for way in ways_of(each, stage.subjects[TARGET])]
        served = [each for each in recordings if run.serves(each)]
        proven = [each for each in served if unserved(each, None) is None]
        told = [each for each in proven if bridged and each.surface in HUB and readable(each)]
        lanes = {DIRECT: [*await run.unchanged(DIRECT, proven), *await run.across(DIRECT, _at_home("answer", told))]}
        for fault, surfaces in FAULTS.items():
            shown = [each for each in _sample(proven) if each.surface in surfaces]
            lanes[FAULT + fault] = await run.unchanged(FAULT + fault, shown)
        for part, (fault, shows) in FAULTS_ACROSS.items():
            shown = _sample([each for each in told if shows(each)])
            lanes[FAULT + fault] = await run.across(FAULT + fault, _at_home(part, shown))
        lanes[TARGET] = [*await run.unchanged(TARGET, served), *await run.across(TARGET, bridged)]
    return {lane: tuple(played) for lane, played in lanes.items()}


def _at_home(part: Part, recordings: Sequence[Recording]) -> list[tuple[Recording, Way]]:
    """What is judged by its meaning, where nothing is translated."""
    return [(each, Way(part, each.surface, each.surface)) for each in recordings]


def _sample(recordings: Sequence[Recording]) -> list[Recording]:
    """Enough of each protocol for a fault to show."""
    return [each for _, alike in groupby(recordings, key=lambda it: it.protocol) for each in islice(alike, _SAMPLE)]


@dataclass(frozen=True)
class _Run:
    """Sends recordings to subjects, one after the other; one that answers nothing any more is not waited for."""

    stage: Stage
    upstream: Upstream
    target: Target
    watch: Watch

    def serves(self, recording: Recording) -> bool:
        return recording.surface in self.stage.subjects[TARGET].doors

    async def unchanged(self, lane: str, recordings: Sequence[Recording]) -> list[Played]:
        renames = lane == TARGET and not self.target.any_model
        player = Unchanged(self.stage, self.stage.subjects[lane], self.upstream, renames)
        played: list[Played] = []
        for recording in recordings:
            played.append(unsent(recording, player.way(recording)) if lost(played) else await player.play(recording))
            self.watch(lane, played[-1])
        return played

    async def across(self, lane: str, ways: Sequence[tuple[Recording, Way]]) -> list[Played]:
        player = Across(self.stage, self.stage.subjects[lane], self.upstream)
        played: list[Played] = []
        for recording, way in ways:
            played.append(unsent(recording, way) if lost(played) else await player.play(recording, way))
            self.watch(lane, played[-1])
        await player.aclose()
        return played
