"""OpenAI as a host: credentials, headers, errors, models.

Source: https://platform.openai.com/docs/api-reference; headers as recorded (tests/upstream/test_truth.py).
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from conformance.upstream.credentials import bearers
from conformance.upstream.reply import ProviderError

if TYPE_CHECKING:
    from conformance.upstream.cases import Exchange
    from conformance.upstream.journal import Headers
    from conformance.upstream.rendering import Call

OVERLOADED = ProviderError(
    status=500, message="The server had an error processing your request. Sorry about that!", code="server_error"
)

LISTING = re.compile(r"/v1/models(?:/(?P<name>.+))?")

_TYPES = {429: "requests", 500: "server_error", 502: "server_error", 503: "server_error", 504: "server_error"}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
_RATE_LIMITS: Headers = (
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-limit-tokens", "30000000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-remaining-tokens", "29999985"),
    ("x-ratelimit-reset-requests", "6ms"),
    ("x-ratelimit-reset-tokens", "0s"),
)
_KEY_PAGE = "You can find your API key at https://platform.openai.com/account/api-keys."


def refusal(exchange: Exchange, key: str) -> ProviderError | None:
    """Why a request is turned away at the door."""
    tokens = bearers(exchange.headers)
    if not tokens:
        message = "You didn't provide an API key. You need to provide your API key in an Authorization header."
        return ProviderError(status=401, message=message, code="")
    if tokens != [key]:
        shown = _masked(tokens[0] or "")
        return ProviderError(status=401, message=f"Incorrect API key provided: {shown}. {_KEY_PAGE}")
    return None


def objection(exchange: Exchange, call: Call) -> ProviderError | None:  # noqa: ARG001 - every platform is asked alike
    """OpenAI takes what it does not know."""
    return None


def _masked(key: str) -> str:
    hidden = len(key) - 8 - 4
    return f"{key[:8]}{'*' * hidden}{key[-4:]}" if hidden > 0 else "*" * len(key)


def headers(call: Call, status: int) -> Headers:
    limits = _RATE_LIMITS if status not in (401, 404) else ()
    challenge = (("www-authenticate", 'Bearer realm="OpenAI API"'),) if status == HTTPStatus.UNAUTHORIZED else ()
    return (
        *limits,
        *challenge,
        ("access-control-expose-headers", "X-Request-ID"),
        ("openai-organization", "org-scripted"),
        ("openai-processing-ms", "42"),
        ("openai-version", "2020-10-01"),
        ("x-request-id", call.request_id),
        ("server", "cloudflare"),
    )


def envelope(error: ProviderError, call: Call) -> dict[str, Any]:  # noqa: ARG001 - every platform is asked alike
    return {"error": {"message": error.message, **classified(error)}}


def classified(error: ProviderError) -> dict[str, Any]:
    """Type, param and code; those left out are OpenAI's own for the status, and "" is none."""
    code = _CODES.get(error.status) if error.code is None else error.code or None
    kind = "insufficient_quota" if code == "insufficient_quota" else _TYPES.get(error.status, "invalid_request_error")
    return {"type": error.type or kind, "param": error.param, "code": code}


def unknown_route(method: str, path: str) -> ProviderError:
    return ProviderError(status=404, message=f"Invalid URL ({method} {path})", code="")


def unknown_model(model: str) -> ProviderError:
    return ProviderError(status=404, message=f"The model '{model}' does not exist", param="model")


def _model(name: str, created: int) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": created, "owned_by": "system"}


MODELS = (
    _model("gpt-6.1-sol", 1_790_000_000),
    _model("gpt-5-mini", 1_754_000_000),
    _model("gpt-4.1", 1_744_000_000),
    _model("gpt-4o", 1_715_000_000),
)


def models(query: str) -> dict[str, Any]:  # noqa: ARG001 - every platform is asked alike
    return {"object": "list", "data": list(MODELS)}
