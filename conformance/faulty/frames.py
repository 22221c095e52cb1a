"""AWS's event frames as bytes: cut apart, and handed on edited."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.faulty.exchange import first

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from conformance.faulty.exchange import Answer

CONTENT_TYPE = "application/vnd.amazon.eventstream"
SUM = 4
_LENGTH = struct.Struct(">I")


def on_frames(answer: Answer, edit: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]) -> Answer:
    """A stream of frames, edited frame by frame; every other answer as it is."""
    if answer.failed or not first(answer.headers, "content-type").startswith(CONTENT_TYPE):
        return answer
    return replace(answer, chunks=edit(_frames(answer.chunks)))


async def _frames(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        rest += chunk
        while len(rest) >= _LENGTH.size and len(rest) >= (total := _LENGTH.unpack_from(rest)[0]):
            yield rest[:total]
            rest = rest[total:]


def is_exception(frame: bytes) -> bool:
    return b":exception-type" in frame
