"""The client protocols that the gateway serves, and the paths that belong to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Surface = Literal["openai-chat", "openai-responses", "anthropic-messages"]
Vendor = Literal["openai", "anthropic"]

SURFACES: tuple[Surface, ...] = get_args(Surface)
VENDOR_SURFACES: dict[Vendor, tuple[Surface, ...]] = {
    "openai": ("openai-chat", "openai-responses"),
    "anthropic": ("anthropic-messages",),
}


GENERATING: dict[Surface, str] = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic-messages": "/v1/messages",
}


@dataclass(frozen=True)
class Endpoint:
    """A path of a provider's API. Without a surface it belongs to whichever vendor the caller speaks to."""

    path: str
    methods: tuple[str, ...]
    surface: Surface | None


ENDPOINTS = (
    Endpoint("/v1/chat/completions", ("POST",), "openai-chat"),
    Endpoint("/v1/responses", ("POST",), "openai-responses"),
    Endpoint("/v1/responses/compact", ("POST",), "openai-responses"),
    Endpoint("/v1/responses/input_tokens", ("POST",), "openai-responses"),
    Endpoint("/v1/responses/{id}", ("GET", "DELETE"), "openai-responses"),
    Endpoint("/v1/responses/{id}/cancel", ("POST",), "openai-responses"),
    Endpoint("/v1/responses/{id}/input_items", ("GET",), "openai-responses"),
    Endpoint("/v1/messages", ("POST",), "anthropic-messages"),
    Endpoint("/v1/messages/count_tokens", ("POST",), "anthropic-messages"),
    Endpoint("/v1/models", ("GET",), None),
    Endpoint("/v1/models/{id}", ("GET",), None),
)


def vendor_of(path: str, *, anthropic_version: bool) -> Vendor:
    """Whose protocol the caller speaks: the path says it, or else the version header that Anthropic's SDKs send."""
    if path.startswith("/v1/messages"):
        return "anthropic"
    if path.startswith(("/v1/chat", "/v1/responses")):
        return "openai"
    return "anthropic" if anthropic_version else "openai"
