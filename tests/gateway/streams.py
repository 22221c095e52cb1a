"""One small stream for each surface, as the providers send them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.surfaces import Surface


def named(payload: dict[str, Any]) -> bytes:
    return f"event: {payload['type']}\ndata: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()


def nameless(payload: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x"}
    return nameless(common | {"choices": [choice]} | more)


MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": []}
MESSAGES = [
    named(
        {
            "type": "message_start",
            "message": MESSAGE
            | {"stop_reason": None, "usage": {"input_tokens": 7, "cache_read_input_tokens": 5, "output_tokens": 1}},
        }
    ),
    named({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    b'event: ping\ndata: {"type": "ping"}\n\n',
    named({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 'Grüße "\\\u1234 🙂'}}),
    named({"type": "content_block_stop", "index": 0}),
    named(
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 9},
        }
    ),
    named({"type": "message_stop"}),
]
CHAT = [
    b": hello\n\n",
    chunk({"role": "assistant", "content": ""}, usage=None),
    chunk({"content": 'Grüße "\\\u1234 🙂'}, score=[-1.5e3, True, None], usage=None),
    chunk({"content": "again"}),
    chunk({}, "stop"),
    nameless(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "gpt-x",
            "choices": [],
            "usage": {
                "prompt_tokens": 12,
                "completion_tokens": 9,
                "total_tokens": 21,
                "prompt_tokens_details": {"cached_tokens": 5},
            },
        }
    ),
    b"data: [DONE]\n\n",
]
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "gpt-x",
    "output": [],
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
}
RESPONSES = [
    named({"type": "response.created", "sequence_number": 0, "response": RESPONSE | {"status": "in_progress"}}),
    named(
        {
            "type": "response.output_text.delta",
            "sequence_number": 1,
            "item_id": "m",
            "output_index": 0,
            "content_index": 0,
            "logprobs": [],
            "delta": 'Grüße "\\\u1234 🙂',
        }
    ),
    named(
        {
            "type": "response.completed",
            "sequence_number": 2,
            "response": RESPONSE
            | {
                "status": "completed",
                "usage": {
                    "input_tokens": 12,
                    "output_tokens": 9,
                    "total_tokens": 21,
                    "input_tokens_details": {"cached_tokens": 5},
                    "output_tokens_details": {"reasoning_tokens": 3},
                },
            },
        }
    ),
]
STREAMS: dict[Surface, list[bytes]] = {
    "openai-chat": CHAT,
    "openai-responses": RESPONSES,
    "anthropic-messages": MESSAGES,
}
PATHS: dict[Surface, str] = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic-messages": "/v1/messages",
}
# How many events it takes until the stream counts as finished.
FINISHED_AFTER: dict[Surface, int] = {"openai-chat": 5, "openai-responses": 3, "anthropic-messages": 7}


def events(stream: bytes) -> list[tuple[str, str]]:
    """Name and data of each event that a parser dispatches: the WHATWG algorithm, line by line."""
    dispatched, name, data = list[tuple[str, str]](), "", list[str]()
    *lines, _ = stream.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for line in lines:
        field, _, value = line.partition(":")
        if not line:
            dispatched += [(name, "\n".join(data))] if data else []
            name, data = "", []
        elif field == "data":
            data.append(value.removeprefix(" "))
        elif field == "event":
            name = value.removeprefix(" ")
    return dispatched
