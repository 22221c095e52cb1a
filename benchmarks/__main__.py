"""`python -m benchmarks`: exit 1 when a claim is missed, 3 when a lane could not be measured."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console

from benchmarks import lanes
from benchmarks.claims import claims, first_byte_over_added
from benchmarks.exchanges import SURFACES
from benchmarks.figures import Results
from benchmarks.load import LoadFailedError
from benchmarks.rounds import FIGURES, samples
from benchmarks.table import as_json, aside_line, claim_line, show
from conformance.surface import Surface
from conformance.target import TargetNotStartedError

NAMES = [surface.value for surface in SURFACES]


@click.command()
@click.option("--rounds", type=click.IntRange(1, 50), default=5, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.2, 10), default=1.0, show_default=True, help="For each figure.")
@click.option("--surface", "surfaces", type=click.Choice(NAMES), multiple=True, default=NAMES, show_default=True)
@click.option("--lane", "named", type=click.Choice(list(lanes.TARGETS)), multiple=True, default=list(lanes.TARGETS))
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Every sample, and the claims.")
def main(rounds: int, seconds: float, surfaces: tuple[str, ...], named: tuple[str, ...], file: Path | None) -> None:
    """Gateways side by side in one run, in interleaved rounds, as ratios to a bare relay of the same round."""
    console = Console()
    absent = lanes.missing(named)
    for name, why in absent.items():
        console.print(f"{name} is not measured: {why}")
    present = [name for name in named if name not in absent]
    chosen = [Surface(surface) for surface in surfaces]
    try:
        results = measured(console, present, chosen, rounds, seconds)
    except (LoadFailedError, TargetNotStartedError) as error:
        console.print(f"not measured: {error}", markup=False)
        sys.exit(3)
    show(console, results, present, chosen)
    verdicts = list(claims(results, chosen))
    for claim in verdicts:
        console.print(claim_line(claim), markup=False, soft_wrap=True)
    for surface in chosen:
        console.print(aside_line(surface, first_byte_over_added(results, surface)), markup=False, soft_wrap=True)
    if file:
        file.write_text(json.dumps(as_json(results.samples, verdicts), indent=1), encoding="utf-8")
    sys.exit(any(claim.holds is False for claim in verdicts))


def measured(console: Console, names: list[str], surfaces: list[Surface], rounds: int, seconds: float) -> Results:
    total = rounds * len(surfaces) * len(FIGURES) * len(names)
    with tempfile.TemporaryDirectory() as root, lanes.running(names, Path(root).resolve()) as running:
        console.print(", ".join(f"{lane.name} {lane.version}" for lane in running))
        with console.status("") as status:
            taken = []
            for sample in samples(running, surfaces, rounds, seconds):
                taken.append(sample)
                status.update(f"{len(taken)} of {total}: {sample.lane}, {sample.surface}, {sample.figure.name}")
    return Results(tuple(taken))


if __name__ == "__main__":
    main()
