"""The client protocols that a gateway can serve, and the providers it can call."""

from __future__ import annotations

from enum import StrEnum


class Surface(StrEnum):
    """A client protocol, under the name that target files and reports use."""

    OPENAI_CHAT = "openai-chat"
    OPENAI_RESPONSES = "openai-responses"
    ANTHROPIC_MESSAGES = "anthropic-messages"


class Provider(StrEnum):
    """A provider that the scripted upstream plays; also the prefix of its paths."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
