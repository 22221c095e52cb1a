"""Amazon Bedrock's runtime as a host: credentials, headers, errors. Its list of models lives elsewhere.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference; headers as recorded (tests/upstream/test_truth.py).
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from conformance.upstream import sigv4
from conformance.upstream.credentials import bearers
from conformance.upstream.journal import values
from conformance.upstream.reply import ProviderError

if TYPE_CHECKING:
    from conformance.upstream.cases import Exchange
    from conformance.upstream.journal import Headers
    from conformance.upstream.rendering import Call

OVERLOADED = ProviderError(status=500, message="The system encountered an unexpected error during processing.")
LISTING = re.compile("(?P<name>)(?!)")
MODELS: tuple[dict[str, Any], ...] = ()

_TYPES = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    413: "ValidationException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
_FAULTY = "Malformed input request: {}, please reformat your input and try again."
_IN_THE_PATH = ("model", "stream")


def refusal(exchange: Exchange, key: str) -> ProviderError | None:
    """Why a request is turned away at the door: a signature, or the key itself as a token."""
    if bearers(exchange.headers) == [key]:
        return None
    if not values(exchange.headers, "authorization"):
        return _forbidden("Missing Authentication Token", "MissingAuthenticationTokenException")
    if any(bearers(exchange.headers)):
        return _forbidden("Authentication failed: Please make sure your API Key is valid.", "AccessDeniedException")
    try:
        sigv4.verify(exchange, key)
    except sigv4.SignatureError as error:
        return _forbidden(str(error), "InvalidSignatureException")
    return None


def _forbidden(message: str, kind: str) -> ProviderError:
    return ProviderError(status=403, message=message, type=kind)


def objection(exchange: Exchange, call: Call) -> ProviderError | None:
    """A body for Claude says its version, and nothing that the path has said."""
    if "/invoke" not in exchange.path:
        return None
    for name in _IN_THE_PATH:
        if name in call.body:
            return ProviderError(status=400, message=_FAULTY.format(f"#: extraneous key [{name}] is not permitted"))
    if "anthropic_version" not in call.body:
        return ProviderError(status=400, message=_FAULTY.format("#: required key [anthropic_version] not found"))
    return None


def headers(call: Call, status: int) -> Headers:
    kind = (("x-amzn-errortype", exception(ProviderError(status))),) if status >= HTTPStatus.BAD_REQUEST else ()
    return (("x-amzn-requestid", call.request_id), *kind)


def exception(error: ProviderError) -> str:
    fallback = "InternalServerException" if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "ValidationException"
    return error.type or _TYPES.get(error.status, fallback)


def envelope(error: ProviderError, call: Call) -> dict[str, Any]:  # noqa: ARG001 - every platform is asked alike
    """Which error it is stands in a header."""
    return {"message": error.message}


def unknown_route(method: str, path: str) -> ProviderError:  # noqa: ARG001 - every platform is asked alike
    return ProviderError(status=404, message="Unable to determine service/operation name to be authorized")


def unknown_model(model: str) -> ProviderError:  # noqa: ARG001 - every platform is asked alike
    return ProviderError(status=400, message="The provided model identifier is invalid.")


def models(query: str) -> dict[str, Any]:  # noqa: ARG001 - every platform is asked alike
    return {}
