"""The hub's parts as parts of a content: https://ai.google.dev/api/caching#Part"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from gateway.protocols import hub, signatures
from gateway.protocols.codec import Json, arguments_value, compact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_OURS = "gateway.signature."
_OURS_REDACTED = "gateway.redacted."


def read_part(part: Json, id_of: Callable[[Json], str]) -> Iterator[hub.Part]:
    """What a model says. `id_of` gives a function call its id; what is none of the hub's parts is left out."""
    signature = part.get("thoughtSignature") or ""
    match part:
        case {"functionCall": call}:
            yield from _signed("call", signature)
            yield hub.ToolUse(id_of(call), call["name"], compact(call.get("args") or {}))
        case {"thought": True}:
            yield _read_thought(part.get("text") or "", signature)
        case {"text": text}:
            if text:
                yield hub.Text(text)
            yield from _signed("text" if text else "empty", signature)
        case {"inlineData": data}:
            yield read_data(data)


def _signed(place: signatures.Place, signature: str) -> Iterator[hub.Part]:
    if signature and _ours(signature) is None:
        yield hub.RedactedThinking(signatures.marked(place, signature))


def _read_thought(text: str, signature: str) -> hub.Part:
    ours = _ours(signature)
    if ours is None:
        return hub.Thinking(text, signatures.marked("thought", signature) if signature else "")
    if ours.startswith(_OURS_REDACTED):
        return hub.RedactedThinking(ours.removeprefix(_OURS_REDACTED))
    return hub.Thinking(text, ours.removeprefix(_OURS))


def _ours(signature: str) -> str | None:
    """Another provider's signature, as this gateway gave it to a client of Gemini's. SDKs may write it URL-safe."""
    try:
        text = base64.b64decode(signature.replace("-", "+").replace("_", "/") + "===").decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text if text.startswith((_OURS, _OURS_REDACTED)) else None


def read_data(data: Json) -> hub.Image | hub.Document:
    kind, content = data["mimeType"], data["data"].replace("-", "+").replace("_", "/")
    if kind.startswith("image/"):
        return hub.Image(kind, content)
    if kind.startswith(("audio/", "video/")):
        raise hub.UntranslatableError("contents.parts.inlineData", f"{kind} has no counterpart")
    return hub.Document(kind, content, data.get("displayName") or "")


def joined(parts: Iterable[hub.Part]) -> list[hub.Part]:
    """A model's parts, where those that were streamed in pieces are whole again."""
    whole: list[hub.Part] = []
    for part in parts:
        match (whole[-1] if whole else None, part):
            case (hub.Text(said), hub.Text(more)):
                whole[-1] = hub.Text(said + more)
            case (hub.Thinking(said, ""), hub.Thinking(more, signature)):
                whole[-1] = hub.Thinking(said + more, signature)
            case _:
                whole.append(part)
    return whole


def write_parts(parts: Iterable[hub.Part], names: Mapping[str, str]) -> list[Json]:
    """`names` holds the function's name by the id of its call: a result must say it."""
    written: list[Json] = []
    waiting: Json = {}
    before: hub.Part | None = None
    for part in parts:
        match part:
            case hub.RedactedThinking(data) if signed := signatures.unmarked(data):
                proof = {"thoughtSignature": signed.signature}
                if signed.place == "call":
                    waiting = proof
                elif signed.place == "text" and written and isinstance(before, hub.Text):
                    written[-1] |= proof
                else:
                    written.append({"text": ""} | proof)
            case hub.ToolUse():
                written.append(write_call(part, part.arguments) | waiting)
                waiting = {}
            case hub.ToolResult():
                written.append({"functionResponse": _write_result(part, names)})
            case _:
                written.append(write_part(part))
        before = part
    return written


def write_part(part: hub.Part) -> Json:
    match part:
        case hub.Text(text) | hub.Refusal(text):
            return {"text": text}
        case hub.Thinking(text, signature):
            return {"text": text, "thought": True} | write_signature(signature)
        case hub.RedactedThinking(data):
            return {"text": "", "thought": True, "thoughtSignature": _encoded(_OURS_REDACTED + data)}
        case hub.Image(url=url) if url:
            raise hub.UntranslatableError("messages.content", "Gemini takes an image's data, not its address")
        case hub.Image() | hub.Document():
            return {"inlineData": _write_data(part)}
        case _:
            raise hub.UntranslatableError("messages.content", f"{type(part).__name__} has no counterpart")


def write_signature(token: str) -> Json:
    """Gemini's own goes back as it was; another's in a form that clients of Gemini can keep: it must be base64."""
    if not token:
        return {}
    signed = signatures.unmarked(token)
    return {"thoughtSignature": signed.signature if signed else _encoded(_OURS + token)}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def write_call(call: hub.ToolUse, arguments: str) -> Json:
    return {"functionCall": {"id": call.id, "name": call.name, "args": arguments_value(arguments)}}


def _write_data(part: hub.Image | hub.Document) -> Json:
    return {"mimeType": part.media_type, "data": part.data}


def _write_result(result: hub.ToolResult, names: Mapping[str, str]) -> Json:
    """Text stands under `output` or `error`: https://ai.google.dev/api/caching#FunctionResponse"""
    if result.call_id not in names:
        raise hub.UntranslatableError(
            "messages.tool_call_id", f"the conversation has no call with the id {result.call_id!r}"
        )
    shown = [part for part in result.parts if not isinstance(part, hub.Text)]
    response = {"error" if result.is_error else "output": result.text}
    written: Json = {"id": result.call_id, "name": names[result.call_id], "response": response}
    return written | ({"parts": [write_part(part) for part in shown]} if shown else {})


def read_result(response: Json, call_id: str) -> hub.ToolResult:
    """Where `output`, `error` or `result` (as Google's SDKs put it) is all, it is the text; else the object is."""
    value: Any = response.get("response") or {}
    is_error = list(value) == ["error"]
    if len(value) == 1 and next(iter(value)) in {"output", "error", "result"}:
        (value,) = value.values()
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    shown = tuple(read_data(part["inlineData"]) for part in response.get("parts") or ())
    return hub.ToolResult(call_id, (hub.Text(text), *shown), is_error)
