"""The stream of Bedrock's Converse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.oracles.grammar import Grammar

if TYPE_CHECKING:
    from conformance.oracles.sse import ServerSentEvent


class ConverseGrammar(Grammar):
    """messageStart (contentBlockStart? contentBlockDelta* contentBlockStop)* messageStop metadata

    A block begins with its first event, whichever that is; only a tool's has a start, which names it. Blocks are
    numbered from 0 and never overlap. An exception may come anywhere and ends the stream.
    Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
    """

    terminal = "metadata"

    def __init__(self) -> None:
        super().__init__()
        self.started = False
        self.stopped = False
        self.blocks = 0
        self.open = False
        self.tool = False

    def feed(self, event: ServerSentEvent) -> None:
        name = event.name or ""
        if name.endswith("Exception"):
            self.ended_by = name
            return
        self.expect(self.started or name == "messageStart", name, "messageStart")
        getattr(self, f"on_{name}", self.on_unknown)(event.json)

    def on_messageStart(self, value: dict[str, Any]) -> None:  # noqa: N802 - the event's own name
        self.expect(not self.started, "a second messageStart", "the message's blocks")
        self.expect(value["role"] == "assistant", f"a message of {value['role']}", "one of the assistant")
        self.started = True

    def on_contentBlockStart(self, value: dict[str, Any]) -> None:  # noqa: N802 - the event's own name
        self.expect(not self.open, "contentBlockStart", f"contentBlockStop of block {self.blocks}")
        self.inside("contentBlockStart", value)
        tool = value["start"].get("toolUse")
        if tool is not None:
            self.expect(bool(tool["name"] and tool["toolUseId"]), f"the tool use {tool}", "a name and an id")
            self.tool = True

    def on_contentBlockDelta(self, value: dict[str, Any]) -> None:  # noqa: N802 - the event's own name
        self.inside("contentBlockDelta", value)
        called = "toolUse" in value["delta"]
        self.expect(called == self.tool, f"the delta {value['delta']}", "input of a tool, within its block alone")

    def on_contentBlockStop(self, value: dict[str, Any]) -> None:  # noqa: N802 - the event's own name
        self.expect(self.open, "contentBlockStop", "a block before it")
        self.inside("contentBlockStop", value)
        self.open = self.tool = False
        self.blocks += 1

    def inside(self, name: str, value: dict[str, Any]) -> None:
        self.expect(not self.stopped, name, "metadata")
        index = value["contentBlockIndex"]
        self.expect(index == self.blocks, f"{name} numbered {index}", f"number {self.blocks}")
        self.open = True

    def on_messageStop(self, value: dict[str, Any]) -> None:  # noqa: N802 - the event's own name
        self.expect(not self.open, "messageStop", f"contentBlockStop of block {self.blocks}")
        self.expect(not self.stopped, "a second messageStop", "metadata")
        self.expect(bool(value["stopReason"]), "messageStop", "a stopReason in it")
        self.stopped = True

    def on_metadata(self, value: dict[str, Any]) -> None:
        self.expect(self.stopped, "metadata", "messageStop before it")
        counts = [value["usage"].get(name) for name in ("inputTokens", "outputTokens", "totalTokens")]
        self.expect(all(isinstance(count, int) for count in counts), f"usage of {counts} tokens", "whole numbers")
        self.ended_by = "metadata"

    def on_unknown(self, _: dict[str, Any]) -> None:
        """Allowed anywhere once the message has begun."""
