import json
import os
from pathlib import Path

import pytest

from reports.transcript import SIZE_LIMIT, Message, transcript
from tests.reports.sample import CASSETTE, JOURNAL, leave_evidence, row

NOT_OURS = "evidence/cassette.yaml is not of the form that a run leaves"


def cassette(directory: Path, content: str | bytes) -> tuple[str, ...]:
    """What is said of evidence with this cassette beside a good journal."""
    place = directory / "evidence"
    place.mkdir(exist_ok=True)
    (place / "cassette.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    (place / "journal.json").write_text(json.dumps(JOURNAL), encoding="utf-8")
    found = transcript(directory, "evidence")
    assert len(found.upstream) == 1, "one side stands without the other"
    return found.problems


def test_both_sides_are_read(tmp_path: Path) -> None:
    leave_evidence(tmp_path, (row(evidence="evidence/a"),))
    found = transcript(tmp_path, "evidence/a")
    assert found.problems == ()
    assert found.client[0].request.line == "POST http://127.0.0.1:41873/v1/messages?beta=true"
    assert found.upstream[0].request.line == "POST /anthropic/v1/messages"
    assert found.upstream[0].response.headers[1] == ("request-id", "req_011CSHoEeqs5")


def test_a_body_may_be_bytes_or_nothing(tmp_path: Path) -> None:
    request: dict[str, object] = {"method": "POST", "uri": "/", "headers": {}, "body": None}
    given = json.dumps({"interactions": [{"request": request, "response": {"status": {"code": 200}, "body": "BODY"}}]})
    assert cassette(tmp_path, given.replace('"BODY"', '{"string": !!binary "/2E="}')) == ()
    (exchange,) = transcript(tmp_path, "evidence").client
    assert exchange.request == Message("POST /", (), "")
    assert exchange.response.body == r"\xffa"


def test_a_call_that_the_gateway_gave_up_is_noted(tmp_path: Path) -> None:
    (tmp_path / "journal.json").write_text(
        json.dumps([{"method": "POST", "path": "/x", "response": None, "client_disconnected": True}]), encoding="utf-8"
    )
    (exchange,) = transcript(tmp_path, ".").upstream
    assert exchange.response.line == "no response"
    assert "hung up" in exchange.note


@pytest.mark.parametrize(
    "content",
    [
        "",
        "- 1",
        "a: [",
        "interactions: 3",
        b"\xff\xfe\x00",
        "[" * 5_000,
        "at: 2026-13-45",
        json.dumps(JOURNAL),
        "!!python/name:os.system",
    ],
)
def test_broken_evidence_is_said_to_be(tmp_path: Path, content: str | bytes) -> None:
    assert cassette(tmp_path, content) == (NOT_OURS,)


def test_a_flood_of_evidence_is_not_read(tmp_path: Path) -> None:
    assert cassette(tmp_path, b"#" * (SIZE_LIMIT + 1)) == ("evidence/cassette.yaml: too large to be shown",)


@pytest.mark.parametrize("evidence", ["..", "/etc", "a/../../elsewhere"])
def test_evidence_outside_of_the_report_is_refused(tmp_path: Path, evidence: str) -> None:
    inside = tmp_path / "report"
    inside.mkdir()
    (tmp_path / "cassette.yaml").write_text(json.dumps(CASSETTE), encoding="utf-8")
    found = transcript(inside, evidence)
    assert found.client == ()
    assert "outside of the report" in found.problems[0]


def test_links_out_of_the_report_are_refused(tmp_path: Path) -> None:
    inside = tmp_path / "report"
    inside.mkdir()
    (tmp_path / "secret.yaml").write_text(json.dumps(CASSETTE), encoding="utf-8")
    (inside / "cassette.yaml").symlink_to(tmp_path / "secret.yaml")
    assert "outside of the report" in transcript(inside, ".").problems[0]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "cassette.yaml")
    assert transcript(tmp_path, ".").problems[0] == "./cassette.yaml: no file"


@pytest.mark.parametrize("evidence", ["\x00", "a" * 5_000])
def test_no_path_at_all(tmp_path: Path, evidence: str) -> None:
    assert len(transcript(tmp_path, evidence).problems) == 2


def test_no_evidence(tmp_path: Path) -> None:
    assert transcript(tmp_path, "").problems == ("this row left no evidence",)
