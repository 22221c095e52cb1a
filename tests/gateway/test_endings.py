from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway import sse
from gateway.endings import finished, interruption
from tests.gateway.streams import FINISHED_AFTER, STREAMS, events

if TYPE_CHECKING:
    from gateway.surfaces import Surface


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("surface", STREAMS)
def test_wherever_a_stream_is_cut_the_client_sees_its_whole_events_and_then_one_error(
    surface: Surface, newline: bytes
) -> None:
    stream = b"".join(STREAMS[surface]).replace(b"\n", newline)
    unfinished = b"".join(STREAMS[surface][: FINISHED_AFTER[surface] - 1]).replace(b"\n", newline)
    whole = events(stream)
    for cut in range(len(unfinished) + 1):
        sent = stream[:cut]
        assert not finished(surface, sse.with_plain_newlines(sent))
        *before, error = events(sent + interruption(surface, sent))
        assert before == whole[: len(before)]
        assert len(before) >= len(events(sent.decode(errors="ignore").encode()))
        assert says_error(surface, *error), sent


def says_error(surface: Surface, name: str, data: str) -> bool:
    payload = json.loads(data)
    if surface == "openai-chat":
        return (name, payload["error"]["type"]) == ("", "server_error")
    if surface == "openai-responses":
        return (name, payload["type"], payload["code"]) == ("error", "error", "upstream_error")
    return (name, payload["type"], payload["error"]["type"]) == ("error", "error", "api_error")


@pytest.mark.parametrize("surface", STREAMS)
def test_a_stream_is_finished_by_its_own_marker_also_without_the_last_blank_line(surface: Surface) -> None:
    stream = b"".join(STREAMS[surface][: FINISHED_AFTER[surface]])
    assert finished(surface, sse.with_plain_newlines(stream))
    assert finished(surface, sse.with_plain_newlines(stream.rstrip(b"\n")))


@pytest.mark.parametrize(
    ("surface", "event"),
    [
        ("openai-chat", b'data: {"error": {"message": "overloaded"}}\n\n'),
        ("openai-chat", b"data: [DONE]\n\n"),
        ("openai-responses", b'event: error\ndata: {"type": "error"}\n\n'),
        ("openai-responses", b'data: {"type": "response.failed"}\n\n'),
        ("openai-responses", b'data: {"type": "response.incomplete"}\n\n'),
        ("anthropic-messages", b'event: error\ndata: {"type": "error"}\n\n'),
    ],
)
def test_an_upstreams_own_error_finishes_a_stream(surface: Surface, event: bytes) -> None:
    assert finished(surface, sse.with_plain_newlines(STREAMS[surface][0] + event))


@pytest.mark.parametrize("half", [b"data: [1, 2", b'data: "text', b"data: nonsense", b'data: {"a": nonsense'])
def test_a_half_event_that_is_no_json_object_is_ended_before_the_error(half: bytes) -> None:
    error = interruption("openai-chat", half)
    assert error.startswith(b"\n\ndata: {")


def test_an_event_whose_payload_spans_lines_becomes_the_error() -> None:
    half = b'event: content_block_delta\ndata: {"type":\ndata: "content_block_delta",\nid: 3'
    [(name, data)] = events(half + interruption("anthropic-messages", half))
    assert (name, json.loads(data)["type"]) == ("error", "error")


def test_a_whole_event_without_its_blank_line_is_delivered_before_the_error() -> None:
    sent = b'data: {"choices": []}'
    assert events(sent + interruption("openai-chat", sent))[0] == ("", '{"choices": []}')


def test_the_error_continues_the_numbering_of_a_responses_stream() -> None:
    sent = b"".join(STREAMS["openai-responses"][:2])
    assert json.loads(events(sent + interruption("openai-responses", sent))[-1][1])["sequence_number"] == 2
