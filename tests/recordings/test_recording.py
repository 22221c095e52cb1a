"""Recordings as they are read, and everything that can be wrong with one."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from conformance.recordings import PROTOCOLS, NoRecordingsError, Recording, RecordingsInvalidError, read_recordings
from conformance.surface import CORE, Surface
from tests.recordings.samples import STREAM, elsewhere, exchange, stored, streamed

if TYPE_CHECKING:
    from pathlib import Path

CHAT = (Surface.OPENAI_CHAT,)


def the_one(directory: Path, recorded: dict[str, Any]) -> Recording:
    [recording] = read_recordings(stored(directory, recorded), CHAT)
    return recording


def problems(directory: Path) -> list[str]:
    with pytest.raises(RecordingsInvalidError) as caught:
        read_recordings(directory, CORE)
    return caught.value.problems


def test_a_json_body_is_written_once_in_utf_8(tmp_path: Path) -> None:
    recording = the_one(tmp_path, exchange("whole"))
    assert recording.body
    assert "Grüße".encode() in recording.body
    assert (recording.route, recording.query, recording.streams) == ("POST /v1/chat/completions", "", False)


def test_a_stream_is_kept_to_the_byte(tmp_path: Path) -> None:
    recording = the_one(tmp_path, streamed("stream"))
    assert (recording.answer.body, recording.streams) == (STREAM.encode(), True)


def test_a_body_may_be_missing_text_or_bytes(tmp_path: Path) -> None:
    assert the_one(tmp_path / "a", elsewhere("none")).body is None
    assert the_one(tmp_path / "b", exchange("text", request={"body": "a,b"})).body == b"a,b"
    recorded = exchange("bytes")
    del recorded["response"]["body"]
    recorded["response"]["body_base64"] = b64encode(b"\x00\xff").decode()
    assert the_one(tmp_path / "c", recorded).answer.body == b"\x00\xff"


def test_what_its_source_masked_in_a_path_can_be_sent(tmp_path: Path) -> None:
    url = "https://aiplatform.googleapis.com/v1/projects/p/locations/<GOOGLE_CLOUD_LOCATION>/publishers"
    assert (
        the_one(tmp_path, exchange("masked", request={"url": url})).path == "/v1/projects/p/locations/masked/publishers"
    )


def test_what_belongs_to_no_surface_goes_to_the_door_of_its_provider(tmp_path: Path) -> None:
    stored(tmp_path, elsewhere("files") | {"protocol": "openai-platform"})
    [recording] = read_recordings(tmp_path, tuple(PROTOCOLS))
    assert (recording.protocol, recording.surface) == ("openai-platform", Surface.OPENAI_CHAT)


@pytest.mark.parametrize(
    ("recorded", "kind"), [(exchange("untyped"), "application/json"), (streamed("untyped"), "text/event-stream")]
)
def test_a_content_type_that_the_source_left_out_is_put_back(
    tmp_path: Path, recorded: dict[str, Any], kind: str
) -> None:
    recorded["response"] = {**recorded["response"], "headers": {"x-request-id": "req_1"}}
    recording = the_one(tmp_path, recorded)
    assert recording.answer.headers == (("x-request-id", "req_1"), ("content-type", kind))


def test_they_come_in_the_order_of_their_ids(tmp_path: Path) -> None:
    stored(tmp_path, exchange("b"), exchange("a"), exchange("c", protocol="openai-responses"))
    assert [recording.id for recording in read_recordings(tmp_path, CORE)] == ["a", "b", "c"]


def test_other_protocols_are_left_alone(tmp_path: Path) -> None:
    stored(tmp_path, exchange("a", protocol="gemini"))
    with pytest.raises(NoRecordingsError, match="holds no recordings of openai-chat"):
        read_recordings(tmp_path, CHAT)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"request": {"method": 7}}, "request.method: "),
        ({"request": {"url": "/v1/chat/completions"}}, "request.url: "),
        ({"request": {"headers": ["a"]}}, "request.headers: "),
        ({"request": {"body_base64": "YQ=="}}, "request: Value error, has more than one of body, sse and body_base64"),
        ({"response": {"status": "fine"}}, "response.status: "),
        ({"response": {"status": 99}}, "response.status: "),
        (
            {"protocol": "smoke-signals"},
            "protocol: Value error, unknown protocol 'smoke-signals'; there are openai-chat,",
        ),
        ({"id": "../../elsewhere"}, "id: "),
        ({"id": "another"}, "id: is 'another', which is not the name of the file"),
    ],
)
def test_a_malformed_one_is_named_with_its_place(tmp_path: Path, changes: dict[str, Any], place: str) -> None:
    path = tmp_path / "openai-chat" / "bad.json"
    stored(tmp_path, exchange("bad"))
    path.write_text(json.dumps(exchange("bad", **changes)))
    [problem] = problems(tmp_path)
    assert problem.startswith(f"{path}: {place}")


def test_all_malformed_ones_are_named_at_once(tmp_path: Path) -> None:
    stored(tmp_path, exchange("good"), exchange("cut"), exchange("empty"))
    (tmp_path / "openai-chat" / "cut.json").write_text('{"id": "cut", "protocol')
    (tmp_path / "openai-chat" / "empty.json").write_text("{}")
    (tmp_path / "openai-chat" / "bytes.json").write_bytes(b"\xff\xfe{")
    found = "\n".join(problems(tmp_path))
    assert "cut.json: not JSON: Unterminated string" in found
    assert "empty.json: request: Field required" in found
    assert "bytes.json: cannot be read: " in found
    assert "good.json" not in found


def test_a_file_cut_off_anywhere_is_named(tmp_path: Path) -> None:
    path = stored(tmp_path, streamed("cut")) / "openai-chat" / "cut.json"
    whole = path.read_bytes()
    for size in range(0, len(whole), 17):
        path.write_bytes(whole[:size])
        [problem] = problems(tmp_path)
        assert problem.startswith(f"{path}: not JSON: ")
