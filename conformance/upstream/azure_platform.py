"""Azure OpenAI as a host: credentials, headers, errors, models.

Source: https://learn.microsoft.com/azure/ai-foundry/openai/reference; headers as recorded
(tests/upstream/test_truth.py).
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from conformance.upstream import openai_platform
from conformance.upstream.credentials import bearers
from conformance.upstream.journal import Headers, values
from conformance.upstream.reply import ProviderError

if TYPE_CHECKING:
    from conformance.upstream.cases import Exchange
    from conformance.upstream.rendering import Call

OVERLOADED = openai_platform.OVERLOADED
LISTING = re.compile(r"/openai/(?:v1/)?models(?:/(?P<name>[^/]+))?")

_DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
_MISSING = ProviderError(status=404, message="Resource not found")
_OF_THE_FRONT = (401, 403, 404, 408, 429, 503)
_CODES = {429: "RateLimitReached"}
_UNDATED = re.compile(r"/azure/openai/v1/")


def refusal(exchange: Exchange, key: str) -> ProviderError | None:
    """Why a request is turned away at the door: a key in `api-key`, or a token."""
    given = [*values(exchange.headers, "api-key"), *bearers(exchange.headers)]
    return None if given and set(given) == {key} else ProviderError(status=401, message=_DENIED)


def objection(exchange: Exchange, call: Call) -> ProviderError | None:  # noqa: ARG001 - every platform is asked alike
    """A path of old without a date is none."""
    dated = any(name == "api-version" and value for name, value in parse_qsl(exchange.query))
    return None if dated or _UNDATED.match(exchange.path) else _MISSING


def headers(call: Call, status: int) -> Headers:
    limits = _RATE_LIMITS if status < HTTPStatus.BAD_REQUEST or status == HTTPStatus.TOO_MANY_REQUESTS else ()
    return (
        *limits,
        ("apim-request-id", call.request_id),
        ("x-request-id", call.request_id),
        ("x-ms-region", "West Europe"),
        ("x-content-type-options", "nosniff"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
    )


_RATE_LIMITS: Headers = (
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-limit-tokens", "1000000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-remaining-tokens", "999985"),
)


def envelope(error: ProviderError, call: Call) -> dict[str, Any]:
    """What the front door says has a number for a code; what the model says is OpenAI's."""
    if error.status in _OF_THE_FRONT and not error.type:
        code = error.code or _CODES.get(error.status, str(error.status))
        return {"error": {"code": code, "message": error.message}}
    said = openai_platform.envelope(error, call)
    if error.code == "content_filter":
        said["error"]["innererror"] = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}}
    return said


def unknown_route(method: str, path: str) -> ProviderError:  # noqa: ARG001 - every platform is asked alike
    return _MISSING


def unknown_model(model: str) -> ProviderError:
    return ProviderError(status=404, message=f"The model '{model}' does not exist", code="DeploymentNotFound")


MODELS = openai_platform.MODELS
models = openai_platform.models
