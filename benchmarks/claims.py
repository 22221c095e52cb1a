"""What we say about the reference gateway's speed, held against one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.figures import Results, Spread
from benchmarks.lanes import LIMITED
from benchmarks.rounds import FIRST_BYTE, STREAMS, WHOLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from conformance.surface import Surface

LEAST_OF_RELAY = {"reference": 0.70, LIMITED: 0.65}
MOST_ADDED = 0.5  # of the bare relay's own time to first byte
LEAST_TIMES_LITELLM = 25


@dataclass(frozen=True)
class Claim:
    """`seen` is the median of the rounds' ratios, with the lowest and the highest; None: it was not measured."""

    text: str
    seen: Spread | None
    holds: bool | None


def claims(results: Results, surfaces: Collection[Surface]) -> Iterator[Claim]:
    for surface in surfaces:
        for figure in (WHOLE, STREAMS):
            for lane, least in LEAST_OF_RELAY.items():
                seen = results.ratio(lane, "relay", surface, figure)
                yield at_least(least, seen, f"{surface}, {figure.name}: {lane} / relay")
        yield first_byte(results, surface)
        for figure in (WHOLE, STREAMS):
            seen = results.ratio("reference", "litellm", surface, figure)
            yield at_least(LEAST_TIMES_LITELLM, seen, f"{surface}, {figure.name}: reference / litellm")


def at_least(bound: float, seen: Spread | None, what: str) -> Claim:
    return Claim(f"{what} ≥ {bound:g}", seen, seen.median >= bound if seen else None)


def first_byte(results: Results, surface: Surface) -> Claim:
    """What the gateway adds to the relay's time, as a share of the relay's time."""
    ratio = results.ratio("reference", "relay", surface, FIRST_BYTE)
    added = Spread(ratio.median - 1, ratio.low - 1, ratio.high - 1) if ratio else None
    text = f"{surface}, time to first byte: (reference - relay) / relay ≤ {MOST_ADDED:g}"
    return Claim(text, added, added.median <= MOST_ADDED if added else None)


def first_byte_over_added(results: Results, surface: Surface) -> Spread | None:
    """The same as a share of what the relay adds to no gateway at all: shown, and not judged."""
    reference, relay, direct = (
        results.by_round(lane, surface, FIRST_BYTE) for lane in ("reference", "relay", "direct")
    )
    rounds = [number for number in relay if number in reference and relay[number] > direct.get(number, relay[number])]
    return Spread.of((reference[n] - relay[n]) / (relay[n] - direct[n]) for n in rounds)
