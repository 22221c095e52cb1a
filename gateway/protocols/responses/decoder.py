"""Streams read: https://platform.openai.com/docs/api-reference/responses-streaming"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.protocols import hub, signatures
from gateway.protocols.codec import Json, StreamDecoder, read_event, words
from gateway.protocols.responses.answer import read_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIFE = {"response.created", "response.completed", "response.incomplete", "response.failed", "error"}


class Decoder(StreamDecoder):
    """Items and their parts become the hub's parts; `.done` is the truth where no delta came before it."""

    def __init__(self) -> None:
        self._open = False
        self._said = False

    def feed(self, name: str | None, data: str) -> Iterator[hub.Event]:
        event = read_event(data)
        kind = event.get("type", name) or ""
        if kind in _LIFE:
            yield from self._lived(kind, event)
        elif kind.endswith(".delta") and self._open:
            self._said = True
            yield hub.Delta(event["delta"])
        else:
            yield from self._told_whole(kind, event)

    def _told_whole(self, kind: str, event: Json) -> Iterator[hub.Event]:
        match kind:
            case "response.output_item.added":
                yield from self._added(event["item"])
            case "response.output_item.done":
                yield from self._done(event["item"])
            case "response.content_part.added" | "response.reasoning_summary_part.added":
                yield from self._part(event["part"])
            case "response.output_text.done" | "response.reasoning_summary_text.done":
                yield from self._told(event["text"])
            case "response.function_call_arguments.done":
                yield from self._told(event["arguments"])
            case "response.refusal.done":
                yield from self._told(event["refusal"])
            case "response.content_part.done":
                yield from self._closed()

    def _lived(self, kind: str, event: Json) -> Iterator[hub.Event]:
        self.finished = kind != "response.created"
        match kind:
            case "response.created":
                response = event["response"]
                yield hub.Started(response["id"], response["model"])
            case "response.completed" | "response.incomplete":
                yield from self._closed()
                answer = read_answer(event["response"])
                yield hub.Finished(answer.stop, answer.usage)
            case "response.failed":
                yield _failed(event["response"].get("error") or {})
            case _:
                yield _failed(event.get("error") or event)

    def _added(self, item: Json) -> Iterator[hub.Event]:
        yield from self._closed()
        if item["type"] == "function_call":
            yield from self._opened(hub.ToolUse(item["call_id"], item["name"]))
        elif item["type"] == "reasoning":
            yield from self._opened(hub.Thinking())

    def _part(self, part: Json) -> Iterator[hub.Event]:
        if part["type"] == "output_text":
            yield from self._closed()
            yield from self._opened(hub.Text())
        elif part["type"] == "refusal":
            yield from self._closed()
            yield from self._opened(hub.Refusal())

    def _opened(self, part: hub.Part) -> Iterator[hub.Event]:
        self._open, self._said = True, False
        yield hub.Opened(part)

    def _told(self, text: str) -> Iterator[hub.Event]:
        if self._open and not self._said and text:
            self._said = True
            yield hub.Delta(text)

    def _done(self, item: Json) -> Iterator[hub.Event]:
        if self._open:
            if item["type"] == "function_call":
                yield from self._told(item["arguments"])
            if item["type"] == "reasoning" and item.get("encrypted_content"):
                yield hub.Signed(signatures.read("openai", item["encrypted_content"]))
        yield from self._closed()

    def _closed(self) -> Iterator[hub.Event]:
        if self._open:
            self._open = False
            yield hub.Closed()


def _failed(error: Json) -> hub.Failed:
    code = error.get("code")
    return hub.Failed(429 if code == "rate_limit_exceeded" else 500, words(error))
