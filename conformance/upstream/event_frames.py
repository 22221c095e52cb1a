"""AWS's event stream: frames of binary, each with its length and two checksums.

    total length, headers' length, CRC32 of both | headers | payload | CRC32 of everything before

Source: https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html (event stream encoding)
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from zlib import crc32

from conformance.upstream.rendering import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.rendering import Event

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_STRING = 7
_LENGTHS = struct.Struct(">II")
_SUM = struct.Struct(">I")


def framed(event: Event) -> bytes:
    """An event as a frame; one whose name ends in Exception is one."""
    name = event.name or ""
    kind = "exception" if name.endswith("Exception") else "event"
    typed = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    return frame(b"".join(_header(*pair) for pair in typed.items()), to_bytes(event.data))


def frame(headers: bytes, payload: bytes) -> bytes:
    total = _LENGTHS.size + _SUM.size + len(headers) + len(payload) + _SUM.size
    lengths = _LENGTHS.pack(total, len(headers))
    checked = lengths + _SUM.pack(crc32(lengths)) + headers + payload
    return checked + _SUM.pack(crc32(checked))


def _header(name: str, value: str) -> bytes:
    text = value.encode()
    return bytes([len(name)]) + name.encode() + bytes([_STRING]) + struct.pack(">H", len(text)) + text


def split(stream: bytes) -> Iterator[bytes]:
    """The frames of a recorded stream, as they were."""
    while stream:
        total = _LENGTHS.unpack_from(stream)[0] if len(stream) >= _LENGTHS.size else len(stream)
        yield stream[:total]
        stream = stream[max(total, 1) :]
