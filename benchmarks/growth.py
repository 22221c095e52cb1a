"""`python -m benchmarks.growth [TARGET]`: how a certification's time grows with the number of its checks.

A quarter of the checks, half of them, three quarters and all, picked evenly over the catalogue, in interleaved rounds.
Linear growth means that each further case costs what the one before it did: the ratio in the last line is about 1.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import click

from conformance.catalogue import load_suites
from reports import read

QUARTERS = (1, 2, 3, 4)


class Sample(NamedTuple):
    """Cases of the target (their controls grow with them), and the seconds of the whole command."""

    cases: int
    seconds: float


@click.command()
@click.argument("target", default="reference")
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True)
def main(target: str, rounds: int) -> None:
    """Certify TARGET with more and more of its checks."""
    samples: dict[int, list[Sample]] = {quarters: [] for quarters in QUARTERS}
    for _ in range(rounds):
        for quarters in QUARTERS:
            samples[quarters].append(measured(target, quarters))
    typical = {quarters: Sample(*map(median, zip(*taken, strict=True))) for quarters, taken in samples.items()}
    for quarters, sample in typical.items():
        click.echo(f"{quarters}/4 of the checks: {sample.cases:5.0f} cases {sample.seconds:6.1f} s")
    click.echo(f"a case of the second half costs {bend(typical):.2f} times what one of the first half does")


def measured(target: str, quarters: int) -> Sample:
    chosen = [name for place, name in enumerate(sorted(load_suites())) if place % 4 < quarters]
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "conformance", "certify", target, "-n", "2", "--quiet", "--out", out]
        started = perf_counter()
        done = subprocess.run([*command, *(f"--check={name}" for name in chosen)], capture_output=True, check=False)
        seconds = perf_counter() - started
        if done.returncode not in {0, 1}:
            raise click.ClickException(done.stderr.decode(errors="replace"))
        report = read(Path(out))
        return Sample(len(report.checks), seconds)


def bend(typical: dict[int, Sample]) -> float:
    """The slope between half and all, over the slope between a quarter and half."""

    def slope(fewer: Sample, more: Sample) -> float:
        return (more.seconds - fewer.seconds) / (more.cases - fewer.cases)

    return slope(typical[2], typical[4]) / slope(typical[1], typical[2])


if __name__ == "__main__":
    main()
