from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from benchmarks.exchanges import PATHS, SURFACES, asked, credentials
from benchmarks.lanes import DIRECT, LIMITED, NEVER_REACHED, TARGETS, Lane, asked_for, processor_seconds, running
from benchmarks.load import measure
from conformance.target import load
from tests.benchmarks.serving import job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.surface import Surface


@pytest.fixture
def lanes(tmp_path: Path) -> Iterator[list[Lane]]:
    with running([DIRECT, "relay"], tmp_path.resolve()) as started:
        yield started


async def test_the_bare_relay_passes_calls_to_the_upstream(lanes: list[Lane]) -> None:
    for lane in lanes:
        for surface in SURFACES:
            outcome = await measure(job(lane.urls[surface], surface=surface, streamed=True))
            assert outcome.calls


@pytest.mark.parametrize("surface", SURFACES)
def test_the_limited_lane_counts_against_every_limit(tmp_path: Path, surface: Surface) -> None:
    with running([DIRECT, LIMITED], tmp_path.resolve()) as (_, limited):
        told = httpx2.post(
            limited.urls[surface] + PATHS[surface],
            headers=credentials(surface, limited.key),
            json=asked(surface, limited.models[surface], streamed=False),
            trust_env=False,
        )
    spent = sqlite3.connect(tmp_path / LIMITED / "keys.sqlite3").execute("SELECT * FROM spend").fetchall()
    assert {str(NEVER_REACHED[name]) for name in ("requests_per_minute", "tokens_per_minute")} <= set(
        told.headers.values()
    )
    assert spent


def test_every_lane_serves_what_is_measured() -> None:
    for name in TARGETS.values():
        assert set(SURFACES) <= set(load(name).surfaces)


def test_what_is_measured_is_passing_through_and_no_translation() -> None:
    for name in TARGETS.values():
        target = load(name)
        asked = asked_for(target)
        assert set(SURFACES) <= set(asked)
        for surface, model in asked.items():
            assert {m.upstream for m in target.models if m.name == model and surface in m.surfaces} == {surface}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_processor_time_is_that_of_the_processes_in_a_directory(tmp_path: Path) -> None:
    assert processor_seconds(tmp_path) is None
    sum(number * number for number in range(1_000_000))
    assert (processor_seconds(Path.cwd()) or 0) > 0
