"""Streams read: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.protocols import hub
from gateway.protocols.codec import Json, StreamDecoder, read_event
from gateway.protocols.gemini.answer import (
    blocked,
    read_error,
    read_parts,
    read_stop,
    read_usage,
    refused_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Decoder(StreamDecoder):
    """Each chunk is a whole answer with the next piece in it: a part goes on for as long as its kind does."""

    def __init__(self) -> None:
        self._started = False
        self._open: type[hub.Part] | None = None
        self._called: list[hub.Part] = []
        self._stop: hub.Stop | None = None
        self._usage = hub.Usage()

    def feed(self, name: str | None, data: str) -> Iterator[hub.Event]:  # noqa: ARG002 - Gemini's events have no names
        chunk = read_event(data)
        if "error" in chunk:
            self.finished = True
            yield _failed(chunk)
            return
        if chunk.get("usageMetadata"):
            self._usage = read_usage(chunk["usageMetadata"])
        if not self._started:
            self._started = True
            yield hub.Started(chunk.get("responseId") or "", chunk.get("modelVersion") or "", self._usage)
        for candidate in (chunk.get("candidates") or ())[:1]:
            yield from self._said(candidate)
        if refused := blocked(chunk):
            self._stop = "refusal"
            yield from self._part(refused)
        if self._stop and chunk.get("usageMetadata"):
            yield from self.end()

    def end(self) -> Iterator[hub.Event]:
        if self._stop and not self.finished:
            self.finished = True
            yield from self._closed()
            yield hub.Finished(self._stop, self._usage)

    def _said(self, candidate: Json) -> Iterator[hub.Event]:
        for part in read_parts(candidate):
            yield from self._part(part)
        if refused := refused_in(candidate):
            yield from self._part(refused)
        self._stop = read_stop(candidate, self._called) or self._stop

    def _part(self, part: hub.Part) -> Iterator[hub.Event]:
        match part:
            case hub.Text(text) | hub.Refusal(text):
                yield from self._opened(type(part)())
                yield hub.Delta(text)
            case hub.Thinking(text, signature):
                yield from self._opened(hub.Thinking())
                if text:
                    yield hub.Delta(text)
                if signature:
                    yield hub.Signed(signature)
                    yield from self._closed()
            case hub.ToolUse(arguments=arguments):
                self._called.append(part)
                yield from self._opened(replace(part, arguments=""))
                yield hub.Delta(arguments)
                yield from self._closed()
            case _:
                yield from self._opened(part)
                yield from self._closed()

    def _opened(self, part: hub.Part) -> Iterator[hub.Event]:
        if self._open is not type(part):
            yield from self._closed()
            self._open = type(part)
            yield hub.Opened(part)

    def _closed(self) -> Iterator[hub.Event]:
        if self._open:
            self._open = None
            yield hub.Closed()


def _failed(chunk: Json) -> hub.Failed:
    error = chunk["error"] if isinstance(chunk["error"], dict) else {}
    code = error.get("code")
    return read_error(code if isinstance(code, int) else 500, chunk)
