"""The hub's parts as items, and the content in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.protocols import hub, signatures
from gateway.protocols.openai import read_document, read_image, write_document, write_image
from gateway.protocols.responses.custom import unwrapped, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.protocols.codec import Json


def read_item(item: Json) -> Iterator[hub.Part]:
    match item["type"]:
        case "message":
            yield from read_content(item["content"])
        case "function_call":
            yield hub.ToolUse(item["call_id"], item["name"], item["arguments"], item.get("namespace") or "")
        case "custom_tool_call":
            namespace = item.get("namespace") or ""
            yield hub.ToolUse(item["call_id"], item["name"], wrapped(item["input"]), namespace, custom=True)
        case "reasoning":
            summary = "".join(part["text"] for part in item.get("summary") or ())
            proof = signatures.read("openai", item.get("encrypted_content") or "")
            if summary:
                yield hub.Thinking(summary, proof)
            elif proof:
                yield hub.RedactedThinking(proof)


def read_content(content: Any) -> Iterator[hub.Part]:
    parts: list[Json] = [{"type": "input_text", "text": content}] if isinstance(content, str) else content or []
    for part in parts:
        match part["type"]:
            case "input_text" | "output_text" | "text":
                yield hub.Text(part["text"])
            case "refusal":
                yield hub.Refusal(part["refusal"])
            case "input_image" if part.get("image_url"):
                yield read_image(part["image_url"])
            case "input_file" if part.get("file_data"):
                yield read_document(part)
            case kind:
                raise hub.UntranslatableError("input.content", f"a part of the type {kind} has no counterpart")


def write_part(part: hub.Part, role: str) -> Json:
    """Content of a message in a request."""
    if role != "user":
        hub.refuse_shown([part])
    match part:
        case hub.Text(text):
            return {"type": "output_text" if role == "assistant" else "input_text", "text": text}
        case hub.Refusal(text):
            return {"type": "refusal", "refusal": text}
        case hub.Image():
            return {"type": "input_image", "image_url": write_image(part), "detail": "auto"}
        case hub.Document():
            return {"type": "input_file", **write_document(part)}
        case _:
            raise hub.UntranslatableError("messages", f"{type(part).__name__} cannot be said by the {role}")


def id_of(part: hub.Part, index: int, answer_id: str) -> str:
    if isinstance(part, hub.ToolUse) and part.custom:
        return f"ctc_{answer_id.rpartition('_')[2]}_{index}"
    kind = {hub.ToolUse: "fc", hub.Thinking: "rs", hub.RedactedThinking: "rs"}.get(type(part), "msg")
    return f"{kind}_{answer_id.rpartition('_')[2]}_{index}"


def write_item(part: hub.Part, item_id: str) -> Json:
    match part:
        case hub.ToolUse():
            called = {"id": item_id, "status": "completed", "call_id": part.id, "name": part.name}
            if part.namespace:
                called["namespace"] = part.namespace
            if part.custom:
                return {"type": "custom_tool_call", **called, "input": unwrapped(part.arguments)}
            return {"type": "function_call", **called, "arguments": part.arguments}
        case hub.Thinking() | hub.RedactedThinking():
            return {"id": item_id, **write_reasoning(part)}
        case _:
            content = [write_content(part)]
            return {"type": "message", "id": item_id, "status": "completed", "role": "assistant", "content": content}


def write_reasoning(part: hub.Thinking | hub.RedactedThinking) -> Json:
    match part:
        case hub.Thinking(text, token):
            item: Json = {"type": "reasoning", "summary": [{"type": "summary_text", "text": text}]}
        case hub.RedactedThinking(token):
            item = {"type": "reasoning", "summary": []}
    return item | ({"encrypted_content": signatures.written("openai", token)} if token else {})


def write_content(part: hub.Part) -> Json:
    """Content of a message in an answer."""
    if isinstance(part, hub.Refusal):
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": getattr(part, "text", ""), "annotations": [], "logprobs": []}
