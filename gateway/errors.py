"""Answers that the gateway gives itself, in the caller's own protocol."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.surfaces import Vendor

ANTHROPIC_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}
OPENAI_TYPES = {429: "rate_limit_error"}
SPENT = "insufficient_quota"
"""The code of a budget that is spent, and OpenAI's own type of it; Anthropic's is `billing_error`."""

GOOGLE_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
AWS_TYPES = {
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
REQUEST_ID_HEADERS: dict[Vendor, str] = {
    "openai": "x-request-id",
    "anthropic": "request-id",
    "google": "x-request-id",
    "aws": "x-amzn-requestid",
}
CLIENT_ERRORS = 400
SERVER_ERRORS = 500


class RefusalError(Exception):
    """The gateway answers instead of the provider: with `status`, and `code` where the protocol has one."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


class UnreachableError(RefusalError):
    """The provider gave no answer at all."""

    def __init__(self, reason: str) -> None:
        super().__init__(502, "upstream_error", f"The upstream cannot be reached ({reason}).")


def unauthorized(message: str) -> RefusalError:
    return RefusalError(401, "invalid_api_key", message, {"WWW-Authenticate": "Bearer"})


def forbidden(message: str) -> RefusalError:
    return RefusalError(403, "permission_denied", message)


def bad_gateway(message: str) -> RefusalError:
    return RefusalError(502, "upstream_error", message)


def envelope(vendor: Vendor, refusal: RefusalError, request_id: str) -> bytes:
    """https://docs.anthropic.com/en/api/errors · https://platform.openai.com/docs/guides/error-codes ·
    https://cloud.google.com/apis/design/errors"""
    body = error_object(vendor, refusal.status, refusal.code, refusal.message)
    if vendor == "anthropic":
        body["request_id"] = request_id
    return json.dumps(body).encode()


def error_object(vendor: Vendor, status: int, code: str, message: str) -> dict[str, Any]:
    if vendor == "anthropic":
        kind = "api_error" if status >= SERVER_ERRORS else ANTHROPIC_TYPES.get(status, "invalid_request_error")
        kind = "billing_error" if code == SPENT else kind
        return {"type": "error", "error": {"type": kind, "message": message}}
    if vendor == "google":
        kind = "INTERNAL" if status >= SERVER_ERRORS else "INVALID_ARGUMENT"
        return {"error": {"code": status, "message": message, "status": GOOGLE_STATUSES.get(status, kind)}}
    if vendor == "aws":
        return {"message": message}
    kind = "server_error" if status >= SERVER_ERRORS else OPENAI_TYPES.get(status, "invalid_request_error")
    kind = SPENT if code == SPENT else kind
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def envelope_headers(vendor: Vendor, status: int, request_id: str) -> dict[str, str]:
    """What belongs to an envelope beside the body: AWS names the error in a header."""
    named = {REQUEST_ID_HEADERS[vendor]: request_id}
    if vendor != "aws":
        return named
    kind = "InternalServerException" if status >= SERVER_ERRORS else "ValidationException"
    return {**named, "x-amzn-errortype": AWS_TYPES.get(status, kind)}
