"""Bedrock's frames: read however they are cut, written as AWS's own reader takes them, never believed when damaged."""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from importlib import import_module
from zlib import crc32

import pytest

from gateway.eventstream import EventReader, Frame, FrameError, FrameReader, exception, without_metrics, write_frame

HEADERS = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}


def chunk(event: object) -> bytes:
    payload = {"bytes": b64encode(json.dumps(event).encode()).decode(), "p": "abcd"}
    return write_frame(Frame(HEADERS, json.dumps(payload).encode()))


STREAM = b"".join(chunk({"type": kind, "text": "møøse"}) for kind in ("message_start", "ping", "message_stop"))


def test_aws_reads_what_is_written() -> None:
    buffer = import_module("botocore.eventstream").EventStreamBuffer()
    buffer.add_data(exception("throttlingException", "Too many."))
    (message,) = buffer
    assert message.headers[":exception-type"] == "throttlingException"
    assert json.loads(message.payload) == {"message": "Too many."}


def test_a_stream_may_be_cut_at_every_byte() -> None:
    whole = list(EventReader().feed(STREAM))
    assert [name for name, _ in whole] == ["message_start", "ping", "message_stop"]
    for size in (1, 2, 11, 12, 13, len(STREAM) - 1):
        reader = EventReader()
        pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
        assert [event for piece in pieces for event in reader.feed(piece)] == whole
        assert reader.between_events


def test_half_a_frame_is_no_event() -> None:
    reader = EventReader()
    assert list(reader.feed(STREAM[:-1]))[-1][0] == "ping"
    assert not reader.between_events


@pytest.mark.parametrize("at", range(len(chunk({"type": "ping"}))))
def test_one_damaged_byte_is_found_wherever_it_is(at: int) -> None:
    damaged = bytearray(chunk({"type": "ping"}))
    damaged[at] ^= 1
    with pytest.raises(FrameError):
        assert not list(FrameReader().feed(bytes(damaged)))


def test_a_frame_that_says_it_is_huge_is_refused_at_once() -> None:
    lengths = struct.pack("!II", 1 << 31, 0)
    with pytest.raises(FrameError):
        list(FrameReader().feed(lengths + struct.pack("!I", crc32(lengths))))


def test_headers_of_every_type_are_passed_over() -> None:
    values = [b"\x00", b"\x01", b"\x02a", b"\x03ab", b"\x04abcd", b"\x05abcdefgh", b"\x06\x00\x01a", b"\x08abcdefgh"]
    block = b"".join(b"\x01n" + value for value in [*values, b"\x09" + bytes(16), b"\x07\x00\x02ok"])
    lengths = struct.pack("!II", 16 + len(block), len(block))
    told = lengths + struct.pack("!I", crc32(lengths)) + block
    (frame,) = FrameReader().feed(told + struct.pack("!I", crc32(told)))
    assert frame == Frame({"n": "ok"}, b"")


@pytest.mark.parametrize("block", [b"\x01n\x0a", b"\x05n", b"\x01n\x07\x00\x09a", b"\x01n\x07\x00", b"\x01n\x05"])
def test_broken_headers_are_refused(block: bytes) -> None:
    lengths = struct.pack("!II", 16 + len(block), len(block))
    told = lengths + struct.pack("!I", crc32(lengths)) + block
    with pytest.raises(FrameError):
        list(FrameReader().feed(told + struct.pack("!I", crc32(told))))


def test_metrics_are_taken_off_and_nothing_else_is_touched() -> None:
    stop = {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 3}, "x": "æ"}
    ((_, data),) = EventReader().feed(chunk(stop))
    assert json.loads(data) == stop
    assert without_metrics(data) == '{"type":"message_stop","x":"æ"}'
    assert without_metrics('{ "type":  1.0}') == '{ "type":  1.0}'


def test_events_are_what_the_provider_wrote() -> None:
    odd = b'{ "type": "new_event",\t"deep": [1.0, 1e3] }'
    payload = json.dumps({"bytes": b64encode(odd).decode()}).encode()
    assert list(EventReader().feed(write_frame(Frame(HEADERS, payload)))) == [("new_event", odd.decode())]


def test_events_of_converse_keep_their_names() -> None:
    frame = write_frame(Frame({**HEADERS, ":event-type": "messageStop"}, b'{"stopReason":"end_turn"}'))
    assert list(EventReader().feed(frame)) == [("messageStop", '{"stopReason":"end_turn"}')]


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        ("throttlingException", "rate_limit_error"),
        ("validationException", "invalid_request_error"),
        ("modelTimeoutException", "timeout_error"),
        ("serviceUnavailableException", "overloaded_error"),
        ("neverSeenException", "api_error"),
    ],
)
def test_exceptions_become_errors(kind: str, type_: str) -> None:
    ((name, data),) = EventReader().feed(exception(kind, "No."))
    assert (name, json.loads(data)) == ("error", {"type": "error", "error": {"type": type_, "message": "No."}})


def test_errors_of_the_transport_become_errors() -> None:
    headers = {":message-type": "error", ":error-code": "InternalError", ":error-message": "Oh."}
    ((name, data),) = EventReader().feed(write_frame(Frame(headers, b"")))
    assert (name, json.loads(data)["error"]) == ("error", {"type": "api_error", "message": "Oh."})


@pytest.mark.parametrize("payload", [b"[]", b"\xff", b'{"bytes": "!"}', b'{"bytes": 7}', b"{}", b'{"bytes": "W10="}'])
def test_payloads_that_are_no_events_are_refused(payload: bytes) -> None:
    with pytest.raises(FrameError):
        list(EventReader().feed(write_frame(Frame(HEADERS, payload))))
