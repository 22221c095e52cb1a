"""Google's Gemini API as a host: credentials, headers, errors, models.

Source: https://ai.google.dev/api and https://cloud.google.com/apis/design/errors; headers as recorded
(tests/upstream/test_truth.py).
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from conformance.upstream import gemini_fields
from conformance.upstream.journal import Headers, values
from conformance.upstream.reply import ProviderError

if TYPE_CHECKING:
    from conformance.upstream.cases import Exchange
    from conformance.upstream.rendering import Call

OVERLOADED = ProviderError(status=503, message="The model is overloaded. Please try again later.")
LISTING = re.compile(r"/v1(?:beta)?/models(?:/(?P<name>[^/:]+))?")

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_RPC = "type.googleapis.com/google.rpc"
_SERVICE = {"domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"}}
_WRONG_KEY = "API key not valid. Please pass a valid API key."
_NO_KEY = (
    "Method doesn't allow unregistered callers (callers without established identity). "
    "Please use API Key or other form of API consumer identity to call this API."
)
GOOGLE_HEADERS: Headers = (
    ("vary", "Origin"),
    ("vary", "X-Origin"),
    ("vary", "Referer"),
    ("server", "scaffolding on HTTPServer2"),
    ("x-xss-protection", "0"),
    ("x-frame-options", "SAMEORIGIN"),
    ("x-content-type-options", "nosniff"),
    ("alt-svc", 'h3=":443"; ma=2592000,h3-29=":443"; ma=2592000'),
)


def refusal(exchange: Exchange, key: str) -> ProviderError | None:
    """Why a request is turned away at the door: the key may stand in `x-goog-api-key` or in the query."""
    given = [*values(exchange.headers, "x-goog-api-key"), *_in_query(exchange.query)]
    if not given:
        return ProviderError(status=403, message=_NO_KEY)
    return None if set(given) == {key} else ProviderError(status=400, message=_WRONG_KEY, code="API_KEY_INVALID")


def _in_query(query: str) -> list[str]:
    return [value for name, value in parse_qsl(query) if name == "key"]


def objection(exchange: Exchange, call: Call) -> ProviderError | None:  # noqa: ARG001 - every platform is asked alike
    """A field that no message of Google's has."""
    return gemini_fields.objection(call.body)


def headers(call: Call, status: int) -> Headers:  # noqa: ARG001 - every platform is asked alike
    tier = (("x-gemini-service-tier", "standard"),) if status < HTTPStatus.BAD_REQUEST else ()
    return (*tier, ("server-timing", "gfet4t7; dur=42"), *GOOGLE_HEADERS)


def envelope(error: ProviderError, call: Call) -> dict[str, Any]:  # noqa: ARG001 - every platform is asked alike
    fallback = "INTERNAL" if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "FAILED_PRECONDITION"
    status = error.type or _STATUSES.get(error.status, fallback)
    body: dict[str, Any] = {"code": error.status, "message": error.message, "status": status}
    details = _details(error)
    return {"error": body | {"details": details} if details else body}


def _details(error: ProviderError) -> list[dict[str, Any]]:
    """`code` is a reason, `param` the field that is at fault; how long to wait stands here and in no header."""
    details: list[dict[str, Any]] = []
    if error.code:
        details.append({"@type": f"{_RPC}.ErrorInfo", "reason": error.code, **_SERVICE})
    if error.param is not None:
        violation = (
            {"field": error.param, "description": error.message} if error.param else {"description": error.message}
        )
        details.append({"@type": f"{_RPC}.BadRequest", "fieldViolations": [violation]})
    if error.retry_after and error.retry_after.isdecimal():
        details.append({"@type": f"{_RPC}.RetryInfo", "retryDelay": f"{error.retry_after}s"})
    return details


def unknown_route(method: str, path: str) -> ProviderError:
    return ProviderError(status=404, message=f"Requested entity was not found: {method} {path}")


def unknown_model(model: str) -> ProviderError:
    message = (
        f"models/{model} is not found for API version v1beta, or is not supported for generateContent. "
        "Call ModelService.ListModels to see the list of available models and their supported methods."
    )
    return ProviderError(status=404, message=message)


def _model(name: str, title: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": title,
        "description": f"Stable version of {title}",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
        "thinking": True,
    }


MODELS = (
    _model("gemini-3.5-flash", "Gemini 3.5 Flash"),
    _model("gemini-3.1-pro", "Gemini 3.1 Pro"),
    _model("gemini-2.5-flash", "Gemini 2.5 Flash"),
)


def models(query: str) -> dict[str, Any]:  # noqa: ARG001 - every platform is asked alike
    return {"models": list(MODELS)}
