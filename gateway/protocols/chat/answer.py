"""Whole answers: https://platform.openai.com/docs/api-reference/chat/object"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway.protocols import hub
from gateway.protocols.chat.parts import read_message, said, write_signed

if TYPE_CHECKING:
    from gateway.protocols.codec import Json

STOPS: dict[str, hub.Stop] = {
    "stop": "end",
    "length": "length",
    "tool_calls": "tool-use",
    "function_call": "tool-use",
    "content_filter": "refusal",
}
FINISH_REASONS: dict[hub.Stop, str] = {
    "end": "stop",
    "length": "length",
    "tool-use": "tool_calls",
    "stop-sequence": "stop",
    "refusal": "content_filter",
    "pause": "stop",
}


def read_answer(body: Json) -> hub.Answer:
    choice = body["choices"][0]
    parts = tuple(read_message(choice["message"]))
    kinds = {type(part) for part in parts}
    stop = meant(STOPS.get(choice.get("finish_reason") or "", "end"), calls=hub.ToolUse in kinds)
    if hub.Refusal in kinds:
        stop = "refusal"
    return hub.Answer(body["id"], body["model"], parts, stop, read_usage(body.get("usage") or {}))


def meant(stop: hub.Stop, *, calls: bool) -> hub.Stop:
    """A call that the client had forced ends with `stop`: https://github.com/vllm-project/vllm/pull/25054"""
    return "tool-use" if stop == "end" and calls else stop


def read_usage(usage: Json) -> hub.Usage:
    prompt, completion = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    return hub.Usage(
        input=usage.get("prompt_tokens") or 0,
        output=usage.get("completion_tokens") or 0,
        cache_read=prompt.get("cached_tokens") or 0,
        cache_write=prompt.get("cache_write_tokens") or 0,
        reasoning=completion.get("reasoning_tokens") or 0,
    )


def write_answer(answer: hub.Answer) -> Json:
    message = write_signed(answer.parts) | {"refusal": said(answer.parts, hub.Refusal) or None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH_REASONS[answer.stop]}
    return {
        "id": answer_id(answer.id),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": answer.model,
        "choices": [choice],
        "usage": write_usage(answer.usage),
    }


def answer_id(given: str) -> str:
    return given if given.startswith("chatcmpl-") else f"chatcmpl-{given}"


def write_usage(usage: hub.Usage) -> Json:
    prompt = {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write}
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
