"""Bedrock's Converse: a reply in Amazon's own protocol, whole and in frames.

    messageStart (contentBlockStart? contentBlockDelta* contentBlockStop)* messageStop metadata

Only a tool's block has a start of its own.
Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.upstream.bedrock import broken, padded
from conformance.upstream.bedrock_platform import OVERLOADED
from conformance.upstream.rendering import Event, accompanied, as_object, fragments, in_pieces, interruption, pieces
from conformance.upstream.reply import RedactedThinking, Thinking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.rendering import Call
    from conformance.upstream.reply import Reply, ToolCall, Usage

_STOP = {
    "end": "end_turn",
    "length": "max_tokens",
    "tool-use": "tool_use",
    "stop-sequence": "stop_sequence",
    "refusal": "content_filtered",
    "pause": "end_turn",
}
_METRICS = {"latencyMs": 533}


def whole(reply: Reply, call: Call) -> dict[str, Any]:  # noqa: ARG001 - the answer names neither model nor id
    said = [{"text": reply.whole_text}] if reply.pieces else []
    content = [*map(_thought, reply.thinking), *said, *map(_tool_use, reply.tool_calls)]
    answer = {
        "metrics": _METRICS,
        "output": {"message": {"content": content, "role": "assistant"}},
        "stopReason": reply.stop_word or _STOP[reply.why_it_stops],
        "usage": _usage(reply.usage),
    }
    return answer | (reply.extra or {})


def events(reply: Reply, call: Call) -> Iterator[Event]:  # noqa: ARG001 - the answer names neither model nor id
    return accompanied(
        _own_events(reply),
        reply.delivery,
        ping=None,
        unknown=lambda: Event(name="unheardOf", data=padded({"since": "2099-01-01"}), own=False),
        error=lambda: [broken(interruption(reply, OVERLOADED))],
    )


def count_tokens(reply: Reply, _: Call) -> dict[str, Any]:
    return {"inputTokens": reply.input_tokens}


def _own_events(reply: Reply) -> Iterator[Event]:
    yield _event("messageStart", role="assistant")
    for index, (start, deltas) in enumerate(_blocks(reply)):
        if start:
            yield _event("contentBlockStart", contentBlockIndex=index, start=start)
        for delta, seen in deltas:
            yield _event("contentBlockDelta", content=seen, contentBlockIndex=index, delta=delta)
        yield _event("contentBlockStop", contentBlockIndex=index)
    yield _event("messageStop", stopReason=reply.stop_word or _STOP[reply.why_it_stops])
    yield _event("metadata", metrics=_METRICS, usage=_usage(reply.usage))


def _event(name: str, *, content: bool = False, **fields: Any) -> Event:
    return Event(name=name, data=padded(fields), content=content)


_Delta = tuple[dict[str, Any], bool]
"""What a delta holds, and whether a client gets to see something of it."""


def _blocks(reply: Reply) -> Iterator[tuple[dict[str, Any] | None, list[_Delta]]]:
    for thought in reply.thinking:
        yield None, _reasoned(thought, reply)
    if reply.pieces:
        parts = in_pieces(reply.pieces, reply.delivery.pieces)
        yield None, [({"text": part}, bool(part)) for part in parts]
    for call in reply.tool_calls:
        parts = in_pieces(fragments(call.arguments or "{}"), reply.delivery.pieces)
        start = {"toolUse": {"name": call.name, "toolUseId": call.id}}
        yield start, [({"toolUse": {"input": part}}, bool(part)) for part in parts]


def _reasoned(thought: Thinking | RedactedThinking, reply: Reply) -> list[_Delta]:
    if isinstance(thought, RedactedThinking):
        return [({"reasoningContent": {"redactedContent": thought.data}}, False)]
    parts = in_pieces(pieces(thought.text), reply.delivery.pieces)
    said = [({"reasoningContent": {"text": part}}, bool(part)) for part in parts]
    return [*said, ({"reasoningContent": {"signature": thought.signature}}, False)]


def _thought(thought: Thinking | RedactedThinking) -> dict[str, Any]:
    if isinstance(thought, RedactedThinking):
        return {"reasoningContent": {"redactedContent": thought.data}}
    return {"reasoningContent": {"reasoningText": {"signature": thought.signature, "text": thought.text}}}


def _tool_use(call: ToolCall) -> dict[str, Any]:
    return {"toolUse": {"input": as_object(call.arguments), "name": call.name, "toolUseId": call.id}}


def _usage(usage: Usage) -> dict[str, Any]:
    """Amazon counts cached tokens beside `inputTokens`, as Anthropic does."""
    return {
        "inputTokens": usage.input - usage.cache_read - usage.cache_write,
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output,
        "cacheReadInputTokens": usage.cache_read,
        "cacheWriteInputTokens": usage.cache_write,
        "serverToolUsage": {},
        **(usage.extra or {}),
    }
