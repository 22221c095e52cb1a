"""`python -m benchmarks.key_lookup`: what verifying a key costs, with ten keys and with a million."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING

import click

from gateway.keys import INSERT, KeyStore, VirtualKey, digest_of, row_of

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = 20_000
ROUNDS = 5
KNOWN = 10


def filled(database: Path, count: int) -> list[str]:
    """Its first keys. In one transaction: minting each is not what is measured."""
    with KeyStore(database):
        pass
    keys = [f"gw-{os.urandom(32).hex()}" for _ in range(KNOWN)]
    names = [*keys, *(f"gw-{number}" for number in range(count - KNOWN))]
    rows = (row_of(VirtualKey(digest_of(name), "k", frozenset(), time.time(), None, None)) for name in names)
    db = sqlite3.connect(database)
    with db:
        db.executemany(INSERT, rows)
    db.close()
    return keys


def microseconds(store: KeyStore, tokens: list[str]) -> float:
    started = time.perf_counter()
    for token in tokens:
        store.find(token)
    return (time.perf_counter() - started) / len(tokens) * 1e6


def figures(database: Path, count: int) -> Iterator[float]:
    keys = filled(database, count)
    kinds = [keys * (CALLS // KNOWN)] * ROUNDS, [[f"gw-no-{number}" for number in range(CALLS)]] * ROUNDS
    rounds = range(ROUNDS if count > CALLS + KNOWN else 0)
    strangers = [[f"gw-{n}" for n in Random(each).sample(range(count - KNOWN), CALLS)] for each in rounds]  # noqa: S311 -- no secret
    with KeyStore(database) as store:
        for samples in (*kinds, strangers):
            yield median(microseconds(store, tokens) for tokens in samples) if samples else float("nan")


@click.command()
@click.option("--most", type=click.IntRange(KNOWN), default=1_000_000, show_default=True)
def main(most: int) -> None:
    """Microseconds a key: in use (cached), minted by nobody, and, with many keys, used for the first time."""
    click.echo(f"{'keys':>9}  {'in use':>8}  {'unknown':>8}  {'first':>8}")
    for count in (KNOWN, most):
        with tempfile.TemporaryDirectory() as directory:
            shown = (f"{each:>8.1f}" for each in figures(Path(directory) / "keys.sqlite3", count))
            click.echo(f"{count:>9}  {'  '.join(shown)}")


if __name__ == "__main__":
    main()
