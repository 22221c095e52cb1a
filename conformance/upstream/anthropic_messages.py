"""Anthropic Messages: a reply as a message, whole and streamed.

    message_start (ping | content_block_start content_block_delta* content_block_stop)* message_delta message_stop

Source: https://docs.claude.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance.upstream.anthropic_platform import OVERLOADED, envelope
from conformance.upstream.rendering import (
    Event,
    accompanied,
    as_object,
    fragments,
    in_order,
    in_pieces,
    interruption,
    pieces,
    to_json,
)
from conformance.upstream.reply import RedactedThinking, Thinking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.rendering import Call
    from conformance.upstream.reply import Delivery, Reply, ToolCall, Usage

_STOP = {
    "end": "end_turn",
    "length": "max_tokens",
    "tool-use": "tool_use",
    "stop-sequence": "stop_sequence",
    "refusal": "refusal",
    "pause": "pause_turn",
}
_VISIBLE = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
PING = Event(name="ping", data='{"type":"ping"}', own=False)


@dataclass(frozen=True)
class _Block:
    """A content block: how it is in the end, how it starts, and what leads from one to the other."""

    end: dict[str, Any]
    start: dict[str, Any]
    deltas: list[dict[str, Any]]


def whole(reply: Reply, call: Call) -> dict[str, Any]:
    message = _message(call, [block.end for block in _blocks(reply)], _ending(reply), _final_usage(reply.usage))
    return message | (reply.extra or {})


def events(reply: Reply, call: Call) -> Iterator[Event]:
    return accompanied(
        own_events(reply, call),
        reply.delivery,
        ping=PING,
        unknown=unheard_of,
        error=lambda: [Event(name="error", data=to_json(envelope(interruption(reply, OVERLOADED), call)))],
    )


def unheard_of() -> Event:
    return _event("unheard_of", own=False, detail={"since": "2099-01-01"})


def _event(kind: str, *, content: bool = False, own: bool = True, **fields: Any) -> Event:
    return Event(name=kind, data=to_json({"type": kind, **fields}), content=content, own=own)


def own_events(reply: Reply, call: Call) -> Iterator[Event]:
    """The answer itself, without the company that a delivery asks for."""
    not_ended = {"stop_reason": None, "stop_sequence": None, "stop_details": None}
    message = _message(call, [], not_ended, _first_usage(reply.usage))
    yield _event("message_start", message=message | (reply.extra or {}))
    for index, block in enumerate(_blocks(reply)):
        yield _event("content_block_start", index=index, content_block=block.start)
        for delta in block.deltas:
            seen = bool(delta.get(_VISIBLE.get(delta["type"], "")))
            yield _event("content_block_delta", content=seen, index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    yield _event("message_delta", delta=_ending(reply), usage=_cumulative_usage(reply.usage))
    yield _event("message_stop")


def _message(
    call: Call, content: list[dict[str, Any]], ending: dict[str, Any], usage: dict[str, Any]
) -> dict[str, Any]:
    return {
        "model": call.model,
        "id": f"msg_{call.name}",
        "type": "message",
        "role": "assistant",
        "content": content,
        **ending,
        "usage": usage,
    }


def _ending(reply: Reply) -> dict[str, Any]:
    stop = reply.why_it_stops
    details = {"type": "refusal", "category": None, "explanation": reply.refusal} if stop == "refusal" else None
    return {
        "stop_reason": reply.stop_word or _STOP[stop],
        "stop_sequence": reply.stop_sequence,
        "stop_details": details,
    }


def _blocks(reply: Reply) -> list[_Block]:
    thoughts = [
        _thinking(thought, reply.delivery) if isinstance(thought, Thinking) else _redacted(thought)
        for thought in reply.thinking
    ]
    said = [_text(reply)] if reply.pieces else []
    return in_order(reply, thoughts, said, [_tool_use(call, reply.delivery) for call in reply.tool_calls])


def _thinking(thought: Thinking, delivery: Delivery) -> _Block:
    end = {"type": "thinking", "thinking": thought.text, "signature": thought.signature}
    parts = in_pieces(pieces(thought.text), delivery.pieces)
    deltas = [{"type": "thinking_delta", "thinking": part} for part in parts]
    signature = {"type": "signature_delta", "signature": thought.signature}
    return _Block(end, end | {"thinking": "", "signature": ""}, [*deltas, signature])


def _redacted(thought: RedactedThinking) -> _Block:
    block = {"type": "redacted_thinking", "data": thought.data}
    return _Block(block, block, [])


def _text(reply: Reply) -> _Block:
    parts = in_pieces(reply.pieces, reply.delivery.pieces)
    deltas = [{"type": "text_delta", "text": part} for part in parts]
    return _Block({"type": "text", "text": reply.whole_text}, {"type": "text", "text": ""}, deltas)


def _tool_use(tool_call: ToolCall, delivery: Delivery) -> _Block:
    """Like Anthropic, an empty fragment leads; an empty input is never more than that."""
    arguments = as_object(tool_call.arguments)
    start = {
        "type": "tool_use",
        "id": tool_call.id,
        "name": tool_call.name,
        "input": {},
        "caller": {"type": "direct"},
    }
    parts = in_pieces(["", *fragments(tool_call.arguments)], delivery.pieces) if arguments else [""]
    deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
    return _Block(start | {"input": arguments}, start, deltas)


def _input_counts(usage: Usage) -> dict[str, Any]:
    """Anthropic counts cached tokens beside `input_tokens`, not inside."""
    return {
        "input_tokens": usage.input - usage.cache_read - usage.cache_write,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
    }


def _full_usage(usage: Usage) -> dict[str, Any]:
    return {
        **_input_counts(usage),
        "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_write, "ephemeral_1h_input_tokens": 0},
        "service_tier": "standard",
        "inference_geo": "not_available",
    }


def _output_counts(usage: Usage) -> dict[str, Any]:
    details = {"output_tokens_details": {"thinking_tokens": usage.reasoning}} if usage.reasoning else {}
    return {"output_tokens": usage.output, **details}


def _first_usage(usage: Usage) -> dict[str, Any]:
    return {**_full_usage(usage), "output_tokens": 1, **(usage.extra or {})}


def _cumulative_usage(usage: Usage) -> dict[str, Any]:
    return _input_counts(usage) | _output_counts(usage) | (usage.extra or {})


def _final_usage(usage: Usage) -> dict[str, Any]:
    return _full_usage(usage) | _output_counts(usage) | (usage.extra or {})
