from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.exchanges import SURFACES
from benchmarks.lanes import DIRECT, TARGETS, Lane, asked_for, processor_seconds, running
from benchmarks.load import measure
from conformance.target import load
from tests.benchmarks.serving import job

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def lanes(tmp_path: Path) -> Iterator[list[Lane]]:
    with running([DIRECT, "relay"], tmp_path.resolve()) as started:
        yield started


async def test_the_bare_relay_passes_calls_to_the_upstream(lanes: list[Lane]) -> None:
    for lane in lanes:
        for surface in SURFACES:
            outcome = await measure(job(lane.urls[surface], surface=surface, streamed=True))
            assert outcome.calls


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
