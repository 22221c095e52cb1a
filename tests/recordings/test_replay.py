"""`conformance replay`: what it catches, what it excuses, and what it makes of broken input."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from conformance.recordings import replay as replay_module
from conformance.recordings import unchanged
from reports import read
from tests.recordings.samples import (
    STREAM,
    elsewhere,
    exchange,
    faulty_target,
    renaming_target,
    replayed,
    row,
    run,
    stored,
    streamed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conformance.recordings import Recording
    from conformance.recordings.plays import Played

SILENT = """
[target]
name = "silent"
version = "1"
any_model = true
surfaces = { openai-chat = "http://{address}/v1" }
auth = { key = "sk-of-the-client-of-a-silent-gateway" }
models = [{ name = "m", upstream = "openai-chat", surfaces = ["openai-chat"] }]
claims = { profiles = ["openai-chat"] }
"""


@pytest.mark.parametrize(
    ("fault", "which", "found"),
    [
        ("injects-field", "whole", "the request body at the upstream: added temperature = "),
        ("rewrites-answer-id", "whole", "the answer at the client: changed id: "),
        ("renames-model-upstream", "whole", "the request body at the upstream: changed model: "),
        ("rewrites-answer-id", "stream", "the answer at the client: "),
        ("loses-stop-event", "stream", "the answer at the client: "),
        ("leaks-provider-key-in-answers", "whole", "leaked: openai key "),
    ],
)
def test_a_change_of_what_must_stay_is_a_failure(tmp_path: Path, fault: str, which: str, found: str) -> None:
    recorded = stored(tmp_path / "recorded", exchange("whole"), streamed("stream"))
    code, report = replayed(faulty_target(tmp_path, fault), recorded, tmp_path / "out")
    assert (code, report.verdict) == (1, "nonconformant")
    failed = row(report, which)
    assert failed.outcome == "fail"
    assert found in failed.message
    assert failed.reproduce.startswith("conformance replay ")
    assert (tmp_path / "out" / failed.evidence / "cassette.yaml").is_file()


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("drops-query", "the upstream received the query '' in place of 'beta=true&x=%C3%A7'"),
        ("hides-user-agent", "the upstream got user-agent: "),
        ("drops-openai-headers", "the upstream got no openai-beta"),
        ("answers-own-headers-only", "the client got no x-ratelimit-limit-tokens"),
    ],
)
def test_a_lost_header_is_told_and_does_not_decide(tmp_path: Path, fault: str, found: str) -> None:
    request = {
        "url": "https://api.openai.com/v1/chat/completions?beta=true&x=%C3%A7",
        "headers": {"user-agent": "OpenAI/Ruby 1", "openai-beta": "x=1"},
    }
    response = {"headers": {"content-type": "application/json", "x-ratelimit-limit-tokens": "12"}}
    recorded = stored(tmp_path / "recorded", exchange("whole", request=request, response=response))
    code, report = replayed(faulty_target(tmp_path, fault), recorded, tmp_path / "out")
    assert (code, report.verdict) == (0, "conformant")
    assert row(report, "whole").outcome == "pass"
    assert found in row(report, "whole/headers").message


def test_a_route_of_no_surface_counts_only_where_it_passes(tmp_path: Path) -> None:
    recorded = stored(tmp_path / "recorded", exchange("whole"), elsewhere("elsewhere"))
    _, through_reference = replayed("reference", recorded, tmp_path / "reference")
    excused = row(through_reference, "elsewhere")
    assert excused.outcome == "not-applicable"
    assert "no surface includes GET /v1/unheard-of/1; here: the target itself answered 404" in excused.message
    _, through_relay = replayed("relay", recorded, tmp_path / "relay")
    assert row(through_relay, "elsewhere").outcome == "pass"


def test_a_target_that_knows_its_models_is_asked_for_one_of_them(tmp_path: Path) -> None:
    recorded = stored(tmp_path / "recorded", exchange("whole"), streamed("stream"))
    code, report = replayed(renaming_target(tmp_path), recorded, tmp_path / "out")
    assert (code, report.verdict) == (0, "conformant")
    journal = (tmp_path / "out" / row(report, "whole").evidence / "journal.json").read_text()
    assert "gpt-5-mini" in journal
    assert "gpt-4.1-nano\\" not in journal.split('"response"')[0]


def test_a_protocol_that_the_target_does_not_serve_is_not_judged(tmp_path: Path) -> None:
    path = renaming_target(tmp_path)
    text = path.read_text()
    served = '[[target.models]]\nname = "gpt-5-mini"\nupstream = "openai-chat"\nsurfaces = ["openai-chat"]\n'
    chat = 'openai-chat = "http://127.0.0.1:{port}/v1"\n'
    assert served in text
    assert chat in text
    path.write_text(text.replace(served, "").replace(chat, ""))
    code, report = replayed(path, stored(tmp_path / "recorded", exchange("whole")), tmp_path / "out")
    assert row(report, "whole").outcome == "not-applicable"
    assert row(report, "whole").message.endswith("no model whose provider speaks the protocol of openai-chat")
    assert (code, report.verdict) == (3, "not-measured")


def test_without_its_faulty_controls_nothing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "FAULTS", {})
    code, report = replayed("relay", stored(tmp_path / "recorded", exchange("whole")), tmp_path / "out")
    assert (code, report.verdict) == (3, "not-measured")


class _Silent(BaseHTTPRequestHandler):
    """Ready, and then never heard of again."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        pass


@pytest.fixture
def silent_target(tmp_path: Path) -> Iterator[Path]:
    """A gateway that already runs, and answers no call."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Silent) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever).start()
        path = tmp_path / "silent.toml"
        path.write_text(SILENT.replace("{address}", f"127.0.0.1:{server.server_port}"))
        yield path
        server.shutdown()


def test_a_target_that_hangs_is_not_waited_for_to_the_end(
    silent_target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = unchanged.Unchanged.play

    async def impatient(self: unchanged.Unchanged, recording: Recording) -> Played:
        if self.subject.is_target:  # and nobody else: the controls may have to wait for a busy machine
            monkeypatch.setattr(unchanged, "_DEADLINE", 1)
        return await play(self, recording)

    monkeypatch.setattr(unchanged.Unchanged, "play", impatient)
    recorded = stored(tmp_path / "recorded", *(exchange(name) for name in "abcde"))
    code, report = replayed(silent_target, recorded, tmp_path / "out")
    assert (code, report.verdict) == (1, "nonconformant")
    messages = [row(report, name).message for name in "abcde"]
    assert (
        messages == ["no complete answer within 1 s"] * 3 + ["not sent: 3 calls before it got no complete answer"] * 2
    )


def test_a_recording_that_reads_like_a_case_token_disturbs_nothing(tmp_path: Path) -> None:
    said = exchange("whole", request={"body": {"model": "m", "messages": [], "user": "case-0123456789ab"}})
    code, _ = replayed("relay", stored(tmp_path / "recorded", said), tmp_path / "out")
    assert code == 0


def test_nothing_of_a_stream_that_is_no_json_is_lost(tmp_path: Path) -> None:
    odd = ": comment\r\n\r\nevent: x\r\ndata: {not json\r\n\r\n" + STREAM + "no end"
    code, _ = replayed("reference", stored(tmp_path / "recorded", streamed("stream", odd)), tmp_path / "out")
    assert code == 0


def test_the_directory_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = stored(tmp_path / "recorded", exchange("whole"))
    monkeypatch.setenv("CONFORMANCE_RECORDINGS", str(recorded))
    result = run("replay", "relay", "--protocol", "openai-chat", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "✓ openai-chat" in result.output


def test_a_truncated_recording_is_named_and_no_report_is_lost(tmp_path: Path) -> None:
    out, recorded = tmp_path / "out", stored(tmp_path / "recorded", exchange("good"), exchange("cut"))
    replayed("relay", recorded, out)
    before = read(out)
    cut = recorded / "openai-chat" / "cut.json"
    cut.write_bytes(cut.read_bytes()[:200])
    result = run("replay", "relay", "--recordings", recorded, "--out", out)
    assert result.exit_code == 2
    assert f"{cut}: not JSON: " in result.output
    assert "(line 1, column " in result.output
    assert read(out) == before


def test_nothing_to_replay_is_not_a_pass(tmp_path: Path) -> None:
    result = run("replay", "relay", "--recordings", tmp_path, "--protocol", "openai-chat")
    assert (result.exit_code, result.output) == (3, f"Error: {tmp_path}: holds no recordings of openai-chat\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "--recordings", "."], "nowhere: neither a built-in target nor a TOML file"),
        (["relay", "--recordings", "/no/such/directory"], "Directory '/no/such/directory' does not exist"),
        (["relay"], "Missing option '--recordings'"),
        (["relay", "--recordings", ".", "--protocol", "smoke-signals"], "smoke-signals is no protocol"),
    ],
)
def test_wrong_usage_is_said_in_one_message(arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONFORMANCE_RECORDINGS", raising=False)
    result = run("replay", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
