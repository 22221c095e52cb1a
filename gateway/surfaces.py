"""What clients and providers speak, and the paths that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Container

Surface = Literal[
    "openai-chat", "openai-responses", "anthropic-messages", "gemini", "azure-openai", "bedrock", "vertex"
]
Protocol = Literal[Surface, "mistral"]
"""What a provider speaks. Mistral's own clients call the paths of Chat, so it is no surface."""

Vendor = Literal["openai", "anthropic", "google", "aws"]
"""Whose envelopes errors come in, and whose headers name a request."""

Operation = Literal["generate", "count", "compact", "other"]

SURFACES: tuple[Surface, ...] = get_args(Surface)
VENDOR_SURFACES: dict[Vendor, tuple[Surface, ...]] = {
    "openai": ("openai-chat", "openai-responses"),
    "anthropic": ("anthropic-messages",),
    "google": ("gemini",),
    "aws": ("bedrock",),
}


@dataclass(frozen=True)
class Endpoint:
    """A path of a provider's API. Without a surface it belongs to whichever vendor the caller speaks to.

    `{model}` in the path is the model that is asked for; else the body names it. Bodies are in the form of `form`, or
    of the surface itself. `streams` where the path says so; else the body does. `further` names a route that has to be
    allowed in the configuration; if it is a `vendor`'s alone, another's callers do not find it.
    """

    path: str
    methods: tuple[str, ...]
    surface: Surface | None
    operation: Operation = "other"
    form: Protocol | None = None
    streams: bool = False
    vendor: Vendor | None = None
    further: str = ""


CHAT = Endpoint("/v1/chat/completions", ("POST",), "openai-chat", "generate")
RESPONSES = (
    Endpoint("/v1/responses", ("POST",), "openai-responses", "generate"),
    Endpoint("/v1/responses/compact", ("POST",), "openai-responses", "compact"),
    Endpoint("/v1/responses/input_tokens", ("POST",), "openai-responses", "count"),
    Endpoint("/v1/responses/{id}", ("GET", "DELETE"), "openai-responses"),
    Endpoint("/v1/responses/{id}/cancel", ("POST",), "openai-responses"),
    Endpoint("/v1/responses/{id}/input_items", ("GET",), "openai-responses"),
)
MESSAGES = (
    Endpoint("/v1/messages", ("POST",), "anthropic-messages", "generate"),
    Endpoint("/v1/messages/count_tokens", ("POST",), "anthropic-messages", "count"),
)
GEMINI_METHODS = (":generateContent", ":streamGenerateContent", ":countTokens", ":embedContent", ":batchEmbedContents")
GEMINI = tuple(
    endpoint
    for version in ("/v1beta", "/v1")
    for kind in ("models", "tunedModels")
    for endpoint in (
        Endpoint(f"{version}/{kind}/{{model}}:generateContent", ("POST",), "gemini", "generate"),
        Endpoint(f"{version}/{kind}/{{model}}:streamGenerateContent", ("POST",), "gemini", "generate", streams=True),
        Endpoint(f"{version}/{kind}/{{model}}:countTokens", ("POST",), "gemini", "count"),
    )
)
DEPLOYMENT = "/openai/deployments/{model}/chat/completions"
AZURE = (
    Endpoint(DEPLOYMENT, ("POST",), "azure-openai", "generate", "openai-chat"),
    *(
        endpoint
        for root in ("/openai", "/openai/v1")
        for endpoint in (
            Endpoint(f"{root}/responses", ("POST",), "azure-openai", "generate", "openai-responses"),
            Endpoint(f"{root}/responses/compact", ("POST",), "azure-openai", "compact", "openai-responses"),
            Endpoint(f"{root}/responses/input_tokens", ("POST",), "azure-openai", "count", "openai-responses"),
            Endpoint(f"{root}/responses/{{id}}", ("GET", "DELETE"), "azure-openai", form="openai-responses"),
            Endpoint(f"{root}/responses/{{id}}/cancel", ("POST",), "azure-openai", form="openai-responses"),
            Endpoint(f"{root}/responses/{{id}}/input_items", ("GET",), "azure-openai", form="openai-responses"),
            Endpoint(f"{root}/models", ("GET",), "azure-openai", form="openai-chat"),
            Endpoint(f"{root}/models/{{id}}", ("GET",), "azure-openai", form="openai-chat"),
        )
    ),
    Endpoint("/openai/v1/chat/completions", ("POST",), "azure-openai", "generate", "openai-chat"),
)
BEDROCK = (
    Endpoint("/model/{model}/invoke", ("POST",), "bedrock", "generate"),
    Endpoint("/model/{model}/invoke-with-response-stream", ("POST",), "bedrock", "generate", streams=True),
    Endpoint("/model/{model}/converse", ("POST",), "bedrock"),
    Endpoint("/model/{model}/converse-stream", ("POST",), "bedrock", streams=True),
    Endpoint("/model/{model}/count-tokens", ("POST",), "bedrock", "count"),
)
PROJECT = "projects/{project}/locations/{location}/publishers"
CLAUDE, GEMINI_THERE = f"/v1/{PROJECT}/anthropic/models", f"{PROJECT}/google/models"
VERTEX = (
    Endpoint(f"{CLAUDE}/count-tokens:rawPredict", ("POST",), "vertex", "count"),
    Endpoint(f"{CLAUDE}/{{model}}:rawPredict", ("POST",), "vertex", "generate"),
    Endpoint(f"{CLAUDE}/{{model}}:streamRawPredict", ("POST",), "vertex", "generate", streams=True),
    *(
        Endpoint(f"/{version}/{GEMINI_THERE}/{{model}}:{method}", ("POST",), "vertex")
        for version in ("v1", "v1beta1")
        for method in ("generateContent", "streamGenerateContent", "countTokens", "predict")
    ),
)
MODELS_PATH = "/v1/models"
"""Several vendors have it; of theirs only Google's clients may say their key in the query."""

MODELS = (
    Endpoint("/v1/models", ("GET",), None),
    Endpoint("/v1/models/{id}", ("GET",), None),
    Endpoint("/v1beta/models", ("GET",), "gemini"),
    Endpoint("/v1beta/models/{id}", ("GET",), "gemini"),
)
ENDPOINTS = (CHAT, *RESPONSES, *MESSAGES, *GEMINI, *AZURE, *BEDROCK, *VERTEX, *MODELS)
"""Of two patterns that fit a path the first one counts."""

VENDORS_BY_PATH: dict[str, Vendor] = {
    "/v1/messages": "anthropic",
    "/v1/chat": "openai",
    "/v1/responses": "openai",
    "/openai/": "openai",
    "/v1beta/": "google",
    "/v1beta1/": "google",
    "/v1/projects/": "google",
    "/v1/tunedModels/": "google",
    "/model/": "aws",
    "/inference-profiles": "aws",
}


def vendor_of(path: str, headers: Container[str]) -> Vendor:
    """Whose protocol the caller speaks: the path says it, or else a header that only one vendor's SDKs send."""
    for beginning, vendor in VENDORS_BY_PATH.items():
        if path.startswith(beginning):
            return vendor
    if "x-goog-api-key" in headers or path.endswith(GEMINI_METHODS):
        return "google"
    return "anthropic" if "anthropic-version" in headers else "openai"
