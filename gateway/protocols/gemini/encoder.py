"""Streams written: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.protocols import hub, signatures
from gateway.protocols.codec import Json, StreamEncoder, compact, write_event
from gateway.protocols.gemini.answer import FINISH_REASONS, write_error, write_usage
from gateway.protocols.gemini.parts import write_call, write_part, write_signature

if TYPE_CHECKING:
    from collections.abc import Iterator


class Encoder(StreamEncoder):
    """Calls of functions are whole. Nothing but chunks may stand in the stream: neither comments nor `[DONE]`."""

    def __init__(self, model: str, *, usage_asked: bool) -> None:
        super().__init__(model, usage_asked=usage_asked)
        self._id = ""
        self._open: hub.Part = hub.Text()
        self._arguments: list[str] = []
        self._waiting: Json = {}

    def feed(self, event: hub.Event) -> Iterator[str]:
        match event:
            case hub.Started():
                self._id = event.id
            case hub.Opened(part):
                self._open = part
                if isinstance(part, hub.RedactedThinking):
                    yield from self._proof(part)
            case hub.Delta(text):
                yield from self._said(text)
            case hub.Signed(signature):
                yield self._chunk({"text": "", "thought": True} | write_signature(signature))
            case hub.Closed():
                yield from self._closed()
            case hub.Finished():
                last = self._answer({"text": ""}, {"finishReason": FINISH_REASONS[event.stop]})
                yield self.written(last | {"usageMetadata": write_usage(event.usage)}) + self.end
            case hub.Failed():
                yield self.written(write_error(event)) + self.end

    end = ""

    def written(self, chunk: Json) -> str:
        return write_event(chunk)

    def _said(self, text: str) -> Iterator[str]:
        match self._open:
            case hub.ToolUse():
                self._arguments.append(text)
            case hub.Thinking():
                yield self._chunk(write_part(hub.Thinking(text)))
            case _:
                yield self._chunk(write_part(hub.Text(text)))

    def _proof(self, part: hub.RedactedThinking) -> Iterator[str]:
        signed = signatures.unmarked(part.data)
        if signed is None:
            yield self._chunk(write_part(part))
        elif signed.place == "call":
            self._waiting = {"thoughtSignature": signed.signature}
        else:
            yield self._chunk({"text": "", "thoughtSignature": signed.signature})

    def _closed(self) -> Iterator[str]:
        if isinstance(self._open, hub.ToolUse):
            yield self._chunk(write_call(self._open, "".join(self._arguments)) | self._waiting)
            self._arguments.clear()
            self._waiting = {}

    def _chunk(self, part: Json) -> str:
        return self.written(self._answer(part, {}))

    def _answer(self, part: Json, more: Json) -> Json:
        candidate = {"content": {"role": "model", "parts": [part]}, **more, "index": 0}
        return {"candidates": [candidate], "modelVersion": self.model, "responseId": self._id}


class ArrayEncoder(Encoder):
    """Without `alt=sse` the chunks are the elements of one JSON array."""

    content_type = "application/json; charset=utf-8"
    end = "\n]\n"

    def __init__(self, model: str, *, usage_asked: bool) -> None:
        super().__init__(model, usage_asked=usage_asked)
        self._begun = False

    def written(self, chunk: Json) -> str:
        before, self._begun = ",\n" if self._begun else "[", True
        return before + compact(chunk)
