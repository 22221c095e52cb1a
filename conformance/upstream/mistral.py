"""Mistral: a reply as a completion, whole and in chunks.

    chunk(role) chunk(content)* chunk(content | tool_calls, finish_reason, usage) [DONE]

Reasoning stands in the content, as chunks of their own; tool calls come whole and all at once; usage comes unasked.
Source: https://docs.mistral.ai/api
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.upstream.mistral_platform import OVERLOADED, envelope
from conformance.upstream.rendering import (
    DONE,
    KEEP_ALIVE,
    Event,
    accompanied,
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

_FINISH = {
    "end": "stop",
    "length": "length",
    "tool-use": "tool_calls",
    "stop-sequence": "stop",
    "refusal": "stop",
    "pause": "stop",
}
_PADDING = "abcdefghijklmnopqrstuvwxyz0123"


def whole(reply: Reply, call: Call) -> dict[str, Any]:
    message = {"role": "assistant", "tool_calls": _calls(reply) or None, "content": _content(reply)}
    choice = {"index": 0, "finish_reason": _finish(reply), "message": message}
    answer = _object(call, "chat.completion") | {"usage": _usage(reply.usage), "choices": [choice]}
    return answer | (reply.extra or {})


def events(reply: Reply, call: Call) -> Iterator[Event]:
    return accompanied(
        _own_events(reply, call),
        reply.delivery,
        ping=KEEP_ALIVE,
        unknown=lambda: Event(data=to_json(_object(call, "chat.completion.unheard_of") | {"choices": []}), own=False),
        error=lambda: [Event(data=to_json(envelope(interruption(reply, OVERLOADED), call)))],
    )


def _own_events(reply: Reply, call: Call) -> Iterator[Event]:
    yield _chunk(reply, call, {"role": "assistant", "content": ""})
    for number, (content, seen) in enumerate(_deltas(reply)):
        yield _chunk(reply, call, {"content": content}, content=seen, p=_PADDING[number % len(_PADDING) :])
    calls = _calls(reply)
    last: dict[str, Any] = {"tool_calls": calls} if calls else {"content": ""}
    yield _chunk(reply, call, last, _finish(reply), content=bool(calls), usage=_usage(reply.usage))
    if reply.delivery.done is not False:
        yield DONE


def _finish(reply: Reply) -> str:
    return reply.stop_word or _FINISH[reply.why_it_stops]


def _chunk(
    reply: Reply, call: Call, delta: dict[str, Any], finish: str | None = None, *, content: bool = False, **beside: Any
) -> Event:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = _object(call, "chat.completion.chunk") | {"choices": [choice]} | beside
    return Event(data=to_json(chunk | (reply.extra or {})), content=content)


def _object(call: Call, kind: str) -> dict[str, Any]:
    return {"id": call.name.removeprefix("case-"), "object": kind, "created": call.created, "model": call.model}


def _words(reply: Reply) -> str:
    """A refusal has no place of its own."""
    return reply.whole_text + (reply.refusal or "")


def _thoughts(reply: Reply) -> list[Thinking]:
    return [thought for thought in reply.thinking if isinstance(thought, Thinking)]


def _content(reply: Reply) -> str | list[dict[str, Any]]:
    if not _thoughts(reply):
        return _words(reply)
    said = [{"type": "text", "text": _words(reply)}] if _words(reply) else []
    return [*(_thinking(thought.text, closed=True) for thought in _thoughts(reply)), *said]


def _thinking(text: str, *, closed: bool = False) -> dict[str, Any]:
    chunk: dict[str, Any] = {"type": "thinking", "thinking": [{"type": "text", "text": text}]}
    return chunk | ({"closed": True} if closed else {})


def _deltas(reply: Reply) -> Iterator[tuple[str | list[dict[str, Any]], bool]]:
    """What each delta's content is, and whether a client gets to see something of it."""
    for thought in _thoughts(reply):
        parts = in_pieces(pieces(thought.text), reply.delivery.pieces)
        for number, part in enumerate(parts, 1):
            yield [_thinking(part, closed=number == len(parts))], bool(part)
    for part in in_pieces([*reply.pieces, *pieces(reply.refusal or "")], reply.delivery.pieces):
        yield part, bool(part)


def _calls(reply: Reply) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
            "index": index,
        }
        for index, call in enumerate(reply.tool_calls)
    ]


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input,
        "total_tokens": usage.input + usage.output,
        "completion_tokens": usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "service_tier": "standard",
        **(usage.extra or {}),
    }
