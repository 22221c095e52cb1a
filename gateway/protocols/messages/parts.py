"""The hub's parts as content blocks."""

from __future__ import annotations

import re
from base64 import b64decode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from gateway.protocols import hub, signatures
from gateway.protocols.codec import Json, arguments_value, compact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TOOL_ID = re.compile(r"[A-Za-z0-9_-]+")


def read_content(content: Any, where: str | None) -> Iterator[hub.Part]:
    """`where` is given for requests, where a block that cannot be carried is refused; answers come as they are."""
    blocks: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    for block in blocks:
        match block["type"]:
            case "text":
                yield hub.Text(block["text"])
            case "thinking":
                yield hub.Thinking(block["thinking"], signatures.read("anthropic", block.get("signature") or ""))
            case "redacted_thinking":
                yield hub.RedactedThinking(signatures.read("anthropic", block["data"]))
            case "tool_use":
                yield hub.ToolUse(block["id"], block["name"], compact(block["input"]))
            case "tool_result":
                parts: Any = tuple(read_content(block.get("content"), f"{where}.tool_result"))
                yield hub.ToolResult(block["tool_use_id"], parts, bool(block.get("is_error")))
            case "image" if block["source"]["type"] in {"url", "base64"}:
                yield _read_image(block["source"])
            case "document" if block["source"]["type"] == "base64":
                source = block["source"]
                yield hub.Document(source["media_type"], source["data"], block.get("title") or "")
            case kind if where is not None:
                raise hub.UntranslatableError(where, f"a block of the type {kind} has no counterpart")


def _read_image(source: Json) -> hub.Image:
    if source["type"] == "url":
        return hub.Image(url=source["url"])
    return hub.Image(source["media_type"], source["data"])


def write_content(parts: Iterable[hub.Part]) -> Iterator[Json]:
    for part in parts:
        match part:
            case hub.Text(text) | hub.Refusal(text):
                yield {"type": "text", "text": text}
            case hub.Thinking(text, signature):
                yield {"type": "thinking", "thinking": text, "signature": write_signature(signature)}
            case hub.RedactedThinking(data):
                yield {"type": "redacted_thinking", "data": write_signature(data)}
            case hub.ToolUse():
                yield {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments_value(part.arguments)}
            case hub.ToolResult():
                result = {
                    "type": "tool_result",
                    "tool_use_id": part.call_id,
                    "content": list(write_content(part.parts)),
                }
                yield result | ({"is_error": True} if part.is_error else {})
            case hub.Image(url=url) if url:
                yield {"type": "image", "source": {"type": "url", "url": url}}
            case hub.Image():
                yield {"type": "image", "source": _base64(part)}
            case hub.Document():
                titled = {"title": part.name} if part.name else {}
                yield {"type": "document", "source": _read_by_claude(part), **titled}


def write_signature(token: str) -> str:
    return signatures.written("anthropic", token)


def tool_id(given: str) -> str:
    return given if _TOOL_ID.fullmatch(given) else f"toolu_{sha256(given.encode()).hexdigest()[:24]}"


def _read_by_claude(part: hub.Document) -> Json:
    """PDFs and plain text are all that Claude reads."""
    if part.media_type.startswith("text/"):
        text = b64decode(part.data).decode(errors="replace")
        return {"type": "text", "media_type": "text/plain", "data": text}
    if part.media_type != "application/pdf":
        raise hub.UntranslatableError("messages.content", f"Claude reads PDFs and text, and no {part.media_type}")
    return _base64(part)


def _base64(part: hub.Image | hub.Document) -> Json:
    return {"type": "base64", "media_type": part.media_type, "data": part.data}
