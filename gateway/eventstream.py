"""Event streams of Bedrock: frames of bytes with checksums, read as the server-sent events that they stand for.

Framing: https://smithy.io/2.0/aws/amazon-eventstream.html
Exceptions: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ResponseStream.html
"""

from __future__ import annotations

import json
import struct
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"
METRICS = "amazon-bedrock-invocationMetrics"
BROKEN = "modelStreamErrorException"
REFUSED = "validationException"  # the streams have none for a caller that may not go on

_PRELUDE = struct.Struct("!III")  # the frame's length, that of its headers, and a checksum of these two
_CHECKSUM = struct.Struct("!I")
_STRING, _BYTES = 7, 6
_LENGTHS = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # of the values of each other type
_LARGEST = 24 * 1024 * 1024  # what AWS's own clients take
_ERROR_TYPES = {
    "throttlingException": "rate_limit_error",
    "validationException": "invalid_request_error",
    "modelTimeoutException": "timeout_error",
    "serviceUnavailableException": "overloaded_error",
}


class FrameError(ValueError):
    """These bytes are no frames."""


@dataclass(frozen=True)
class Frame:
    headers: Mapping[str, str]
    payload: bytes


def write_frame(frame: Frame) -> bytes:
    headers = b"".join(map(_header, frame.headers.items()))
    lengths = struct.pack("!II", _PRELUDE.size + len(headers) + len(frame.payload) + _CHECKSUM.size, len(headers))
    told = lengths + _CHECKSUM.pack(crc32(lengths)) + headers + frame.payload
    return told + _CHECKSUM.pack(crc32(told))


def _header(item: tuple[str, str]) -> bytes:
    name, value = (text.encode() for text in item)
    return bytes([len(name)]) + name + struct.pack("!BH", _STRING, len(value)) + value


def exception(kind: str, message: str) -> bytes:
    headers = {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}
    return write_frame(Frame(headers, json.dumps({"message": message}).encode()))


class FrameReader:
    """Takes bytes however they are cut, and gives each frame as soon as its last byte is there. Raises FrameError."""

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def between_frames(self) -> bool:
        return not self._rest

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        self._rest += chunk
        while len(self._rest) >= _PRELUDE.size:
            length, headers_length, checksum = _PRELUDE.unpack_from(self._rest)
            smallest = _PRELUDE.size + headers_length + _CHECKSUM.size
            if crc32(self._rest[:8]) != checksum or not smallest <= length <= _LARGEST:
                raise FrameError("a frame with a wrong prelude")
            if len(self._rest) < length:
                return
            told = bytes(self._rest[:length])
            del self._rest[:length]
            yield _frame(told, _PRELUDE.size + headers_length)


def _frame(told: bytes, payload_at: int) -> Frame:
    end = len(told) - _CHECKSUM.size
    if _CHECKSUM.unpack_from(told, end) != (crc32(told[:end]),):
        raise FrameError("a frame with a wrong checksum")
    try:
        return Frame(dict(_headers(told[_PRELUDE.size : payload_at])), told[payload_at:end])
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise FrameError("a frame with broken headers") from error


def _headers(block: bytes) -> Iterator[tuple[str, str]]:
    """Those with text: nothing that we ask for has another type."""
    at = 0
    while at < len(block):
        name = block[at + 1 : (value_at := at + 1 + block[at])].decode()
        kind = block[value_at]
        if kind in (_STRING, _BYTES):
            (length,) = struct.unpack_from("!H", block, value_at + 1)
            at = value_at + 3 + length
        elif kind in _LENGTHS:
            at = value_at + 1 + _LENGTHS[kind]
        else:
            raise FrameError(f"a header of an unknown type: {kind}")
        if at > len(block):
            raise FrameError("a header beyond the headers' end")
        if kind == _STRING:
            yield name, block[value_at + 3 : at].decode()


class EventReader:
    """As `sse.EventReader`: each event as (name, data), an exception as Anthropic's `error`."""

    def __init__(self) -> None:
        self._frames = FrameReader()

    @property
    def between_events(self) -> bool:
        return self._frames.between_frames

    def feed(self, chunk: bytes) -> Iterator[tuple[str | None, str]]:
        for frame in self._frames.feed(chunk):
            yield _event(frame)


def _event(frame: Frame) -> tuple[str | None, str]:
    match frame.headers.get(":message-type"):
        case "exception":
            return _error(frame.headers.get(":exception-type", ""), _parsed(frame.payload).get("message"))
        case "error":
            return _error(frame.headers.get(":error-code", ""), frame.headers.get(":error-message"))
    if frame.headers.get(":event-type") != "chunk":
        return frame.headers.get(":event-type"), frame.payload.decode(errors="replace")
    chunk = _bytes(_parsed(frame.payload))
    return _parsed(chunk).get("type"), chunk.decode(errors="replace")


def without_metrics(data: str) -> str:
    """An event of Messages as Anthropic itself would send it."""
    if METRICS not in data:
        return data
    event = {name: value for name, value in json.loads(data).items() if name != METRICS}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _bytes(payload: dict[str, Any]) -> bytes:
    try:
        return b64decode(payload["bytes"], validate=True)
    except (LookupError, TypeError, ValueError) as error:
        raise FrameError("a chunk without bytes in base64") from error


def _error(kind: str, message: Any) -> tuple[str, str]:
    error = {"type": _ERROR_TYPES.get(kind, "api_error"), "message": message or kind or "The upstream gave no reason."}
    return "error", json.dumps({"type": "error", "error": error})


def _parsed(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload or b"{}")
    except (ValueError, RecursionError) as error:
        raise FrameError("a frame whose payload is not JSON") from error
    if not isinstance(value, dict):
        raise FrameError("a frame whose payload is not an object")
    return value
