"""What a call used, read from a tape of the answer after its last byte has gone out."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from gateway import eventstream, sse
from gateway.codings import Decode, UnknownCodingError, decoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.surfaces import Protocol

Shape = Literal["openai-chat", "openai-responses", "anthropic-messages", "gemini", "converse", "invocation"]

TAPE_BYTES = 4 * 1024 * 1024

# Where each protocol reports what: https://platform.openai.com/docs/api-reference, https://docs.anthropic.com/en/api,
# https://ai.google.dev/api/generate-content#UsageMetadata,
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
FIELDS: dict[Shape, tuple[tuple[str, str | None, str], ...]] = {
    "openai-chat": (
        ("input", None, "prompt_tokens"),
        ("output", None, "completion_tokens"),
        ("cache_read", "prompt_tokens_details", "cached_tokens"),
        ("cache_write", "prompt_tokens_details", "cache_write_tokens"),
        ("reasoning", "completion_tokens_details", "reasoning_tokens"),
    ),
    "openai-responses": (
        ("input", None, "input_tokens"),
        ("output", None, "output_tokens"),
        ("cache_read", "input_tokens_details", "cached_tokens"),
        ("cache_write", "input_tokens_details", "cache_write_tokens"),
        ("reasoning", "output_tokens_details", "reasoning_tokens"),
    ),
    "anthropic-messages": (
        ("input", None, "input_tokens"),
        ("output", None, "output_tokens"),
        ("cache_read", None, "cache_read_input_tokens"),
        ("cache_write", None, "cache_creation_input_tokens"),
        ("reasoning", "output_tokens_details", "thinking_tokens"),
    ),
    "gemini": (
        ("input", None, "promptTokenCount"),
        ("output", None, "candidatesTokenCount"),
        ("cache_read", None, "cachedContentTokenCount"),
        ("cache_write", None, "none"),
        ("reasoning", None, "thoughtsTokenCount"),
        ("tools", None, "toolUsePromptTokenCount"),
    ),
    "converse": (
        ("input", None, "inputTokens"),
        ("output", None, "outputTokens"),
        ("cache_read", None, "cacheReadInputTokens"),
        ("cache_write", None, "cacheWriteInputTokens"),
        ("reasoning", None, "none"),
    ),
    "invocation": (
        ("input", None, "inputTokenCount"),
        ("output", None, "outputTokenCount"),
        ("cache_read", None, "cacheReadInputTokenCount"),
        ("cache_write", None, "cacheWriteInputTokenCount"),
        ("reasoning", None, "none"),
    ),
}
BEDROCK_SHAPES: dict[str, Shape] = {
    "inputTokens": "converse",
    "inputTokenCount": "invocation",
    "prompt_tokens": "openai-chat",
}
NO_DETAILS: dict[str, Any] = {}
TEXTS = {"text", "content", "delta", "thinking", "reasoning", "reasoning_content", "arguments", "partial_json"}


class Tape:
    """The last bytes of a body, decoded, frames as the events in them. It may fail to read; it never fails the call."""

    def __init__(self, coding: str, *, framed: bool = False) -> None:
        self.frames = eventstream.EventReader() if framed else None
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._decode: Decode | None = None
        self.coding = "" if coding == "identity" else coding
        self.readable = True
        self.whole = True
        if self.coding:
            self._decode = self._decoder(self.coding)

    def read(self, chunk: bytes) -> None:
        if self._decode or self.frames:
            chunk = self._decoded(chunk)
        self._pieces.append(chunk)
        self._size += len(chunk)
        while self._size > TAPE_BYTES and len(self._pieces) > 1:
            self._size -= len(self._pieces.popleft())
            self.whole = False

    def content(self) -> bytes:
        return b"".join(self._pieces)

    @cached_property
    def stream(self) -> bytes:
        """What was kept, with plain newlines; to be looked at when all is over. Empty where it cannot be read."""
        return sse.with_plain_newlines(self.content()) if self.readable else b""

    def _decoder(self, coding: str) -> Decode | None:
        try:
            return decoder(coding)
        except UnknownCodingError:
            self.readable = False
            return None

    def _decoded(self, chunk: bytes) -> bytes:
        try:
            if not self.readable:
                return b""
            plain = self._decode(chunk) if self._decode else chunk
            return b"".join(sse.event(*event).encode() for event in self.frames.feed(plain)) if self.frames else plain
        except Exception:  # noqa: BLE001 -- each codec has its own errors, and none may break the call
            self.readable = False
            return b""


@dataclass(frozen=True, slots=True)
class Reading:
    """`ids` are those of what the answer tells of, which its provider may keep."""

    model: str | None = None
    usage: dict[str, int] | None = None
    ids: frozenset[str] = frozenset()


NOTHING = Reading()


def read_body(form: Protocol, tape: Tape) -> Reading:
    return reading(form, [tape.content()]) if tape.readable and tape.whole else NOTHING


def read_stream(form: Protocol, stream: bytes) -> Reading:
    """The first event names the model (and, at Anthropic, the input); the last one with usage has the sums."""
    return reading(form, [data for data in (sse.first_data(stream), last_usage(stream)) if data])


def last_usage(stream: bytes) -> bytes:
    mark = b'"usage' if b'"usage' in stream else eventstream.METRICS.encode()
    if mark not in stream:
        return b""
    reports = (sse.data_of(event) for event in sse.backwards(stream) if mark in event)
    return next((data for data in reports if b'"usage":null' not in data), b"")


def reading(form: Protocol, payloads: list[bytes]) -> Reading:
    """Nothing where the payloads say nothing, or cannot be understood."""
    try:
        found = [json.loads(payload) for payload in payloads]
        return sum_of(form, found[0] if found and isinstance(found[0], list) else found)  # Gemini's stream as an array
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        return NOTHING


def sum_of(form: Protocol, objects: list[dict[str, Any]]) -> Reading:
    model, reported, ids = None, dict[str, Any](), set[str]()
    for found in objects:
        carrier = found.get("message") or found.get("response") or found
        ids.update(ids_in(carrier))
        model = carrier.get("model") or carrier.get("modelVersion") or model
        usage = carrier.get("usage") or carrier.get("usageMetadata") or carrier.get(eventstream.METRICS) or {}
        reported |= {name: value for name, value in usage.items() if value is not None}
    return Reading(model, counts(form, reported) if reported else None, frozenset(ids))


def ids_in(carrier: dict[str, Any]) -> Iterator[str]:
    """Of an answer itself, of its items, and of the files that a batch has made."""
    output = carrier.get("output")
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    named = (
        carrier.get("id"),
        carrier.get("output_file_id"),
        carrier.get("error_file_id"),
        *(it.get("id") for it in items),
    )
    return (name for name in named if isinstance(name, str))


def counts(form: Protocol, reported: dict[str, Any]) -> dict[str, int]:
    """In tokens. `input` includes what was read from or written to a cache, and `output` what was thought."""
    shape = shape_of(form, reported)
    used = {
        name: int((reported.get(field) if group is None else (reported.get(group) or NO_DETAILS).get(field)) or 0)
        for name, group, field in FIELDS[shape]
    }
    if shape in {"anthropic-messages", "converse", "invocation"}:
        used["input"] += used["cache_read"] + used["cache_write"]
    if shape == "gemini":
        used["input"] += used.pop("tools")
        used["output"] += used["reasoning"]
    return used


def shape_of(form: Protocol, reported: dict[str, Any]) -> Shape:
    """The clouds serve several protocols under one roof, and Chat has dialects."""
    match form:
        case "bedrock":
            return next((shape for name, shape in BEDROCK_SHAPES.items() if name in reported), "anthropic-messages")
        case "vertex":
            return "gemini" if "promptTokenCount" in reported else "anthropic-messages"
        case "mistral" | "azure-openai":
            return "openai-chat"
        case _:
            return form


def said(stream: bytes) -> int:
    """Bytes of what a model has said in a stream so far, whichever protocol that is in: text, thoughts, arguments."""
    return sum(said_in(data) for event in sse.backwards(stream) if (data := sse.data_of(event)))


def said_in(data: bytes) -> int:
    try:
        payload = json.loads(data)
        again = str(payload.get("type")).startswith("response.") and not payload["type"].endswith(".delta")
        return 0 if again else text_in(payload)
    except (ValueError, AttributeError, RecursionError):
        return 0


def text_in(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(text_in, value))
    if not isinstance(value, dict):
        return 0
    texts = [inner for name, inner in value.items() if name in TEXTS and isinstance(inner, str)]
    return sum(len(text.encode(errors="replace")) for text in texts) + sum(map(text_in, value.values()))
