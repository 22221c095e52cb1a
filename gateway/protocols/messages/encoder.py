"""Streams written: https://docs.claude.com/en/docs/build-with-claude/streaming"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway import sse
from gateway.protocols import hub
from gateway.protocols.codec import Json, StreamEncoder, write_event
from gateway.protocols.messages.answer import write_answer, write_error, write_stop, write_usage
from gateway.protocols.messages.parts import write_signature

if TYPE_CHECKING:
    from collections.abc import Iterator


class Encoder(StreamEncoder):
    """`index` counts blocks from 0; one is open at a time."""

    def __init__(self, model: str, *, usage_asked: bool) -> None:
        super().__init__(model, usage_asked=usage_asked)
        self._started = False
        self._index = -1
        self._open: hub.Part = hub.Text()

    def feed(self, event: hub.Event) -> Iterator[str]:
        match event:
            case hub.Started():
                self._started = True
                yield _named(type="message_start", message=self._message(event))
            case hub.Opened(part):
                self._index += 1
                self._open = part
                yield _named(type="content_block_start", index=self._index, content_block=_begun(part))
            case hub.Delta(text):
                yield self._delta(text)
            case hub.Signed(signature):
                yield self._sent({"type": "signature_delta", "signature": write_signature(signature)})
            case hub.Closed():
                yield _named(type="content_block_stop", index=self._index)
            case hub.Finished():
                yield _named(type="message_delta", delta=write_stop(event), usage=write_usage(event.usage))
                yield _named(type="message_stop")
            case hub.Failed():
                yield _named(**write_error(event))
            case hub.Ping():
                yield _named(type="ping") if self._started else sse.comment("ping")  # message_start comes first

    def _message(self, started: hub.Started) -> Json:
        empty = hub.Answer(started.id, self.model, (), "end", started.usage)
        return write_answer(empty) | {"stop_reason": None}

    def _delta(self, text: str) -> str:
        match self._open:
            case hub.ToolUse():
                return self._sent({"type": "input_json_delta", "partial_json": text})
            case hub.Thinking():
                return self._sent({"type": "thinking_delta", "thinking": text})
            case _:
                return self._sent({"type": "text_delta", "text": text})

    def _sent(self, delta: Json) -> str:
        return _named(type="content_block_delta", index=self._index, delta=delta)


def _begun(part: hub.Part) -> Json:
    match part:
        case hub.ToolUse():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": {}}
        case hub.Thinking():
            return {"type": "thinking", "thinking": "", "signature": ""}
        case hub.RedactedThinking():
            return {"type": "redacted_thinking", "data": write_signature(part.data)}
        case _:
            return {"type": "text", "text": ""}


def _named(**event: Any) -> str:
    return write_event(event, event["type"])
