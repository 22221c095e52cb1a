"""The Anthropic SDK on the Messages surface.

Source: https://docs.claude.com/en/api/messages
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from conformance.drivers.answer import Answer
from conformance.drivers.client import Client, reported, whole
from conformance.surface import Surface
from conformance.upstream import RedactedThinking, Thinking, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.drivers.ask import Ask

_STOPS = {
    "end_turn": "end",
    "max_tokens": "length",
    "tool_use": "tool-use",
    "stop_sequence": "stop-sequence",
    "refusal": "refusal",
    "pause_turn": "pause",
}

_WIRE_EVENTS = {
    "message_start",
    "message_delta",
    "message_stop",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
}


class MessagesClient(Client):
    """`anthropic.Anthropic(...).messages`, or its beta twin where an ask names betas."""

    surface: ClassVar = Surface.ANTHROPIC_MESSAGES
    package: ClassVar = "anthropic"
    path: ClassVar = "/v1/messages"

    def _connect(self, **settings: Any) -> Any:
        import anthropic

        return (anthropic.Anthropic if self.mode.blocks else anthropic.AsyncAnthropic)(**settings)

    def _resource(self, arguments: dict[str, Any]) -> Any:
        return self._sdk.beta.messages if "betas" in arguments else self._sdk.messages

    def said(self, ask: Ask) -> dict[str, Any]:
        said: dict[str, Any] = {"max_tokens": 1024, "messages": list(_messages(ask))}
        if ask.tools:
            said["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
                for tool in ask.tools
            ]
        return said

    def _arguments(self, ask: Ask) -> dict[str, Any]:
        arguments = super()._arguments(ask)
        return arguments | {"betas": list(ask.betas)} if ask.betas else arguments

    def read(self, raw: dict[str, Any]) -> Answer:
        content = raw["content"]
        stop = raw["stop_reason"]
        return Answer(
            id=raw["id"],
            model=raw["model"],
            text="".join(block["text"] for block in content if block["type"] == "text"),
            thinking=tuple(_thinking(block) for block in content if "thinking" in block["type"]),
            tool_calls=tuple(_tool_call(block) for block in content if block["type"] == "tool_use"),
            refusal=None,
            stop=_STOPS.get(stop, stop),
            usage=_usage(raw["usage"]),
            raw=raw,
        )

    def assemble(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        return assemble(events)

    def piece(self, event: dict[str, Any]) -> str:
        return str(event.get("delta", {}).get("text", "")) if event["type"] == "content_block_delta" else ""

    async def final(self, source: Any) -> dict[str, Any]:
        return whole(await self._run(source.get_final_message))

    def event(self, event: Any) -> dict[str, Any] | None:
        return whole(event) if event.type in _WIRE_EVENTS or not self.mode.helps else None

    async def count_tokens(self, ask: Ask) -> int:
        arguments = self._arguments(ask)
        del arguments["max_tokens"]
        with reported():
            counted = await self._run(self._resource(arguments).count_tokens, **arguments)
            return int(whole(counted)["input_tokens"])

    async def models(self, query: dict[str, str] | None = None) -> list[str]:
        with reported():
            page = await self._run(self._sdk.models.list, extra_query=query)
            return [model.id for model in page.data]


def assemble(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that the events of a Messages stream add up to, as the API's documentation says to add them."""
    message: dict[str, Any] = {}
    for event in events:
        match event["type"]:
            case "message_start":
                message = {**event["message"], "content": []}
            case "content_block_start":
                message["content"].append({**event["content_block"], **_open(event["content_block"])})
            case "content_block_delta":
                _extend(message["content"][event["index"]], event["delta"])
            case "content_block_stop":
                _close(message["content"][event["index"]])
            case "message_delta":
                message |= event["delta"]
                message["usage"] = message["usage"] | {k: v for k, v in event["usage"].items() if v is not None}
    return message


def _open(block: dict[str, Any]) -> dict[str, Any]:
    return {"partial_json": ""} if "input" in block else {}


def _extend(block: dict[str, Any], delta: dict[str, Any]) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "input_json_delta":
            block["partial_json"] += delta["partial_json"]


def _close(block: dict[str, Any]) -> None:
    if "partial_json" in block:
        text = block.pop("partial_json")
        block["input"] = json.loads(text) if text else block["input"]


def _messages(ask: Ask) -> Iterator[dict[str, Any]]:
    yield {"role": "user", "content": ask.prompt}
    for turn in ask.turns:
        yield {"role": "assistant", "content": turn.answer.raw["content"]}
        yield {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": result.call_id, "content": result.content}
                for result in turn.results
            ],
        }


def _thinking(block: dict[str, Any]) -> Thinking | RedactedThinking:
    if block["type"] == "redacted_thinking":
        return RedactedThinking(block["data"])
    return Thinking(block["thinking"], block["signature"])


def _tool_call(block: dict[str, Any]) -> ToolCall:
    return ToolCall(block["id"], block["name"], json.dumps(block["input"]))


def _usage(usage: dict[str, Any]) -> Usage:
    read, write = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    return Usage(
        input=usage["input_tokens"] + read + write,
        output=usage["output_tokens"],
        cache_read=read,
        cache_write=write,
        reasoning=(usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
    )
