"""Whole answers: https://docs.claude.com/en/api/messages, and errors: https://docs.claude.com/en/api/errors"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.protocols import hub
from gateway.protocols.messages.parts import read_content, write_content

if TYPE_CHECKING:
    from gateway.protocols.codec import Json

STOPS: dict[str, hub.Stop] = {
    "end_turn": "end",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool-use",
    "stop_sequence": "stop-sequence",
    "refusal": "refusal",
    "pause_turn": "pause",
}
_STOP_REASONS: dict[hub.Stop, str] = {
    "end": "end_turn",
    "length": "max_tokens",
    "tool-use": "tool_use",
    "stop-sequence": "stop_sequence",
    "refusal": "refusal",
    "pause": "pause_turn",
}
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
STATUSES = {name: status for status, name in _ERROR_TYPES.items() if status != 422} | {"api_error": 500}  # noqa: PLR2004


def read_answer(body: Json) -> hub.Answer:
    parts = tuple(read_content(body["content"], None))
    if refused := refused_in(body):
        parts = (*parts, refused)
    stop = STOPS.get(body.get("stop_reason") or "", "end")
    return hub.Answer(body["id"], body["model"], parts, stop, read_usage(body["usage"]), body.get("stop_sequence"))


def refused_in(stopped: Json) -> hub.Refusal | None:
    """Why the model refused, where it says so."""
    explanation = (stopped.get("stop_details") or {}).get("explanation")
    return hub.Refusal(explanation) if explanation else None


def read_usage(usage: Json) -> hub.Usage:
    read, write = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    return hub.Usage(
        input=(usage.get("input_tokens") or 0) + read + write,
        output=usage.get("output_tokens") or 0,
        cache_read=read,
        cache_write=write,
        reasoning=(usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
    )


def write_answer(answer: hub.Answer) -> Json:
    return {
        "id": answer.id if answer.id.startswith("msg_") else f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": list(write_content(answer.parts)),
        **write_stop(answer),
        "usage": write_usage(answer.usage),
    }


def write_stop(finished: hub.Finished | hub.Answer) -> Json:
    return {"stop_reason": _STOP_REASONS[finished.stop], "stop_sequence": finished.stop_sequence}


def write_usage(usage: hub.Usage) -> Json:
    counted = {
        "input_tokens": max(0, usage.input - usage.cache_read - usage.cache_write),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
    return counted | ({"output_tokens_details": {"thinking_tokens": usage.reasoning}} if usage.reasoning else {})


def write_error(failed: hub.Failed) -> Json:
    server = "overloaded_error" if failed.status == 503 else "api_error"  # noqa: PLR2004 - the API's own mapping
    kind = _ERROR_TYPES.get(failed.status, server if failed.status >= 500 else "invalid_request_error")  # noqa: PLR2004
    return {"type": "error", "error": {"type": kind, "message": failed.message}}
