"""Streams written: https://platform.openai.com/docs/api-reference/chat-streaming"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway import sse
from gateway.protocols import hub, signatures
from gateway.protocols.chat.answer import FINISH_REASONS, answer_id, write_usage
from gateway.protocols.chat.decoder import DONE
from gateway.protocols.chat.parts import write_call, write_signature
from gateway.protocols.codec import Json, StreamEncoder, write_event
from gateway.protocols.openai import write_error

if TYPE_CHECKING:
    from collections.abc import Iterator


class Encoder(StreamEncoder):
    """Tool calls are counted on their own; the first chunk says the role."""

    def __init__(self, model: str, *, usage_asked: bool) -> None:
        super().__init__(model, usage_asked=usage_asked)
        self._id = ""
        self._created = int(time.time())
        self._calls = -1
        self._open: hub.Part = hub.Text()
        self._signature: Json = {}

    def feed(self, event: hub.Event) -> Iterator[str]:
        match event:
            case hub.Started():
                self._id = answer_id(event.id)
                yield self._chunk({"role": "assistant", "content": ""})
            case hub.Opened(part):
                self._open = part
                yield from self._opened(part)
            case hub.Delta(text):
                if said := self._said(text):
                    yield self._chunk(said)
            case hub.Finished():
                yield self._chunk({}, FINISH_REASONS[event.stop])
                if self.usage_asked:
                    yield write_event({**self._head(), "choices": [], "usage": write_usage(event.usage)})
                yield sse.event(None, DONE)
            case hub.Failed():
                yield write_event(write_error(event))
            case hub.Ping():
                yield sse.comment("ping")

    def _opened(self, part: hub.Part) -> Iterator[str]:
        if isinstance(part, hub.ToolUse):
            self._calls += 1
            yield self._chunk({"tool_calls": [{"index": self._calls, **write_call(part), **self._signature}]})
            self._signature = {}
        elif isinstance(part, hub.RedactedThinking) and (signed := signatures.unmarked(part.data)):
            yield from self._signed(signed)

    def _signed(self, signed: signatures.Signed) -> Iterator[str]:
        """A call's signature comes before it, and goes with it."""
        if signed.place == "call":
            self._signature = write_signature(signed.signature)
        else:
            yield self._chunk(write_signature(signed.signature))

    def _said(self, text: str) -> Json | None:
        match self._open:
            case hub.ToolUse():
                return {"tool_calls": [{"index": self._calls, "function": {"arguments": text}}]}
            case hub.Thinking():
                return {"reasoning_content": text}
            case hub.Refusal():
                return {"refusal": text}
            case _:
                return {"content": text}

    def _head(self) -> Json:
        return {"id": self._id, "object": "chat.completion.chunk", "created": self._created, "model": self.model}

    def _chunk(self, delta: Json, finish_reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return write_event({**self._head(), "choices": [choice]} | ({"usage": None} if self.usage_asked else {}))
