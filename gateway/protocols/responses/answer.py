"""Whole answers: https://platform.openai.com/docs/api-reference/responses/object"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway.protocols import hub
from gateway.protocols.codec import Json, words
from gateway.protocols.responses.parts import id_of, read_item, write_item

if TYPE_CHECKING:
    from collections.abc import Iterable


def read_answer(body: Json) -> hub.Answer:
    if body.get("status") == "failed":
        raise hub.AnswerFailedError(words(body.get("error") or {}))
    parts = tuple(part for item in body.get("output") or () for part in read_item(item))
    return hub.Answer(body["id"], body["model"], parts, _read_stop(body, parts), read_usage(body.get("usage") or {}))


def _read_stop(body: Json, parts: Iterable[hub.Part]) -> hub.Stop:
    kinds = {type(part) for part in parts}
    if body.get("status") == "incomplete":
        reason = (body.get("incomplete_details") or {}).get("reason")
        return "refusal" if reason == "content_filter" else "length"
    if hub.Refusal in kinds:
        return "refusal"
    return "tool-use" if hub.ToolUse in kinds else "end"


def read_usage(usage: Json) -> hub.Usage:
    cached, details = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
    return hub.Usage(
        input=usage.get("input_tokens") or 0,
        output=usage.get("output_tokens") or 0,
        cache_read=cached.get("cached_tokens") or 0,
        cache_write=cached.get("cache_write_tokens") or 0,
        reasoning=details.get("reasoning_tokens") or 0,
    )


def write_answer(answer: hub.Answer) -> Json:
    reason = {"length": "max_output_tokens", "refusal": "content_filter"}.get(answer.stop)
    refused = any(isinstance(part, hub.Refusal) for part in answer.parts)
    incomplete = reason is not None and not refused
    return {
        "id": answer.id if answer.id.startswith("resp_") else f"resp_{answer.id}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "incomplete" if incomplete else "completed",
        "error": None,
        "incomplete_details": {"reason": reason} if incomplete else None,
        "instructions": None,
        "metadata": {},
        "model": answer.model,
        "output": [write_item(part, id_of(part, n, answer.id)) for n, part in enumerate(answer.parts)],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": write_usage(answer.usage),
    }


def write_usage(usage: hub.Usage) -> Json:
    cached = {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write}
    return {
        "input_tokens": usage.input,
        "input_tokens_details": cached,
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
