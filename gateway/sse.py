"""Server-sent events, as they are written, as they arrive, and in a stream that is kept.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_END = re.compile("\r\n|\n|\r")


def event(name: str | None, payload: str) -> str:
    return f"event: {name}\ndata: {payload}\n\n" if name else f"data: {payload}\n\n"


def comment(text: str) -> str:
    return f": {text}\n\n"


class EventReader:
    """Takes bytes however they are cut, and gives each event as soon as its blank line is there: (name, data)."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._rest = ""
        self._name: str | None = None
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[tuple[str | None, str]]:
        self._rest += self._decode(chunk)
        for line in self._lines():
            if line:
                self._take(line)
            elif self._data:
                yield self._name, "\n".join(self._data)
            if not line:
                self._name, self._data = None, []

    def _lines(self) -> Iterator[str]:
        """A carriage return at the very end may be half of a line end: it waits for what follows."""
        at = 0
        for end in _LINE_END.finditer(self._rest):
            if end.group() == "\r" and end.end() == len(self._rest):
                break
            yield self._rest[at : end.start()]
            at = end.end()
        self._rest = self._rest[at:]

    def _take(self, line: str) -> None:
        field, _, value = line.partition(":")
        if field == "data":
            self._data.append(value.removeprefix(" "))
        elif field == "event":
            self._name = value.removeprefix(" ")


def with_plain_newlines(stream: bytes) -> bytes:
    """And without the byte order mark that may stand before it."""
    stream = stream.removeprefix(codecs.BOM_UTF8)
    return stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in stream else stream


def backwards(stream: bytes) -> Iterator[bytes]:
    """The events of a stream with plain newlines, each without its blank line; the last comes first and may be cut."""
    end = len(stream)
    while end >= 0:
        start = stream.rfind(b"\n\n", 0, end)
        yield stream[start + 2 if start >= 0 else 0 : end]
        end = start


def first_data(stream: bytes) -> bytes:
    """The data of the first event that has any."""
    data = stream.find(b"data:")
    blank_line = stream.rfind(b"\n\n", 0, max(data, 0))
    end = stream.find(b"\n\n", data)
    return data_of(stream[blank_line + 2 if blank_line >= 0 else 0 : end if end >= 0 else len(stream)])


def data_of(event: bytes) -> bytes:
    """Empty where the event has none."""
    start = event.find(b"data:")
    if event.find(b"\n", start + 5) < 0 and (start == 0 or event[start - 1 : start] == b"\n"):
        return event[start + 5 :].removeprefix(b" ")  # the one data line comes last: by far the most common
    values = (line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:"))
    return b"\n".join(values)
