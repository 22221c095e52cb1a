"""Server-sent events as they arrive: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_END = re.compile("\r\n|\n|\r")


class EventReader:
    """Takes bytes however they are cut, and gives each event as soon as its blank line is there: (name, data)."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._rest = ""
        self._name: str | None = None
        self._data: list[str] = []

    def feed(self, chunk: bytes, *, last: bool = False) -> Iterator[tuple[str | None, str]]:
        self._rest += self._decode(chunk, last)
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
