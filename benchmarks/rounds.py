"""Rounds: every lane in turn, figure by figure, so that whatever the machine does meanwhile happens to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.load import Job, Outcome, run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from benchmarks.lanes import Lane
    from conformance.surface import Surface


@dataclass(frozen=True)
class Figure:
    """`first_byte`: what counts is not how many but how soon."""

    name: str
    streamed: bool
    connections: int
    first_byte: bool = False

    def of(self, outcome: Outcome) -> float:
        return outcome.first_byte * 1000 if self.first_byte else outcome.per_second


ONE_BY_ONE = Figure("calls/s, c=1", streamed=False, connections=1)
WHOLE = Figure("calls/s, c=32", streamed=False, connections=32)
STREAMS = Figure("streams/s, c=8", streamed=True, connections=8)
FIRST_BYTE = Figure("first byte ms, c=1", streamed=True, connections=1, first_byte=True)
FIGURES = (ONE_BY_ONE, WHOLE, STREAMS, FIRST_BYTE)


@dataclass(frozen=True)
class Sample:
    """One lane's figure in one round; `processor_us` is what its processes used for each call."""

    round: int
    lane: str
    surface: Surface
    figure: Figure
    value: float
    processor_us: float | None


def samples(lanes: Sequence[Lane], surfaces: Collection[Surface], rounds: int, seconds: float) -> Iterator[Sample]:
    """Each round starts with another lane."""
    for number in range(rounds):
        first = number % len(lanes)
        for surface in surfaces:
            for figure in FIGURES:
                for lane in (*lanes[first:], *lanes[:first]):
                    yield sample(number, lane, surface, figure, seconds)


def sample(number: int, lane: Lane, surface: Surface, figure: Figure, seconds: float) -> Sample:
    url, model = lane.urls[surface], lane.models[surface]
    job = Job(url, lane.key, model, surface, figure.streamed, figure.connections, seconds)
    before = lane.processor_seconds()
    outcome = run(job)
    after = lane.processor_seconds()
    used = None if before is None or after is None else (after - before) / outcome.made * 1e6
    return Sample(number, lane.name, surface, figure, figure.of(outcome), used)
