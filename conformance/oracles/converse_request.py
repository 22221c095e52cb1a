"""A request for Bedrock's Converse, read as a conversation.

What Converse has no word for goes to Claude in Claude's own, among the fields of the model.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def parts(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from (("system", block["text"]) for block in body.get("system") or () if "text" in block)
    for message in body["messages"]:
        for block in message["content"]:
            yield from _said(message["role"], block)


def _said(role: str, block: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if "text" in block:
        yield role, block["text"]
    elif call := block.get("toolUse"):
        yield "call", (call["toolUseId"], call["name"], call["input"])
    elif result := block.get("toolResult"):
        yield "result", (result["toolUseId"], "".join(map(_text, result["content"])))
        yield from (("image", held["image"]["source"]["bytes"]) for held in result["content"] if "image" in held)
    elif image := block.get("image"):
        yield "image", image["source"]["bytes"]


def _text(block: dict[str, Any]) -> str:
    return json.dumps(block["json"]) if "json" in block else str(block.get("text", ""))


def options(body: dict[str, Any]) -> dict[str, Any]:
    config = body.get("toolConfig") or {}
    choice: dict[str, Any] = config.get("toolChoice") or {}
    specs = [tool["toolSpec"] for tool in config.get("tools") or () if "toolSpec" in tool]
    own = body.get("additionalModelRequestFields") or {}
    claudes = own.get("tool_choice") or {}
    thinking = own.get("thinking") or {}
    return {
        "tools": {spec["name"]: spec["inputSchema"]["json"] for spec in specs},
        "choice": choice["tool"]["name"] if "tool" in choice else "required" if "any" in choice else _none(claudes),
        "one_call_only": claudes.get("disable_parallel_tool_use") is True,
        "limit": (body.get("inferenceConfig") or {}).get("maxTokens"),
        "effort": (own.get("output_config") or {}).get("effort")
        or ("budget" if thinking.get("type") == "enabled" else None),
    }


def _none(choice: dict[str, Any]) -> str | None:
    return "none" if choice.get("type") == "none" else None
