"""OpenAI Chat Completions: a reply as a completion, whole and in chunks.

    chunk(role) chunk(content | refusal | tool_calls)* chunk(finish_reason) chunk(usage)? [DONE]

Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any

from conformance.upstream.openai_platform import OVERLOADED, envelope
from conformance.upstream.rendering import (
    DONE,
    KEEP_ALIVE,
    Event,
    accompanied,
    fragments,
    in_pieces,
    interruption,
    pieces,
    to_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.rendering import Call
    from conformance.upstream.reply import Pieces, Reply, ToolCall, Usage

_FINISH = {
    "end": "stop",
    "length": "length",
    "tool-use": "tool_calls",
    "stop-sequence": "stop",
    "refusal": "content_filter",
    "pause": "stop",
}
_OBFUSCATION = "zLrnbPKVod1hviV"


def whole(reply: Reply, call: Call) -> dict[str, Any]:
    choice = {"index": 0, "message": _message(reply), "logprobs": None, "finish_reason": _finish(reply)}
    answer = _object(call, "chat.completion") | {"choices": [choice], "usage": _usage(reply.usage)}
    return answer | (reply.extra or {})


def events(reply: Reply, call: Call) -> Iterator[Event]:
    return accompanied(
        own_events(reply, call),
        reply.delivery,
        ping=KEEP_ALIVE,
        unknown=lambda: Event(data=to_json(_unheard_of(call)), own=False),
        error=lambda: [_error(reply, call)],
    )


def _error(reply: Reply, call: Call) -> Event:
    error = envelope(interruption(reply, OVERLOADED), call)
    beside = reply.delivery.error_form == "beside-choices"
    return Event(data=to_json(_object(call, "chat.completion.chunk") | {"choices": []} | error if beside else error))


def _unheard_of(call: Call) -> dict[str, Any]:
    return _object(call, "chat.completion.unheard_of") | {"choices": [], "detail": {"since": "2099-01-01"}}


def own_events(reply: Reply, call: Call) -> Iterator[Event]:
    """The answer itself, without the company that a delivery asks for."""
    for number, (delta, seen) in enumerate(_deltas(reply)):
        yield _chunk(reply, call, number, _choice(delta, None), content=seen)
    early = reply.delivery.early_usage
    usage = _usage(reply.usage)
    yield _chunk(reply, call, 0, _choice({}, _finish(reply)), usage=usage if early else None)
    if call.options("stream_options").get("include_usage") and not early:
        yield _chunk(reply, call, 0, [], usage=usage)
    if reply.delivery.done is not False:
        yield DONE


def _chunk(
    reply: Reply,
    call: Call,
    number: int,
    choices: list[dict[str, Any]],
    *,
    content: bool = False,
    usage: dict[str, Any] | None = None,
) -> Event:
    """`usage` stands in every chunk if it was asked for, and is null in all but the last."""
    chunk = _object(call, "chat.completion.chunk") | {"choices": choices}
    options = call.options("stream_options")
    if options.get("include_usage"):
        chunk["usage"] = usage
    if options.get("include_obfuscation", True):
        chunk["obfuscation"] = _OBFUSCATION[number % len(_OBFUSCATION) :]
    return Event(data=to_json(chunk | (reply.extra or {})), content=content)


def _choice(delta: dict[str, Any], finish: str | None) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]


def _object(call: Call, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{call.name}",
        "object": kind,
        "created": call.created,
        "model": call.model,
        "service_tier": "default",
        "system_fingerprint": "fp_cbf1785567",
    }


def _finish(reply: Reply) -> str:
    """A refusal that has words of its own ends like any answer; one without is the content filter's."""
    usual = "stop" if reply.refusal and reply.why_it_stops == "refusal" else _FINISH[reply.why_it_stops]
    return reply.stop_word or usual


def _speaks(reply: Reply) -> bool:
    return bool(reply.pieces) or not (reply.tool_calls or reply.refusal)


def _message(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": reply.whole_text if _speaks(reply) else None,
        "refusal": reply.refusal,
        "annotations": [],
    }
    if reply.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in reply.tool_calls
        ]
    return message


def _deltas(reply: Reply) -> Iterator[tuple[dict[str, Any], bool]]:
    """Each delta, and whether a client gets to see something of it."""
    refusal = "" if reply.refusal else None
    yield {"role": "assistant", "content": "" if _speaks(reply) else None, "refusal": refusal}, False
    amid = reply.delivery.pieces == "interleaved"
    said = [({"content": piece}, bool(piece)) for piece in in_pieces(reply.pieces, reply.delivery.pieces)]
    yield from () if amid else said
    for piece in in_pieces(pieces(reply.refusal or ""), reply.delivery.pieces):
        yield {"refusal": piece}, bool(piece)
    calls = [list(_call_deltas(index, call, reply.delivery.pieces)) for index, call in enumerate(reply.tool_calls)]
    if amid:
        yield from (delta for turn in zip_longest(*calls, said) for delta in turn if delta)
    else:
        yield from chain.from_iterable(calls)


def _call_deltas(index: int, call: ToolCall, wanted: Pieces) -> Iterator[tuple[dict[str, Any], bool]]:
    """A tool call's id and name come with its first fragment, which is empty unless all come at once."""
    first, *later = ["", *in_pieces(fragments(call.arguments), wanted)]
    if wanted == "whole":
        first, later = call.arguments, []
    function = {"name": call.name, "arguments": first}
    opening = {"index": index, "id": call.id, "type": "function", "function": function}
    yield {"tool_calls": [opening]}, bool(first)
    for part in later:
        yield {"tool_calls": [{"index": index, "function": {"arguments": part}}]}, bool(part)


def _usage(usage: Usage) -> dict[str, Any]:
    """OpenAI counts cached tokens inside `prompt_tokens`, reasoning inside `completion_tokens`."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
        **(usage.extra or {}),
    }
