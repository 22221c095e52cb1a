"""Google's Vertex AI as a host of Claude: credentials, headers, errors. There is no list of models.

Source: https://docs.claude.com/en/api/claude-on-vertex-ai and https://cloud.google.com/apis/design/errors
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from conformance.upstream import anthropic_platform, gemini_platform
from conformance.upstream.credentials import bearers
from conformance.upstream.reply import ProviderError

if TYPE_CHECKING:
    from conformance.upstream.cases import Exchange
    from conformance.upstream.journal import Headers
    from conformance.upstream.rendering import Call

OVERLOADED = anthropic_platform.OVERLOADED
LISTING = re.compile("(?P<name>)(?!)")
MODELS: tuple[dict[str, Any], ...] = ()

_OF_THE_PLATFORM = (401, 403, 404, 429, 503, 504)
_UNKNOWN_CALLER = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
_COUNTING = "count-tokens:rawPredict"


def refusal(exchange: Exchange, key: str) -> ProviderError | None:
    """Why a request is turned away at the door."""
    return None if bearers(exchange.headers) == [key] else ProviderError(status=401, message=_UNKNOWN_CALLER)


def objection(exchange: Exchange, call: Call) -> ProviderError | None:
    """The version stands in the body, the model in the path; only where tokens are counted it stands in the body."""
    if exchange.path.endswith(_COUNTING):
        return None
    if "anthropic_version" not in call.body:
        return ProviderError(status=400, message="anthropic_version: Field required")
    if "model" in call.body:
        return ProviderError(status=400, message="model: Extra inputs are not permitted")
    return None


def headers(call: Call, status: int) -> Headers:  # noqa: ARG001 - every platform is asked alike
    return gemini_platform.GOOGLE_HEADERS


def envelope(error: ProviderError, call: Call) -> Any:
    """What the platform says has Google's envelope, in a list where a stream was asked for; the model has its own."""
    if error.status not in _OF_THE_PLATFORM:
        return said_by_the_model(error, call)
    said = gemini_platform.envelope(error, call)
    return [said] if call.streams else said


def said_by_the_model(error: ProviderError, call: Call) -> dict[str, Any]:
    said = anthropic_platform.envelope(error, call)
    return said | {"request_id": said["request_id"].replace("req_", "req_vrtx_", 1)}


def unknown_route(method: str, path: str) -> ProviderError:
    return ProviderError(status=404, message=f"Requested entity was not found: {method} {path}")


def unknown_model(model: str) -> ProviderError:
    return ProviderError(status=404, message=f"Publisher Model `{model}` was not found or is not available.")


def models(query: str) -> dict[str, Any]:  # noqa: ARG001 - every platform is asked alike
    return {"models": []}
