"""AWS's event stream read back: lengths and both checksums, as AWS's own SDKs hold them.

    total length, headers' length, CRC32 of both | headers | payload | CRC32 of everything before

Source: https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html (event stream encoding)
"""

from __future__ import annotations

import json
import struct
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PRELUDE = struct.Struct(">III")
_SUM = struct.Struct(">I")
_STRING = 7


@dataclass(frozen=True)
class Frame:
    """One frame: its headers, and the JSON in it."""

    headers: dict[str, str]
    payload: Any

    @property
    def kind(self) -> str:
        """What the frame says it is: `chunk`, or the exception's name."""
        return self.headers.get(":event-type") or self.headers.get(":exception-type", "")

    @property
    def event(self) -> Any:
        """The Anthropic event inside a `chunk`; the payload of every other frame."""
        return json.loads(b64decode(self.payload["bytes"])) if self.kind == "chunk" else self.payload


def frames(body: bytes) -> Iterator[Frame]:
    """All frames of a body. AssertionError where one is cut or its sums are wrong."""
    number, at = 0, 0
    while at < len(body):
        where = f"frame {number}, at byte {at},"
        assert len(body) - at >= _PRELUDE.size, f"{where} is cut off in its prelude"
        total, named, checked = _PRELUDE.unpack_from(body, at)
        assert crc32(body[at : at + 8]) == checked, f"{where} has a wrong checksum of its lengths"
        frame = body[at : at + total]
        assert len(frame) == total, f"{where} is cut off: {len(frame)} of {total} bytes"
        assert crc32(frame[: -_SUM.size]) == _SUM.unpack(frame[-_SUM.size :])[0], f"{where} has a wrong checksum"
        headers = dict(_headers(frame[_PRELUDE.size : _PRELUDE.size + named]))
        yield Frame(headers, json.loads(frame[_PRELUDE.size + named : -_SUM.size]))
        number, at = number + 1, at + total


def _headers(data: bytes) -> Iterator[tuple[str, str]]:
    while data:
        end = 1 + data[0]
        name, kind = data[1:end].decode(), data[end]
        assert kind == _STRING, f"the header {name} is of type {kind}, not a string"
        length = struct.unpack_from(">H", data, end + 1)[0]
        yield name, data[end + 3 : end + 3 + length].decode()
        data = data[end + 3 + length :]
