"""The calls that are measured: what is asked, what the upstream answers, and when an answer is right."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conformance.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Iterable

SURFACES = (Surface.OPENAI_CHAT, Surface.ANTHROPIC_MESSAGES)
PATHS = {Surface.OPENAI_CHAT: "/chat/completions", Surface.ANTHROPIC_MESSAGES: "/v1/messages"}
WORDS = tuple(f" word{number:02}" for number in range(50))
TEXT = "".join(WORDS)
DONE = b"[DONE]"

# As the official SDKs send them, but for Accept-Encoding: a gateway that compresses would do other work than the rest.
CLIENT_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "OpenAI/Python 3.52.0",
    "X-Stainless-Lang": "python",
    "X-Stainless-Package-Version": "3.52.0",
    "X-Stainless-OS": "Linux",
    "X-Stainless-Arch": "x64",
    "X-Stainless-Runtime": "CPython",
    "X-Stainless-Runtime-Version": "3.11.2",
    "X-Stainless-Retry-Count": "0",
    "Content-Type": "application/json",
}
# As the providers send them.
PROVIDER_HEADERS = {
    Surface.OPENAI_CHAT: {
        "Date": "Sat, 21 Nov 2026 00:00:00 GMT",
        "Server": "cloudflare",
        "openai-organization": "org-example",
        "openai-processing-ms": "412",
        "openai-version": "2020-10-01",
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-limit-tokens": "30000000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-remaining-tokens": "29999985",
        "x-ratelimit-reset-requests": "6ms",
        "x-ratelimit-reset-tokens": "0s",
        "x-request-id": "req_0123456789abcdef0123456789abcdef",
    },
    Surface.ANTHROPIC_MESSAGES: {
        "Date": "Sat, 21 Nov 2026 00:00:00 GMT",
        "Server": "cloudflare",
        "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
        "anthropic-ratelimit-requests-limit": "4000",
        "anthropic-ratelimit-requests-remaining": "3999",
        "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:00Z",
        "anthropic-ratelimit-tokens-limit": "4800000",
        "anthropic-ratelimit-tokens-remaining": "4799000",
        "anthropic-ratelimit-tokens-reset": "2026-01-01T00:00:00Z",
        "request-id": "req_011CSHoEeqs5C35K2UUqR7Fy",
    },
}


@dataclass(frozen=True)
class Provided:
    """What the upstream answers: the head, then pieces, each sent by itself. `body` is what the client must see."""

    head: bytes
    pieces: tuple[bytes, ...]
    body: bytes


def request(surface: Surface, base_url: str, key: str, model: str, *, streamed: bool) -> bytes:
    """One HTTP request, the same bytes for each call."""
    url = urlsplit(base_url + PATHS[surface])
    body = json.dumps(asked(surface, model, streamed=streamed)).encode()
    lines = {"Host": url.netloc, **CLIENT_HEADERS, **credentials(surface, key), "Content-Length": str(len(body))}
    return head(f"POST {url.path} HTTP/1.1", lines) + body


def asked(surface: Surface, model: str, *, streamed: bool) -> dict[str, Any]:
    messages = [{"role": "user", "content": "Count to fifty in words, please. " * 8}]
    question: dict[str, Any] = {"model": model, "messages": messages}
    if surface is Surface.ANTHROPIC_MESSAGES:
        question["max_tokens"] = 1024
    return {**question, "stream": True} if streamed else question


def credentials(surface: Surface, key: str) -> dict[str, str]:
    if surface is Surface.OPENAI_CHAT:
        return {"Authorization": f"Bearer {key}"}
    return {"x-api-key": key, "anthropic-version": "2023-06-01"}


@cache
def provided(surface: Surface, *, streamed: bool) -> Provided:
    headers = PROVIDER_HEADERS[surface]
    if not streamed:
        body = json.dumps(WHOLE[surface]).encode()
        headers = {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}
        return Provided(head("HTTP/1.1 200 OK", headers), (body,), body)
    events = STREAMED[surface]
    headers = {**headers, "Content-Type": "text/event-stream; charset=utf-8", "Transfer-Encoding": "chunked"}
    *pieces, last = (f"{len(event):x}\r\n".encode() + event + b"\r\n" for event in events)
    return Provided(head("HTTP/1.1 200 OK", headers), (*pieces, last + b"0\r\n\r\n"), b"".join(events))


def head(first_line: str, headers: dict[str, str]) -> bytes:
    return "\r\n".join([first_line, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


def is_right(surface: Surface, body: bytes, *, streamed: bool) -> bool:
    """Byte for byte what the upstream sent; of a gateway that writes anew, the whole text, and a stream's end."""
    text_of = streamed_text if streamed else whole_text
    return body == provided(surface, streamed=streamed).body or text_of(surface, body) == TEXT


def whole_text(surface: Surface, body: bytes) -> str | None:
    """None where the body is no answer."""
    try:
        answer = json.loads(body)
        if surface is Surface.OPENAI_CHAT:
            return str(answer["choices"][0]["message"]["content"])
        return "".join(block["text"] for block in answer["content"])
    except (ValueError, LookupError, TypeError):
        return None


def streamed_text(surface: Surface, body: bytes) -> str | None:
    """None where the body is no stream that came to its end."""
    lines = [line.removeprefix(b"data:").strip() for line in body.split(b"\n") if line.startswith(b"data:")]
    try:
        events = [json.loads(line) for line in lines if line != DONE]
        if surface is Surface.OPENAI_CHAT:
            return "".join(chat_texts(events)) if lines[-1] == DONE else None
        deltas = (event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
        return "".join(deltas) if events[-1]["type"] == "message_stop" else None
    except (ValueError, LookupError, TypeError):
        return None


def chat_texts(chunks: Iterable[dict[str, Any]]) -> Iterable[str]:
    return (choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def chat_chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**CHAT, "object": "chat.completion.chunk", "choices": [choice], "usage": None, "obfuscation": "x"}


def chat_event(chunk: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(chunk, separators=(',', ':'))}\n\n".encode()


def message_event(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event, separators=(',', ':'))}\n\n".encode()


CHAT = {
    "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG",
    "created": 1_790_000_000,
    "model": "gpt-5-mini-2025-08-07",
    "service_tier": "default",
    "system_fingerprint": "fp_44709d6fcb",
}
CHAT_USAGE = {
    "prompt_tokens": 74,
    "completion_tokens": 50,
    "total_tokens": 124,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
CHAT_MESSAGE: dict[str, Any] = {"role": "assistant", "content": TEXT, "refusal": None, "annotations": []}
MESSAGE: dict[str, Any] = {
    "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-5",
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "content": [{"type": "text", "text": TEXT}],
    "usage": {
        "input_tokens": 74,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 50,
        "service_tier": "standard",
    },
}
WHOLE: dict[Surface, dict[str, Any]] = {
    Surface.OPENAI_CHAT: {
        **CHAT,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": CHAT_MESSAGE, "logprobs": None, "finish_reason": "stop"}],
        "usage": CHAT_USAGE,
    },
    Surface.ANTHROPIC_MESSAGES: MESSAGE,
}
MESSAGE_EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in WORDS),
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 50},
    },
    {"type": "message_stop"},
)
STREAMED: dict[Surface, tuple[bytes, ...]] = {
    Surface.OPENAI_CHAT: (
        chat_event(chat_chunk({"role": "assistant", "content": "", "refusal": None})),
        *(chat_event(chat_chunk({"content": word})) for word in WORDS),
        chat_event(chat_chunk({}, "stop")),
        chat_event({**chat_chunk({}), "choices": [], "usage": CHAT_USAGE}),
        b"data: " + DONE + b"\n\n",
    ),
    Surface.ANTHROPIC_MESSAGES: tuple(map(message_event, MESSAGE_EVENTS)),
}
