"""Recorded traffic through translations: what passes, and what a gateway that translates nothing makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from conformance.target.loading import BUILTIN
from tests.recordings.samples import exchange, replayed, stored, streamed

if TYPE_CHECKING:
    from reports import CheckResult, Report

CLIENTS = ["anthropic-messages", "gemini", "openai-responses"]
CLAIM = (
    '[[target.models]]\nname = "claimed"\nupstream = "openai-chat"\nsurfaces = ["openai-responses"]\n\n[target.claims]'
)
REQUEST_CLAIM = (
    '[[target.models]]\nname = "claimed"\nupstream = "openai-responses"\nsurfaces = ["openai-chat"]\n\n[target.claims]'
)


def rows(report: Report, name: str) -> list[CheckResult]:
    return sorted((row for row in report.checks if row.id == f"replay/{name}"), key=lambda row: str(row.case))


def claiming(directory: Path, claim: str) -> Path:
    """The relay, which translates nothing, under a claim that it does."""
    text = BUILTIN["relay"].read_text(encoding="utf-8").replace("{here}/../../..", str(Path.cwd()))
    path = directory / "claiming.toml"
    path.write_text(text.replace("[target.claims]", claim), encoding="utf-8")
    return path


def test_an_answer_goes_to_the_clients_of_all_other_protocols(tmp_path: Path) -> None:
    recorded = stored(tmp_path / "recorded", exchange("whole"), streamed("stream"))
    code, report = replayed("reference", recorded, tmp_path / "out")
    assert (code, report.verdict) == (0, "conformant")
    for name, driver in (("whole", "async"), ("stream", "async-stream")):
        found = rows(report, f"{name}/answer")
        assert [row.case.surface for row in found] == CLIENTS
        assert {(row.outcome, row.case.driver, row.profile) for row in found} == {("pass", driver, "translation")}
    assert any("openai-chat → gemini 2/2" in note for note in report.notes)


def test_a_request_goes_to_the_providers_of_all_other_protocols(tmp_path: Path) -> None:
    _, report = replayed("reference", stored(tmp_path / "recorded", exchange("whole")), tmp_path / "out")
    found = rows(report, "whole/request")
    assert [row.case.upstream for row in found] == sorted([*CLIENTS, "azure-openai", "mistral"])
    assert {row.outcome for row in found} == {"pass"}


def test_what_the_client_cannot_read_is_a_failure_with_its_evidence(tmp_path: Path) -> None:
    recorded = stored(tmp_path / "recorded", exchange("whole"))
    code, report = replayed(claiming(tmp_path, CLAIM), recorded, tmp_path / "out")
    [row] = rows(report, "whole/answer")
    assert (code, row.outcome) == (1, "fail")
    assert "the client failed: " in row.message
    assert (tmp_path / "out" / row.evidence / "cassette.yaml").is_file()


def test_what_reaches_another_provider_is_a_failure(tmp_path: Path) -> None:
    recorded = stored(tmp_path / "recorded", exchange("whole"))
    _, report = replayed(claiming(tmp_path, REQUEST_CLAIM), recorded, tmp_path / "out")
    [row] = rows(report, "whole/request")
    assert (row.outcome, row.message) == ("fail", "the upstream was asked in openai-chat")


def test_what_holds_no_answer_is_not_translated(tmp_path: Path) -> None:
    recorded = stored(tmp_path / "recorded", exchange("whole"), streamed("odd", "data: {not json\n\n"))
    _, report = replayed("reference", recorded, tmp_path / "out")
    assert rows(report, "odd/answer") == []
    assert any(note.endswith("no answer in a form of the four protocols: openai-chat 1.") for note in report.notes)
