"""Server-sent events out of raw bytes, by the letter of the standard.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ServerSentEvent:
    """One dispatched event; `name` is None where no `event` field came, or an empty one."""

    name: str | None
    data: str

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.data)
        except (ValueError, RecursionError):
            raise AssertionError(f"an event whose data is not JSON: {self.data[:200]!r}") from None

    def __str__(self) -> str:
        return f"{self.name or '(no name)'} {self.data[:120]}"


@dataclass(frozen=True)
class EventStream:
    """All events and comments of a body; `rest` is what an event that was never completed left behind."""

    events: tuple[ServerSentEvent, ...]
    comments: tuple[str, ...]
    rest: str

    @property
    def without_done(self) -> tuple[ServerSentEvent, ...]:
        """The events that hold an object: all but the `[DONE]` that ends some streams."""
        return tuple(event for event in self.events if event.data != "[DONE]")


def parse(body: bytes) -> EventStream:
    """Read a whole body; bytes that are not UTF-8 become U+FFFD, as the standard has it."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    events: list[ServerSentEvent] = []
    comments: list[str] = []
    fields: list[tuple[str, str]] = []
    lines, last = _lines(text)
    for line in lines:
        if not line:
            events.extend(_dispatch(fields))
            fields = []
        elif line.startswith(":"):
            comments.append(line[1:].removeprefix(" "))
        else:
            name, _, value = line.partition(":")
            fields.append((name, value.removeprefix(" ")))
    return EventStream(tuple(events), tuple(comments), "".join(f"{name}: {value}\n" for name, value in fields) + last)


def _lines(text: str) -> tuple[list[str], str]:
    """Complete lines, and what follows the last line end. Only CR, LF and CRLF end a line: U+2028 does not."""
    *lines, last = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines, last


def _dispatch(fields: list[tuple[str, str]]) -> list[ServerSentEvent]:
    data = [value for name, value in fields if name == "data"]
    names = ["", *(value for name, value in fields if name == "event")]
    return [ServerSentEvent(names[-1] or None, "\n".join(data))] if data else []
