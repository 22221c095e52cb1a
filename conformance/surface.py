"""The client protocols that a gateway can serve, and the providers it can call."""

from __future__ import annotations

from enum import StrEnum


class Surface(StrEnum):
    """A protocol, at the client or at the provider, under the name that target files and reports use."""

    OPENAI_CHAT = "openai-chat"
    OPENAI_RESPONSES = "openai-responses"
    ANTHROPIC_MESSAGES = "anthropic-messages"
    GEMINI = "gemini"
    MISTRAL = "mistral"
    AZURE_OPENAI = "azure-openai"
    BEDROCK = "bedrock"
    VERTEX = "vertex"


CORE = (Surface.OPENAI_CHAT, Surface.OPENAI_RESPONSES, Surface.ANTHROPIC_MESSAGES)
"""The surfaces on which a check runs that does not say otherwise."""


class Provider(StrEnum):
    """A provider that the scripted upstream plays; also the prefix of its paths."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    MISTRAL = "mistral"
    AZURE = "azure"
    BEDROCK = "bedrock"
    VERTEX = "vertex"


PROVIDER_OF = {
    Surface.OPENAI_CHAT: Provider.OPENAI,
    Surface.OPENAI_RESPONSES: Provider.OPENAI,
    Surface.ANTHROPIC_MESSAGES: Provider.ANTHROPIC,
    Surface.GEMINI: Provider.GEMINI,
    Surface.MISTRAL: Provider.MISTRAL,
    Surface.AZURE_OPENAI: Provider.AZURE,
    Surface.BEDROCK: Provider.BEDROCK,
    Surface.VERTEX: Provider.VERTEX,
}

BELOW_PROVIDER = {
    Provider.OPENAI: "/v1",
    Provider.ANTHROPIC: "",
    Provider.GEMINI: "",
    Provider.MISTRAL: "",
    Provider.AZURE: "",
    Provider.BEDROCK: "",
    Provider.VERTEX: "/v1",
}
"""What of a provider's paths belongs to the base URL that its official SDK takes."""
