"""Gemini: a reply as a GenerateContentResponse, whole and in chunks, each of which is one itself.

    chunk(thoughts | text | functionCall)* chunk(finishReason)

A function call comes whole; usage stands in every chunk and counts up; nothing marks the end but `finishReason`.
Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.upstream.gemini_platform import OVERLOADED, envelope
from conformance.upstream.rendering import (
    Event,
    accompanied,
    as_object,
    in_order,
    in_pieces,
    interruption,
    pieces,
    to_json,
)
from conformance.upstream.reply import Thinking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.rendering import Call
    from conformance.upstream.reply import Reply, Usage

_Part = dict[str, Any]

_FINISH = {
    "end": "STOP",
    "length": "MAX_TOKENS",
    "tool-use": "STOP",
    "stop-sequence": "STOP",
    "refusal": "SAFETY",
    "pause": "STOP",
}
_HARMS = ("HATE_SPEECH", "DANGEROUS_CONTENT", "HARASSMENT", "SEXUALLY_EXPLICIT")


def whole(reply: Reply, call: Call) -> dict[str, Any]:
    parts = in_order(reply, _thoughts(reply), _said(reply), _calls(reply))
    if signature := _signature(reply):
        _signed(parts, signature)
    content = {"parts": parts, "role": "model"} if parts else {}
    return _response(call, [{"content": content, **_ending(reply), "index": 0}], _usage(reply.usage)) | _extra(reply)


def events(reply: Reply, call: Call) -> Iterator[Event]:
    return accompanied(
        _own_events(reply, call),
        reply.delivery,
        ping=None,
        unknown=lambda: Event(data=to_json(_named(call) | {"unheardOf": {"since": "2099-01-01"}}), own=False),
        error=lambda: [Event(data=to_json(envelope(interruption(reply, OVERLOADED), call)))],
    )


def count_tokens(reply: Reply, _: Call) -> dict[str, Any]:
    return {"totalTokens": reply.input_tokens, "promptTokensDetails": _by_modality(reply.input_tokens)}


def _own_events(reply: Reply, call: Call) -> Iterator[Event]:
    """The signature comes with the first function call; without any, with the empty part that ends the answer."""
    parts, last = list(_streamed(reply)), {"text": ""}
    if signature := _signature(reply):
        _signed([*parts, last], signature)
    for number, part in enumerate(parts):
        seen = "functionCall" in part or bool(part["text"])
        yield _chunk(reply, call, part, _usage(reply.usage, said=number), content=seen)
    yield _chunk(reply, call, last, _usage(reply.usage), **_ending(reply))


def _chunk(reply: Reply, call: Call, part: _Part, usage: dict[str, Any], *, content: bool = False, **end: Any) -> Event:
    candidate = {"content": {"parts": [part], "role": "model"}, **end, "index": 0}
    return Event(data=to_json(_response(call, [candidate], usage) | _extra(reply)), content=content)


def _response(call: Call, candidates: list[dict[str, Any]], usage: dict[str, Any]) -> dict[str, Any]:
    return {"candidates": candidates, "usageMetadata": usage, **_named(call)}


def _named(call: Call) -> dict[str, Any]:
    return {"modelVersion": call.model.removeprefix("models/"), "responseId": call.name}


def _extra(reply: Reply) -> dict[str, Any]:
    return reply.extra or {}


def _thoughts(reply: Reply) -> Iterator[_Part]:
    return ({"text": thought.text, "thought": True} for thought in reply.thinking if isinstance(thought, Thinking))


def _said(reply: Reply) -> list[_Part]:
    return [{"text": reply.whole_text}] if reply.pieces else []


def _calls(reply: Reply) -> Iterator[_Part]:
    for call in reply.tool_calls:
        yield {"functionCall": {"name": call.name, "args": as_object(call.arguments), "id": call.id}}


def _streamed(reply: Reply) -> Iterator[_Part]:
    for part in in_order(reply, _thoughts(reply), _said(reply), _calls(reply)):
        if "text" in part:
            usual = pieces(part["text"]) if part.get("thought") else reply.pieces
            yield from (part | {"text": piece} for piece in in_pieces(usual, reply.delivery.pieces))
        else:
            yield part


def _signature(reply: Reply) -> str | None:
    """What proves the reasoning, the last piece's: an answer has room for one."""
    proofs = [thought.signature if isinstance(thought, Thinking) else thought.data for thought in reply.thinking]
    return proofs[-1] if proofs else None


def _signed(parts: list[_Part], signature: str) -> None:
    """The signature on the first function call; where there is none, on what was said last."""
    calls = [part for part in parts if "functionCall" in part]
    said = [part for part in parts if not part.get("thought")]
    if not said:
        parts.append({"text": ""})
    (calls or said[-1:] or parts[-1:])[0]["thoughtSignature"] = signature


def _ending(reply: Reply) -> dict[str, Any]:
    reason = reply.stop_word or _FINISH[reply.why_it_stops]
    if reason == "SAFETY":
        return {"finishReason": reason, **_message(reply.refusal), "safetyRatings": _RATINGS}
    return {"finishReason": reason, **_message("Model generated function call(s)." if reply.tool_calls else None)}


def _message(text: str | None) -> dict[str, Any]:
    return {"finishMessage": text} if text else {}


_RATINGS: list[dict[str, Any]] = [{"category": f"HARM_CATEGORY_{harm}", "probability": "NEGLIGIBLE"} for harm in _HARMS]
_RATINGS[0] |= {"probability": "HIGH", "blocked": True}


def _usage(usage: Usage, *, said: int | None = None) -> dict[str, Any]:
    """Google counts cached tokens inside the prompt, and reasoning beside the candidates; `said` is as yet."""
    spoken = usage.output - usage.reasoning
    spoken = spoken if said is None else min(spoken, said + 1)
    cached = {"cachedContentTokenCount": usage.cache_read} if usage.cache_read else {}
    details = {"cacheTokensDetails": _by_modality(usage.cache_read)} if usage.cache_read else {}
    thoughts = {"thoughtsTokenCount": usage.reasoning} if usage.reasoning else {}
    return {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": spoken,
        "totalTokenCount": usage.input + spoken + usage.reasoning,
        **cached,
        "promptTokensDetails": _by_modality(usage.input),
        **details,
        **thoughts,
        "serviceTier": "standard",
        **(usage.extra or {}),
    }


def _by_modality(tokens: int) -> list[dict[str, Any]]:
    return [{"modality": "TEXT", "tokenCount": tokens}]
