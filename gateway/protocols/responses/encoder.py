"""Streams written: https://platform.openai.com/docs/api-reference/responses-streaming"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gateway import sse
from gateway.protocols import hub
from gateway.protocols.codec import Json, StreamEncoder, write_event
from gateway.protocols.openai import write_error
from gateway.protocols.responses.answer import write_answer
from gateway.protocols.responses.custom import Unwrapping, wrapped
from gateway.protocols.responses.parts import id_of, write_content, write_item

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class _Item:
    """The item that is open, its index, and what it has said so far."""

    part: hub.Part
    index: int
    id: str
    text: str = ""
    signature: str = ""
    unwrapping: Unwrapping = field(default_factory=Unwrapping)

    @property
    def custom(self) -> bool:
        return isinstance(self.part, hub.ToolUse) and self.part.custom


class Encoder(StreamEncoder):
    """Each of the hub's parts becomes an item of its own."""

    def __init__(self, model: str, *, usage_asked: bool) -> None:
        super().__init__(model, usage_asked=usage_asked)
        self._id = ""
        self._number = -1
        self._created = int(time.time())
        self._item = _Item(hub.Text(), -1, "")
        self._parts: list[hub.Part] = []

    def feed(self, event: hub.Event) -> Iterator[str]:
        match event:
            case hub.Started():
                self._id = event.id
                yield self._event("response.created", response=self._response("in_progress"))
                yield self._event("response.in_progress", response=self._response("in_progress"))
            case hub.Opened(part):
                yield from self._opened(part)
            case hub.Delta(text):
                yield from self._delta(text)
            case hub.Signed(signature):
                self._item.signature = signature
            case hub.Closed():
                yield from self._closed()
            case hub.Finished():
                answer = hub.Answer(self._id, self.model, tuple(self._parts), event.stop, event.usage)
                response = write_answer(answer) | {"created_at": self._created}
                kind = "response.incomplete" if response["status"] == "incomplete" else "response.completed"
                yield self._event(kind, response=response)
            case hub.Failed():
                code = write_error(event)["error"]["code"] or "server_error"
                yield self._event("error", code=code, message=event.message, param=None)
            case hub.Ping():
                yield sse.comment("ping")

    def _opened(self, part: hub.Part) -> Iterator[str]:
        index = self._item.index + 1
        self._item = _Item(part, index, id_of(part, index, self._id))
        yield self._event("response.output_item.added", output_index=index, item=self._begun())
        match part:
            case hub.Thinking():
                empty = {"type": "summary_text", "text": ""}
                yield self._in_item("response.reasoning_summary_part.added", summary_index=0, part=empty)
            case hub.Text() | hub.Refusal():
                yield self._in_item("response.content_part.added", content_index=0, part=write_content(part))

    def _begun(self) -> Json:
        item = write_item(self._item.part, self._item.id) | {"status": "in_progress"}
        if item["type"] == "message":
            item["content"] = []
        if item["type"] == "reasoning":
            item["summary"] = []
        return item

    def _delta(self, text: str) -> Iterator[str]:
        if self._item.custom:
            text = self._item.unwrapping.feed(text)
        self._item.text += text
        match self._item.part:
            case hub.ToolUse(custom=True):
                yield from self._input(text)
            case hub.ToolUse():
                yield self._in_item("response.function_call_arguments.delta", delta=text)
            case hub.Thinking():
                yield self._in_item("response.reasoning_summary_text.delta", summary_index=0, delta=text)
            case hub.Refusal():
                yield self._in_item("response.refusal.delta", content_index=0, delta=text)
            case hub.Text():
                yield self._in_item("response.output_text.delta", content_index=0, delta=text, logprobs=[])

    def _input(self, text: str) -> Iterator[str]:
        if text:
            yield self._in_item("response.custom_tool_call_input.delta", delta=text)

    def _closed(self) -> Iterator[str]:
        if self._item.custom:
            rest = self._item.unwrapping.end()
            self._item.text += rest
            yield from self._input(rest)
        text, part = self._item.text, self._whole()
        self._parts.append(part)
        match part:
            case hub.ToolUse(custom=True):
                yield self._in_item("response.custom_tool_call_input.done", input=text)
            case hub.ToolUse():
                name = part.name
                yield self._in_item("response.function_call_arguments.done", name=name, arguments=part.arguments)
            case hub.Thinking():
                summary = {"type": "summary_text", "text": text}
                yield self._in_item("response.reasoning_summary_text.done", summary_index=0, text=text)
                yield self._in_item("response.reasoning_summary_part.done", summary_index=0, part=summary)
            case hub.Refusal():
                yield self._in_item("response.refusal.done", content_index=0, refusal=text)
                yield self._in_item("response.content_part.done", content_index=0, part=write_content(part))
            case hub.Text():
                yield self._in_item("response.output_text.done", content_index=0, text=text, logprobs=[])
                yield self._in_item("response.content_part.done", content_index=0, part=write_content(part))
        yield self._event(
            "response.output_item.done", output_index=self._item.index, item=write_item(part, self._item.id)
        )

    def _whole(self) -> hub.Part:
        text = self._item.text
        match self._item.part:
            case hub.ToolUse() as call:
                return replace(call, arguments=wrapped(text) if call.custom else text or "{}")
            case hub.Thinking():
                return hub.Thinking(text, self._item.signature)
            case hub.Refusal():
                return hub.Refusal(text)
            case hub.RedactedThinking() as redacted:
                return redacted
            case _:
                return hub.Text(text)

    def _in_item(self, kind: str, **fields: Any) -> str:
        return self._event(kind, item_id=self._item.id, output_index=self._item.index, **fields)

    def _event(self, kind: str, **fields: Any) -> str:
        self._number += 1
        return write_event({"type": kind, "sequence_number": self._number, **fields}, kind)

    def _response(self, status: str) -> Json:
        empty = hub.Answer(self._id, self.model, (), "end", hub.Usage())
        return write_answer(empty) | {"status": status, "usage": None, "created_at": self._created}
