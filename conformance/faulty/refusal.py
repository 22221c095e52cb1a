"""What the relay says in its own name, in the caller's protocol."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING

from conformance.faulty.exchange import Answer, once
from conformance.faulty.sse import Event, as_text
from conformance.surface import Provider, Surface

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.faulty.exchange import Call, UpstreamCutError
    from conformance.faulty.sse import Json

_ANTHROPIC_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}
_OPENAI_CODES = {401: "invalid_api_key", 403: "insufficient_permissions", 429: "rate_limit_exceeded"}
_GOOGLE_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}
_ID_HEADERS = {Provider.BEDROCK: "x-amzn-requestid", Provider.AZURE: "apim-request-id"}
_SERVER_ERRORS = 500


def refusal(call: Call, status: int, message: str) -> Answer:
    """An error of the relay's own, in the provider's envelope."""
    request_id = f"req_{token_hex(12)}"
    if call.provider is Provider.ANTHROPIC:
        return _answer(call, status, _anthropic(status, message) | {"request_id": request_id}, "request-id", request_id)
    envelope = _ENVELOPES.get(call.provider, _openai_envelope)(status, message)
    return _answer(call, status, envelope, _ID_HEADERS.get(call.provider, "x-request-id"), request_id)


def _anthropic(status: int, message: str) -> Json:
    return {"type": "error", "error": {"type": _ANTHROPIC_TYPES.get(status, "api_error"), "message": message}}


def _openai(status: int, message: str) -> Json:
    kind = "server_error" if status >= _SERVER_ERRORS else "invalid_request_error"
    return {"message": message, "type": kind, "param": None, "code": _OPENAI_CODES.get(status)}


def _openai_envelope(status: int, message: str) -> Json:
    return {"error": _openai(status, message)}


def _google_envelope(status: int, message: str) -> Json:
    return {"error": {"code": status, "message": message, "status": _GOOGLE_STATUSES.get(status, "INTERNAL")}}


_ENVELOPES: dict[Provider, Callable[[int, str], Json]] = {
    Provider.GEMINI: _google_envelope,
    Provider.VERTEX: _google_envelope,
    Provider.MISTRAL: lambda status, message: {
        "object": "error",
        "message": message,
        "type": "invalid_request_error",
        "param": None,
        "code": str(status),
    },
    Provider.BEDROCK: lambda _, message: {"message": message},
}


def _answer(call: Call, status: int, envelope: Json, id_header: str, request_id: str) -> Answer:
    kind = (("x-amzn-errortype", "AccessDeniedException"),) if call.provider is Provider.BEDROCK else ()
    headers = (("content-type", "application/json"), (id_header, request_id), *kind)
    return Answer(call, status, headers, once(as_text(envelope).encode()))


def error_event(surface: Surface | None, cut: UpstreamCutError) -> bytes:
    """The event that tells a client of a protocol that its stream is broken."""
    message = str(cut)
    if surface is Surface.ANTHROPIC_MESSAGES:
        return Event.of(as_text(_anthropic(_SERVER_ERRORS, message)), "error").raw
    if surface is Surface.GEMINI:
        return Event.of(as_text(_google_envelope(_SERVER_ERRORS, message))).raw
    if surface is Surface.OPENAI_RESPONSES:
        error: Json = {"type": "error", "code": "server_error", "message": message, "param": None}
        return Event.of(as_text(error | {"sequence_number": cut.events}), "error").raw
    return Event.of(as_text({"error": _openai(_SERVER_ERRORS, message)})).raw
