"""Mistral as a host: credentials, headers, errors, models.

Source: https://docs.mistral.ai/api; headers as recorded (tests/upstream/test_truth.py).
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from conformance.upstream import mistral_fields
from conformance.upstream.credentials import bearers
from conformance.upstream.reply import ProviderError

if TYPE_CHECKING:
    from conformance.upstream.cases import Exchange
    from conformance.upstream.journal import Headers
    from conformance.upstream.rendering import Call

OVERLOADED = ProviderError(status=503, message="Service unavailable.")
LISTING = re.compile(r"/v1/models(?:/(?P<name>[^/]+))?")

_KINDS = {
    400: ("invalid_request_invalid_args", "3051"),
    403: ("invalid_request_error", "3052"),
    404: ("not_found", "1500"),
    413: ("invalid_request_error", "3053"),
    429: ("rate_limited", "1300"),
    500: ("internal_server_error", "1000"),
    503: ("unreachable_backend", "1100"),
}


def refusal(exchange: Exchange, key: str) -> ProviderError | None:
    """Why a request is turned away at the door."""
    tokens = bearers(exchange.headers)
    if not tokens:
        return ProviderError(status=401, message="Unauthorized")
    return None if tokens == [key] else ProviderError(status=401, message="Invalid API Key")


def objection(exchange: Exchange, call: Call) -> ProviderError | None:  # noqa: ARG001 - every platform is asked alike
    """A field that Mistral does not know is forbidden."""
    return mistral_fields.objection(call.body)


def headers(call: Call, status: int) -> Headers:
    limits = () if status >= HTTPStatus.BAD_REQUEST else _RATE_LIMITS
    return (
        *limits,
        ("mistral-correlation-id", call.request_id),
        ("x-kong-request-id", call.request_id),
        ("access-control-allow-origin", "*"),
        ("x-content-type-options", "nosniff"),
        ("server", "cloudflare"),
    )


_RATE_LIMITS: Headers = (
    ("x-ratelimit-limit-tokens-minute", "2000000"),
    ("x-ratelimit-remaining-tokens-minute", "1999956"),
    ("x-ratelimit-tokens-query-cost", "44"),
    ("x-ratelimit-limit-req-minute", "360"),
    ("x-ratelimit-remaining-req-minute", "359"),
)


def envelope(error: ProviderError, call: Call) -> dict[str, Any]:  # noqa: ARG001 - every platform is asked alike
    """Who is not let in gets a line, who writes what is not understood a list of places, all others an error object."""
    if error.status == HTTPStatus.UNAUTHORIZED:
        return {"detail": error.message}
    if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        place = [int(part) if part.isdecimal() else part for part in (error.param or "").split(".") if part]
        return {"detail": [{"type": error.type or "value_error", "loc": ["body", *place], "msg": error.message}]}
    fallback = _KINDS[500] if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else _KINDS[400]
    kind, code = _KINDS.get(error.status, fallback)
    return {
        "object": "error",
        "message": error.message,
        "type": error.type or kind,
        "param": error.param,
        "code": code if error.code is None else error.code,
        "raw_status_code": error.status,
    }


def unknown_route(method: str, path: str) -> ProviderError:
    return ProviderError(status=404, message=f"no Route matched with those values: {method} {path}")


def unknown_model(model: str) -> ProviderError:
    return ProviderError(status=404, message=f"Invalid model: {model}", type="invalid_model")


def _model(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 1_767_220_880,
        "owned_by": "mistralai",
        "capabilities": _CAPABILITIES,
        "name": name,
        "description": "A model of Mistral's.",
        "max_context_length": 131_072,
        "aliases": [],
        "deprecation": None,
        "deprecation_replacement_model": None,
        "default_model_temperature": 0.3,
        "type": "base",
    }


_CAPABILITIES = {
    "completion_chat": True,
    "function_calling": True,
    "completion_fim": False,
    "fine_tuning": True,
    "vision": True,
    "ocr": False,
    "classification": False,
    "moderation": False,
    "audio": False,
}
MODELS = tuple(map(_model, ("mistral-large-latest", "mistral-medium-latest", "mistral-small-latest")))


def models(query: str) -> dict[str, Any]:  # noqa: ARG001 - every platform is asked alike
    return {"object": "list", "data": list(MODELS)}
