"""Streams read: https://docs.claude.com/en/docs/build-with-claude/streaming"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.protocols import hub, signatures
from gateway.protocols.codec import Json, StreamDecoder, read_event, words
from gateway.protocols.messages.answer import STATUSES, STOPS, read_usage, refused_in

if TYPE_CHECKING:
    from collections.abc import Iterator


class Decoder(StreamDecoder):
    """Blocks come one after the other, so each event is one of the hub's. What it has no part for is left out."""

    def __init__(self) -> None:
        self._usage: Json = {}
        self._stop: Json = {}
        self._open: hub.Part | None = None
        self._silent = True

    def feed(self, name: str | None, data: str) -> Iterator[hub.Event]:
        event = read_event(data)
        match event.get("type", name):
            case "message_start":
                message = event["message"]
                self._usage = dict(message.get("usage") or {})
                yield hub.Started(message["id"], message["model"], read_usage(self._usage))
            case "content_block_start":
                yield from self._began(event["content_block"])
            case "content_block_delta" if self._open:
                self._silent &= not event["delta"].get("partial_json")
                yield from _delta(event["delta"])
            case "content_block_stop" if self._open:
                yield from self._closed()
            case "message_delta":
                self._stop |= {key: value for key, value in event["delta"].items() if value is not None}
                self._usage |= {key: value for key, value in (event.get("usage") or {}).items() if value is not None}
            case "message_stop":
                yield from self._ended()
            case "ping":
                yield hub.Ping()
            case "error":
                self.finished = True
                error = event.get("error") or {}
                yield hub.Failed(STATUSES.get(error.get("type", ""), 500), words(event))

    def _began(self, block: Json) -> Iterator[hub.Event]:
        self._open, self._silent = _part(block), True
        if self._open:
            yield hub.Opened(self._open)

    def _closed(self) -> Iterator[hub.Event]:
        if self._silent and isinstance(self._open, hub.ToolUse):  # a call without arguments has no delta
            yield hub.Delta("{}")
        yield hub.Closed()

    def _ended(self) -> Iterator[hub.Event]:
        self.finished = True
        if refused := refused_in(self._stop):
            yield from (hub.Opened(hub.Refusal()), hub.Delta(refused.text), hub.Closed())
        stop = STOPS.get(self._stop.get("stop_reason", ""), "end")
        yield hub.Finished(stop, read_usage(self._usage), self._stop.get("stop_sequence"))


def _part(block: Json) -> hub.Part | None:
    match block["type"]:
        case "tool_use":
            return hub.ToolUse(block["id"], block["name"])
        case "thinking":
            return hub.Thinking()
        case "redacted_thinking":
            return hub.RedactedThinking(signatures.read("anthropic", block["data"]))
        case "text":
            return hub.Text()
        case _:
            return None


def _delta(delta: Json) -> Iterator[hub.Event]:
    match delta["type"]:
        case "text_delta":
            yield hub.Delta(delta["text"])
        case "thinking_delta":
            yield hub.Delta(delta["thinking"])
        case "input_json_delta":
            yield hub.Delta(delta["partial_json"])
        case "signature_delta":
            yield hub.Signed(signatures.read("anthropic", delta["signature"]))
