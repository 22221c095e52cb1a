"""The stream of the Messages surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.oracles.grammar import Grammar, typed

if TYPE_CHECKING:
    from conformance.oracles.sse import ServerSentEvent

_DELTAS = {
    "text_delta": ("text",),
    "citations_delta": ("text",),
    "thinking_delta": ("thinking",),
    "signature_delta": ("thinking",),
    "input_json_delta": ("tool_use", "server_tool_use", "mcp_tool_use"),
}


class MessagesGrammar(Grammar):
    """message_start (content_block_start content_block_delta* content_block_stop)* message_delta+ message_stop

    `ping` may come anywhere; so may `error`, which ends the stream. Blocks are numbered from 0 and never overlap; a
    signature ends the thinking that it proves. Usage is cumulative, and the stop reason comes with it.
    Event types that nobody has heard of are allowed: the documentation announces them.
    Source: https://docs.claude.com/en/docs/build-with-claude/streaming
    """

    terminal = "message_stop"

    def __init__(self) -> None:
        super().__init__()
        self.started = False
        self.blocks = 0
        self.open: str | None = None
        self.signed = False
        self.reason: str | None = None
        self.counted: int | None = None

    @property
    def closing(self) -> bool:
        return self.counted is not None

    def feed(self, event: ServerSentEvent) -> None:
        value = typed(event)
        kind = str(value["type"])
        if kind == "ping":
            return
        if kind != "error":
            self.expect(self.started or kind == "message_start", kind, "message_start")
        getattr(self, f"on_{kind}", self.on_unknown)(value)

    def on_message_start(self, value: dict[str, Any]) -> None:
        self.expect(not self.started, "a second message_start", "the message's blocks")
        message = value["message"]
        self.expect(message["role"] == "assistant", f"a message of {message['role']}", "one of the assistant")
        self.expect(message["content"] == [], "message_start with content", "an empty content")
        self.expect(message.get("stop_reason") is None, "message_start with a stop_reason", "null, until the end")
        counts = [message["usage"].get(name) for name in ("input_tokens", "output_tokens")]
        self.expect(all(isinstance(count, int) for count in counts), f"usage of {counts} tokens", "whole numbers")
        self.started = True

    def on_content_block_start(self, value: dict[str, Any]) -> None:
        self.expect(self.open is None, "content_block_start", f"content_block_stop of the open {self.open} block")
        self.expect(not self.closing, "content_block_start", "message_stop")
        self.expect(value["index"] == self.blocks, f"a block numbered {value['index']}", f"number {self.blocks}")
        self.open = str(value["content_block"]["type"])
        self.signed = False

    def on_content_block_delta(self, value: dict[str, Any]) -> None:
        self.inside_block("content_block_delta", value)
        delta = str(value["delta"]["type"])
        blocks = _DELTAS.get(delta, (self.open,))
        self.expect(self.open in blocks, f"{delta} in a {self.open} block", f"deltas of a {self.open} block")
        self.expect(not self.signed, f"{delta} after signature_delta", "content_block_stop")
        self.signed = delta == "signature_delta"

    def on_content_block_stop(self, value: dict[str, Any]) -> None:
        self.inside_block("content_block_stop", value)
        self.open = None
        self.blocks += 1

    def inside_block(self, kind: str, value: dict[str, Any]) -> None:
        self.expect(self.open is not None, kind, "content_block_start or message_delta: no block is open")
        self.expect(value["index"] == self.blocks, f"{kind} numbered {value['index']}", f"number {self.blocks}")

    def on_message_delta(self, value: dict[str, Any]) -> None:
        self.expect(self.open is None, "message_delta", f"content_block_stop of the open {self.open} block")
        self.expect("stop_reason" in value["delta"], "message_delta without stop_reason", "a stop_reason")
        count = value["usage"]["output_tokens"]
        self.expect(count >= (self.counted or 0), f"{count} output tokens", f"at least {self.counted}, as before")
        self.counted = count
        self.reason = value["delta"]["stop_reason"] or self.reason

    def on_message_stop(self, _: dict[str, Any]) -> None:
        self.expect(self.closing, "message_stop", "message_delta before it")
        self.expect(self.reason is not None, "message_stop", "a stop_reason before it")
        self.ended_by = "message_stop"

    def on_error(self, _: dict[str, Any]) -> None:
        self.ended_by = "error"

    def on_unknown(self, _: dict[str, Any]) -> None:
        """Allowed anywhere once the message has begun."""
