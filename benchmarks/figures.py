"""From samples to what is reported: medians, and ratios of what was measured in the same round."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.rounds import Figure, Sample
    from conformance.surface import Surface

Measure = Callable[["Sample"], float | None]


def value(sample: Sample) -> float | None:
    return sample.value


def processor_us(sample: Sample) -> float | None:
    return sample.processor_us


@dataclass(frozen=True)
class Spread:
    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self | None:
        """None of nothing."""
        known = list(values)
        return cls(statistics.median(known), min(known), max(known)) if known else None


@dataclass(frozen=True)
class Results:
    samples: tuple[Sample, ...]

    def by_round(self, lane: str, surface: Surface, figure: Figure, measure: Measure = value) -> dict[int, float]:
        chosen = (s for s in self.samples if (s.lane, s.surface, s.figure) == (lane, surface, figure))
        return {sample.round: seen for sample in chosen if (seen := measure(sample)) is not None}

    def spread(self, lane: str, surface: Surface, figure: Figure, measure: Measure = value) -> Spread | None:
        return Spread.of(self.by_round(lane, surface, figure, measure).values())

    def ratio(self, lane: str, to: str, surface: Surface, figure: Figure, measure: Measure = value) -> Spread | None:
        """Of the rounds in which both were measured; None where there is none."""
        ours, theirs = (self.by_round(name, surface, figure, measure) for name in (lane, to))
        return Spread.of(ours[number] / theirs[number] for number in ours if theirs.get(number))
