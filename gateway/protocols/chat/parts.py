"""The hub's parts in messages: content, reasoning, calls of tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.protocols import hub, signatures
from gateway.protocols.openai import read_document, read_image, write_document, write_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.protocols.codec import Json


def read_message(message: Json) -> Iterator[hub.Part]:
    """The model's own message."""
    if message.get("reasoning_content"):
        yield hub.Thinking(message["reasoning_content"])
    yield from read_content(message.get("content"))
    yield from _read_signature(message, "text" if message.get("content") else "empty")
    if message.get("refusal"):
        yield hub.Refusal(message["refusal"])
    for call in message.get("tool_calls") or ():
        if "function" not in call:
            raise hub.UntranslatableError("messages.tool_calls", f"a call of the type {call.get('type')}")
        yield from _read_signature(call, "call")
        yield hub.ToolUse(call["id"], call["function"]["name"], call["function"].get("arguments") or "")


def read_content(content: Any) -> Iterator[hub.Part]:
    if isinstance(content, str):
        if content:
            yield hub.Text(content)
        return
    for part in content or ():
        match part["type"]:
            case "text":
                yield hub.Text(part["text"])
            case "refusal":
                yield hub.Refusal(part["refusal"])
            case "image_url":
                yield read_image(part["image_url"]["url"])
            case "file" if part["file"].get("file_data"):
                yield read_document(part["file"])
            case kind:
                raise hub.UntranslatableError("messages.content", f"a part of the type {kind} has no counterpart")


def _read_signature(carrier: Json, place: signatures.Place) -> Iterator[hub.Part]:
    """Where Google has its own Chat carry them: https://ai.google.dev/gemini-api/docs/thought-signatures#openai"""
    google = (carrier.get("extra_content") or {}).get("google") or {}
    if signature := google.get("thought_signature"):
        yield hub.RedactedThinking(signatures.marked(place, signature))


def write_signature(signature: str) -> Json:
    return {"extra_content": {"google": {"thought_signature": signature}}}


def write_signed(parts: Sequence[hub.Part]) -> Json:
    """The model's message for a client, who brings Gemini's signatures back."""
    message, of_calls = write_assistant(parts), signatures.of_calls(parts)
    for call in message.get("tool_calls") or ():
        call |= write_signature(of_calls[call["id"]]) if call["id"] in of_calls else {}  # noqa: PLW2901
    tokens = (signatures.unmarked(part.data) for part in parts if isinstance(part, hub.RedactedThinking))
    said = [token.signature for token in tokens if token and token.place != "call"]
    return message | (write_signature(said[-1]) if said else {})


def write_assistant(parts: Iterable[hub.Part]) -> Json:
    """Signatures are not sent back: Chat has no place in which a provider would know its reasoning again."""
    hub.refuse_shown(parts)
    message: Json = {"role": "assistant", "content": said(parts, hub.Text) or None}
    if refused := said(parts, hub.Refusal):
        message["refusal"] = refused
    if thought := said(parts, hub.Thinking):
        message["reasoning_content"] = thought
    if calls := [write_call(part) for part in parts if isinstance(part, hub.ToolUse)]:
        message["tool_calls"] = calls
    return message


def write_user(parts: Sequence[hub.Part]) -> Json:
    """Text alone is a plain string."""
    match parts:
        case [hub.Text(text)]:
            return {"role": "user", "content": text}
        case _:
            return {"role": "user", "content": [_write_part(part) for part in parts]}


def _write_part(part: hub.Part) -> Json:
    match part:
        case hub.Image():
            return {"type": "image_url", "image_url": {"url": write_image(part)}}
        case hub.Document():
            return {"type": "file", "file": write_document(part)}
        case hub.Text(text):
            return {"type": "text", "text": text}
        case _:
            raise hub.UntranslatableError("messages.content", f"{type(part).__name__} cannot be said by a user")


def write_call(part: hub.ToolUse) -> Json:
    return {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}


def said(parts: Iterable[hub.Part], kind: type[hub.Text | hub.Thinking | hub.Refusal]) -> str:
    return "".join(part.text for part in parts if isinstance(part, kind))
