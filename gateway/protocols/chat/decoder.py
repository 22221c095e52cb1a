"""Streams read: https://platform.openai.com/docs/api-reference/chat-streaming"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.protocols import hub
from gateway.protocols.chat.answer import STOPS, meant, read_usage
from gateway.protocols.codec import Json, StreamDecoder, read_event, words

if TYPE_CHECKING:
    from collections.abc import Iterator

DONE = "[DONE]"


@dataclass
class _Call:
    """A tool call on its way: what came while another was open waits in `waiting`."""

    id: str = ""
    name: str = ""
    arguments: str = ""
    waiting: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        try:
            json.loads(self.arguments)
        except ValueError:
            return False
        return True


class Decoder(StreamDecoder):
    """Chat has no ends of parts, and lets calls interleave, with each other and with text: the hub sees one part at
    a time. Text amid the arguments of calls waits until they are complete.

    The usage may come after the finish reason, so the end waits for it, for `[DONE]`, or for the end of the stream.
    """

    def __init__(self) -> None:
        self._started = False
        self._open: str | int | None = None
        self._calls: dict[int, _Call] = {}
        self._held: list[tuple[str, hub.Part, str]] = []
        self._told: set[int] = set()
        self._stop: hub.Stop | None = None
        self._refused = False
        self._usage = hub.Usage()

    def feed(self, name: str | None, data: str) -> Iterator[hub.Event]:  # noqa: ARG002 - chat's events have no names
        if data == DONE:
            yield from self._finish()
            return
        yield from self._chunk(read_event(data))

    def _chunk(self, chunk: Json) -> Iterator[hub.Event]:
        if chunk.get("error"):
            self.finished = True
            yield hub.Failed(_status(chunk["error"]), words(chunk))
            return
        if not self._started and (chunk.get("id") or chunk.get("choices")):  # Azure's first chunk is of no answer yet
            self._started = True
            yield hub.Started(chunk.get("id") or "", chunk.get("model") or "")
        for choice in chunk.get("choices") or ():
            yield from self._said(choice.get("delta") or {})
            self._stop = STOPS.get(choice.get("finish_reason") or "", self._stop)
        if usage := chunk.get("usage"):
            self._usage = read_usage(usage)

    def end(self) -> Iterator[hub.Event]:
        yield from self._finish()

    def _said(self, delta: Json) -> Iterator[hub.Event]:
        for key, part in (("reasoning_content", hub.Thinking()), ("content", hub.Text()), ("refusal", hub.Refusal())):
            if text := delta.get(key):
                self._refused |= key == "refusal"
                self._held.append((key, part, text))
        if self._held and all(call.complete for call in self._calls.values()):
            yield from self._released()
        for position, fragment in enumerate(delta.get("tool_calls") or ()):
            yield from self._called(fragment.get("index", position), fragment)

    def _released(self) -> Iterator[hub.Event]:
        held, self._held = self._held, []
        for key, part, text in held:
            yield from self._opened(key, part)
            yield hub.Delta(text)

    def _called(self, index: int, fragment: Json) -> Iterator[hub.Event]:
        call = self._calls.setdefault(index, _Call())
        function = fragment.get("function") or {}
        call.id, call.name = fragment.get("id") or call.id, call.name or function.get("name") or ""
        call.arguments += function.get("arguments") or ""
        call.waiting.append(function.get("arguments") or "")
        if not isinstance(self._open, int):
            yield from self._begin(index)
        elif self._open == index:
            yield from self._emptied(call)

    def _begin(self, index: int) -> Iterator[hub.Event]:
        call = self._calls[index]
        self._told.add(index)
        yield from self._opened(index, hub.ToolUse(call.id, call.name))
        yield from self._emptied(call)

    @staticmethod
    def _emptied(call: _Call) -> Iterator[hub.Event]:
        text = "".join(call.waiting)
        call.waiting.clear()
        if text:
            yield hub.Delta(text)

    def _opened(self, key: str | int, part: hub.Part) -> Iterator[hub.Event]:
        if self._open == key:
            return
        yield from self._flushed()
        self._open = key
        yield hub.Opened(part)

    def _flushed(self) -> Iterator[hub.Event]:
        """Close what is open; calls that waited behind an open one follow, each whole."""
        if self._open is not None:
            self._open = None
            yield hub.Closed()
        for index in sorted(self._calls.keys() - self._told):
            call = self._calls[index]
            self._told.add(index)
            yield hub.Opened(hub.ToolUse(call.id, call.name))
            yield from self._emptied(call)
            yield hub.Closed()

    def _finish(self) -> Iterator[hub.Event]:
        if self.finished or self._stop is None:
            return
        self.finished = True
        yield from self._released()
        yield from self._flushed()
        stop = meant(self._stop, calls=bool(self._calls))
        yield hub.Finished("refusal" if self._refused else stop, self._usage)


def _status(error: Any) -> int:
    code = error.get("code") if isinstance(error, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    if isinstance(code, int | str) and str(code).isdigit():
        return int(code)
    return 429 if "rate_limit" in f"{code} {kind}" else 500
