"""Server-sent events as bytes: cut apart, read and edited without touching what is not edited.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Json = dict[str, Any]

_LINE_END = re.compile(rb"\r\n|\n|\r")
_EVENT_END = re.compile(rb"(?>\r\n|\n|\r)(?:\r\n|\n|\r(?=.))", re.DOTALL)  # the last CR may be half of a CRLF
_LONE_CR_END = (b"\r\r", b"\n\r")


def as_object(text: bytes | str | None) -> Json | None:
    """The JSON object that a text holds; None when it holds anything else."""
    try:
        value = json.loads(text or "")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def as_text(value: Json, *, ascii_only: bool = False) -> str:
    """JSON in the compact form."""
    return json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))


@dataclass(frozen=True)
class Event:
    """One block of an event stream as it stood on the wire, blank line included."""

    raw: bytes

    @classmethod
    def of(cls, data: str, name: str | None = None) -> Event:
        first = f"event: {name}\n" if name else ""
        return cls(f"{first}data: {data}\n\n".encode())

    @property
    def line_end(self) -> bytes:
        return next((end for end in (b"\r\n", b"\r") if self.raw.endswith(end)), b"\n")

    @property
    def lines(self) -> list[bytes]:
        return [line for line in _LINE_END.split(self.raw) if line]

    @property
    def name(self) -> str | None:
        return self._field(b"event")

    @property
    def data(self) -> str | None:
        return self._field(b"data")

    @property
    def json(self) -> Json:
        """The object in the data; empty when there is none."""
        return as_object(self.data) or {}

    @property
    def type(self) -> str:
        """What the event says it is: `type` in its data, else its name."""
        return str(self.json.get("type") or self.name or "")

    @property
    def is_delta(self) -> bool:
        """Whether it carries a piece of content: text, reasoning or tool arguments."""
        if self.type == "content_block_delta" or self.type.endswith(".delta"):
            return True
        deltas = [choice.get("delta") or {} for choice in self.json.get("choices", [])]
        return any(delta.get(field) for delta in deltas for field in ("content", "tool_calls", "refusal"))

    def with_lines(self, lines: list[bytes]) -> Event:
        return Event(b"".join(line + self.line_end for line in [*lines, b""]))

    def with_json(self, payload: Json) -> Event:
        """The same event with other data, its name following `type`; the very same event when the data is equal."""
        if payload == self.json:
            return self
        others = [line for line in self.lines if not line.startswith((b"data", b"event"))]
        name = [f"event: {payload.get('type', self.name)}".encode()] if self.name else []
        return self.with_lines([*name, *others, b"data: " + as_text(payload).encode()])

    def _field(self, name: bytes) -> str | None:
        fields = [line.partition(b":") for line in self.lines]
        values = [value.removeprefix(b" ") for key, _, value in fields if key == name]
        return b"\n".join(values).decode(errors="replace") if values else None


class Splitter:
    """Cuts bytes into events, wherever the bytes themselves were cut."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, chunk: bytes) -> list[Event]:
        buffered, start, events = self.rest + chunk, 0, []
        for end in _EVENT_END.finditer(buffered):
            events.append(Event(buffered[start : end.end()]))
            start = end.end()
        self.rest = buffered[start:]
        return events

    def close(self) -> list[Event]:
        """The event that only the end of the bytes shows to be complete."""
        if not self.rest.endswith(_LONE_CR_END):
            return []
        event, self.rest = Event(self.rest), b""
        return [event]


async def events_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """The events as soon as each is complete; bytes after the last one come as one more."""
    splitter = Splitter()
    async for chunk in chunks:
        for event in splitter.feed(chunk):
            yield event
    if splitter.rest:
        yield Event(splitter.rest)
