"""The results for people, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmarks.figures import Measure, Results, Spread, processor_us, value
from benchmarks.rounds import FIGURES, Figure, Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from benchmarks.claims import Claim
    from conformance.surface import Surface

VERDICTS = {True: "holds", False: "MISSED", None: "not measured"}


def show(console: Console, results: Results, lanes: Sequence[str], surfaces: Sequence[Surface]) -> None:
    for surface in surfaces:
        console.print(table(f"{surface}", results, lanes, surface, value))
        console.print(
            table(f"{surface}: processor µs of the lane for each call", results, lanes, surface, processor_us)
        )


def table(title: str, results: Results, lanes: Sequence[str], surface: Surface, measure: Measure) -> Table:
    """Medians; below each, the median of its ratios to the bare relay in the same round, with lowest and highest."""
    columns = Table("", *(figure.name for figure in FIGURES), title=title, title_justify="left")
    for lane in lanes:
        columns.add_row(lane, *(cell(results, lane, surface, figure, measure) for figure in FIGURES))
    return columns


def cell(results: Results, lane: str, surface: Surface, figure: Figure, measure: Measure) -> str:
    spread = results.spread(lane, surface, figure, measure)
    if spread is None:
        return "-"
    ratio = results.ratio(lane, "relay", surface, figure, measure)
    return f"{number(spread.median)}\n{ratio_text(ratio)}" if ratio and lane != "relay" else number(spread.median)


def number(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"  # noqa: PLR2004 -- three digits are enough


def ratio_text(ratio: Spread) -> str:
    return f"{number(ratio.median)}x [{number(ratio.low)}-{number(ratio.high)}]"


def claim_line(claim: Claim) -> str:
    return f"{VERDICTS[claim.holds]:<12}  {claim.text}: {spread_text(claim.seen)}"


def aside_line(surface: Surface, seen: Spread | None) -> str:
    text = f"{surface}, time to first byte: (reference - relay) / (relay - direct)"
    return f"{'not judged':<12}  {text}: {spread_text(seen)}"


def spread_text(seen: Spread | None) -> str:
    return f"{seen.median:.2f} [{seen.low:.2f} to {seen.high:.2f}]" if seen else "-"


def as_json(samples: Iterable[Sample], claims: Iterable[Claim]) -> dict[str, Any]:
    rows = [{**asdict(sample), "figure": sample.figure.name} for sample in samples]
    return {"samples": rows, "claims": [asdict(claim) for claim in claims]}
