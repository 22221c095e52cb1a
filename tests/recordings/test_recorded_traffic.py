"""Real provider traffic passes our gateway, and the two controls, unchanged on both sides."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from conformance.recordings import read_recordings
from conformance.recordings.across import HUB
from conformance.surface import CORE, PROVIDER_OF, Surface
from conformance.target import Missing, installed, load
from tests.absent import absent
from tests.recordings.samples import replayed, row

if TYPE_CHECKING:
    from pathlib import Path

    from reports import Report

EVERYTHING = {
    *((surface, surface) for surface in PROVIDER_OF if surface is not Surface.MISTRAL),
    *((client, provider) for client in HUB for provider in HUB),
    (Surface.OPENAI_CHAT, Surface.MISTRAL),
    (Surface.OPENAI_CHAT, Surface.AZURE_OPENAI),
}
PLAYED = ("reference", "relay", "nginx")


@pytest.fixture(scope="module", params=PLAYED)
def replay(
    request: pytest.FixtureRequest, recordings: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, Report, Path]:
    missing = installed(load(request.param))
    if isinstance(missing, Missing):
        absent(missing.reason)
    out = tmp_path_factory.mktemp(request.param)
    return *replayed(request.param, recordings, out), out


def test_all_of_it_passes(replay: tuple[int, Report, Path]) -> None:
    code, report, _ = replay
    assert [row.id + row.message for row in report.checks if row.outcome not in ("pass", "not-applicable")] == []
    assert (code, report.verdict) == (0, "conformant")
    assert {profile.name for profile in report.profiles} >= set(CORE)


def test_what_is_left_out_is_of_no_surface_or_of_none_that_is_served(replay: tuple[int, Report, Path]) -> None:
    excused = [row.message for row in replay[1].checks if row.outcome == "not-applicable"]
    reasons = ("no surface includes ", "the target has no model whose provider speaks the protocol of ")
    assert [message for message in excused if not message.startswith(reasons)] == []


def test_streams_pass_byte_for_byte(replay: tuple[int, Report, Path], recordings: Path) -> None:
    """Taken from the evidence, not from the judgement."""
    streams = [recording for recording in read_recordings(recordings, CORE) if recording.streams]
    assert len(streams) > 40
    for recording in streams:
        evidence = yaml.safe_load((replay[2] / row(replay[1], recording.id).evidence / "cassette.yaml").read_text())
        [interaction] = evidence["interactions"]
        assert interaction["response"]["body"]["string"].encode() == recording.answer.body


def test_the_upstream_received_what_was_recorded(replay: tuple[int, Report, Path], recordings: Path) -> None:
    for recording in read_recordings(recordings, [Surface.OPENAI_CHAT]):
        [call] = json.loads((replay[2] / row(replay[1], recording.id).evidence / "journal.json").read_text())
        assert recording.body is not None
        assert json.loads(call["body"]) == json.loads(recording.body)


def test_each_target_is_shown_on_all_that_it_speaks(replay: tuple[int, Report, Path]) -> None:
    report = replay[1]
    passed = {(row.case.surface, row.case.upstream) for row in report.checks if row.outcome == "pass"}
    assert passed >= (EVERYTHING if report.target.name == "reference" else {(surface, surface) for surface in CORE})


def test_the_controls_behaved(replay: tuple[int, Report, Path]) -> None:
    controls = replay[1].controls
    assert {control.check for control in controls} >= {f"replay/{surface}" for surface in CORE}
    assert all(control.behaved for control in controls)
