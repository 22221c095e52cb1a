"""Anthropic as a host: credentials, headers, errors, models.

Source: https://docs.claude.com/en/api/overview and /errors; headers as recorded (tests/upstream/test_truth.py).
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from conformance.upstream.credentials import bearers
from conformance.upstream.journal import Headers, values
from conformance.upstream.reply import ProviderError

if TYPE_CHECKING:
    from conformance.upstream.cases import Exchange
    from conformance.upstream.rendering import Call

OVERLOADED = ProviderError(status=529, message="Overloaded")

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_PAGE = 20
_WITHOUT_SAMPLING = "2026-10-21"
_SAMPLING = ("temperature", "top_p", "top_k")
LISTING = re.compile(r"/v1/models(?:/(?P<name>.+))?")
_RETRIED = (408, 409, 429)
_RESET = "2026-01-01T00:00:00Z"
_LIMITS = {"requests": 4000, "tokens": 4_800_000, "input-tokens": 4_000_000, "output-tokens": 800_000}
_RATE_LIMITS: Headers = tuple(
    (f"anthropic-ratelimit-{kind}-{part}", value)
    for kind, limit in _LIMITS.items()
    for part, value in (("limit", str(limit)), ("remaining", str(limit - 1)), ("reset", _RESET))
)


def refusal(exchange: Exchange, key: str) -> ProviderError | None:
    """Why a request is turned away at the door; `x-api-key` goes before `Authorization`."""
    api_keys, tokens = values(exchange.headers, "x-api-key"), bearers(exchange.headers)
    if not api_keys and not tokens:
        return ProviderError(status=401, message="x-api-key header is required")
    if api_keys and api_keys != [key]:
        return ProviderError(status=401, message="invalid x-api-key")
    if not api_keys and tokens != [key]:
        return ProviderError(status=401, message="Invalid bearer token")
    if not values(exchange.headers, "anthropic-version"):
        return ProviderError(status=400, message="anthropic-version: header is required")
    return None


def objection(exchange: Exchange, call: Call) -> ProviderError | None:
    """How an answer is drawn is no longer the caller's to say."""
    newest = values(exchange.headers, "anthropic-version") == [_WITHOUT_SAMPLING]
    given = next((name for name in _SAMPLING if name in call.body), None)
    return ProviderError(status=400, message=f"{given}: Extra inputs are not permitted") if newest and given else None


def headers(call: Call, status: int) -> Headers:
    identity = (
        ("request-id", call.request_id),
        ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
        ("server", "cloudflare"),
    )
    limits = _RATE_LIMITS if status < HTTPStatus.BAD_REQUEST or status == HTTPStatus.TOO_MANY_REQUESTS else ()
    if status < HTTPStatus.BAD_REQUEST:
        return limits + identity
    retry = "true" if status in _RETRIED or status >= HTTPStatus.INTERNAL_SERVER_ERROR else "false"
    return (("x-should-retry", retry), *limits, *identity)


def envelope(error: ProviderError, call: Call) -> dict[str, Any]:
    """`error.code` is Anthropic's `details.error_code`."""
    fallback = "api_error" if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    body: dict[str, Any] = {"type": error.type or _TYPES.get(error.status, fallback), "message": error.message}
    if error.code:
        body["details"] = {"error_code": error.code}
    return {"type": "error", "error": body, "request_id": call.request_id}


def unknown_route(method: str, path: str) -> ProviderError:
    return ProviderError(status=404, message=f"Not Found: {method} {path}")


def unknown_model(model: str) -> ProviderError:
    return ProviderError(status=404, message=f"model: {model}")


def _supported(*names: str) -> dict[str, Any]:
    return {name: {"supported": True} for name in names}


def _model(name: str, title: str, line: str, day: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": title,
        "line": line,
        "lifecycle": "active" if day > "2026" else "deprecated",
        "created_at": f"{day}T00:00:00Z",
        "max_input_tokens": 1_000_000,
        "max_tokens": 128_000,
        "capabilities": _CAPABILITIES,
    }


_CAPABILITIES = {
    **_supported("batch", "citations", "code_execution", "image_input", "pdf_input", "structured_outputs"),
    "context_management": {
        "supported": True,
        **_supported("clear_tool_uses_20250919", "clear_thinking_20251015", "compact_20260112"),
    },
    "effort": {"supported": True, **_supported("low", "medium", "high", "xhigh", "max")},
    "server_tools": {"supported": True, **_supported("code_execution", "web_search")},
    "thinking": {"supported": True, "types": _supported("enabled", "adaptive", "between_tools", "disabled")},
}

MODELS = (
    _model("claude-opus-5-5", "Claude Opus 5.5", "opus", "2026-10-21"),
    _model("claude-sonnet-5-5", "Claude Sonnet 5.5", "sonnet", "2026-10-21"),
    _model("claude-haiku-5-5", "Claude Haiku 5.5", "haiku", "2026-10-21"),
    _model("claude-sonnet-4-5", "Claude Sonnet 4.5", "sonnet", "2025-09-29"),
)


def models(query: str) -> dict[str, Any]:
    """A page of the list: `limit`, `before_id`, `after_id`."""
    asked = {name: found[0] for name, found in parse_qs(query).items()}
    names = [str(model["id"]) for model in MODELS]
    limit = int(asked["limit"]) if asked.get("limit", "").isdecimal() else _PAGE
    start, end = 0, len(names)
    if asked.get("after_id") in names:
        start = names.index(asked["after_id"]) + 1
    if asked.get("before_id") in names:
        end = names.index(asked["before_id"])
        start = max(start, end - limit)
    page = MODELS[start:end][:limit]
    more = start > 0 if "before_id" in asked else start + len(page) < end
    first, last = (page[0]["id"], page[-1]["id"]) if page else (None, None)
    return {"data": list(page), "has_more": more, "first_id": first, "last_id": last}
