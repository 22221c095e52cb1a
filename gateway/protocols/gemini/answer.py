"""Whole answers: https://ai.google.dev/api/generate-content#generatecontentresponse

Errors: https://cloud.google.com/apis/design/errors
"""

from __future__ import annotations

import math
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from gateway.errors import error_object
from gateway.protocols import hub
from gateway.protocols.codec import Json, words
from gateway.protocols.gemini.parts import joined, read_part, write_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_REFUSALS = (
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "PUP_LIMITED_DISABLED", "ESCALATION",
)  # fmt: skip
_STOPS: dict[str, hub.Stop] = {
    "STOP": "end",
    "MAX_TOKENS": "length",
    "CONTINUATION": "pause",
    **dict.fromkeys(_REFUSALS, "refusal"),
}
_FAILURES = {
    "OTHER", "MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE", "IMAGE_OTHER", "NO_IMAGE",
}  # fmt: skip
FINISH_REASONS: dict[hub.Stop, str] = {
    "end": "STOP",
    "length": "MAX_TOKENS",
    "tool-use": "STOP",
    "stop-sequence": "STOP",
    "refusal": "SAFETY",
    "pause": "CONTINUATION",
}
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"


def read_answer(body: Json) -> hub.Answer:
    head = (body.get("responseId") or "", body.get("modelVersion") or "")
    usage = read_usage(body.get("usageMetadata") or {})
    if refused := blocked(body):
        return hub.Answer(*head, (refused,), "refusal", usage)
    candidate = body["candidates"][0]
    parts = joined(read_parts(candidate))
    if refused := refused_in(candidate):
        parts.append(refused)
    return hub.Answer(*head, tuple(parts), read_stop(candidate, parts) or "end", usage)


def blocked(body: Json) -> hub.Refusal | None:
    """A prompt that was blocked has no candidates."""
    feedback = body.get("promptFeedback") or {}
    if body.get("candidates") or not feedback.get("blockReason"):
        return None
    return hub.Refusal(feedback.get("blockReasonMessage") or f"The prompt was blocked: {feedback['blockReason']}.")


def read_parts(candidate: Json) -> Iterator[hub.Part]:
    for part in (candidate.get("content") or {}).get("parts") or ():
        for read in read_part(part, made_id):
            if isinstance(read, hub.Image | hub.Document):
                raise hub.AnswerFailedError("it holds a file, which answers of other protocols cannot.")
            yield read


def made_id(call: Json) -> str:
    """Older models give their calls no ids; the client's result must name one."""
    return call.get("id") or f"call_{token_hex(8)}"


def read_stop(candidate: Json, parts: Iterable[hub.Part]) -> hub.Stop | None:
    """None where it goes on. Calls of functions end with STOP like any other answer."""
    reason = candidate.get("finishReason") or ""
    if reason in _FAILURES:
        raise hub.AnswerFailedError(candidate.get("finishMessage") or f"it ended with {reason}.")
    stop = _STOPS.get(reason, "end") if reason else None
    return "tool-use" if stop == "end" and any(isinstance(part, hub.ToolUse) for part in parts) else stop


def refused_in(candidate: Json) -> hub.Refusal | None:
    """Why the model refused, where it says so."""
    message = candidate.get("finishMessage")
    return hub.Refusal(message) if message and _STOPS.get(candidate.get("finishReason") or "") == "refusal" else None


def read_usage(usage: Json) -> hub.Usage:
    """`candidatesTokenCount` leaves out what was thought."""
    thought = usage.get("thoughtsTokenCount") or 0
    return hub.Usage(
        input=(usage.get("promptTokenCount") or 0) + (usage.get("toolUsePromptTokenCount") or 0),
        output=(usage.get("candidatesTokenCount") or 0) + thought,
        cache_read=usage.get("cachedContentTokenCount") or 0,
        reasoning=thought,
    )


def write_answer(answer: hub.Answer) -> Json:
    candidate = {
        "content": {"role": "model", "parts": write_parts(answer.parts, {})},
        "finishReason": FINISH_REASONS[answer.stop],
        "index": 0,
    }
    return {
        "candidates": [candidate],
        "usageMetadata": write_usage(answer.usage),
        "modelVersion": answer.model,
        "responseId": answer.id,
    }


def write_usage(usage: hub.Usage) -> Json:
    counted = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "totalTokenCount": usage.input + usage.output,
    }
    details = {"cachedContentTokenCount": usage.cache_read, "thoughtsTokenCount": usage.reasoning}
    return counted | {name: count for name, count in details.items() if count}


def read_error(status: int, body: Any) -> hub.Failed:
    """A key that is not valid is a 400 here. What waits for a client's stream that is an array comes in an array."""
    if isinstance(body, list) and body:
        body = body[0]
    error = body.get("error") if isinstance(body, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    reasons = {detail.get("reason") for detail in details or ()}
    delays = [detail["retryDelay"] for detail in details or () if detail.get("retryDelay")]
    retry_after = str(math.ceil(float(delays[0].removesuffix("s")))) if delays else None
    return hub.Failed(401 if "API_KEY_INVALID" in reasons else status, words(body), retry_after)


def write_error(failed: hub.Failed) -> Json:
    error = error_object("google", failed.status, "", failed.message)
    if failed.retry_after:
        error["error"]["details"] = [{"@type": _RETRY_INFO, "retryDelay": f"{failed.retry_after}s"}]
    return error
