"""One hub, one codec a protocol: any client to any provider.

Each protocol is a package of the same form: `request` and `answer` read and write what comes whole, `parts` what turns
and answers are made of, `decoder` reads its streams and `encoder` writes them; the package itself holds the codec.
Where client and provider speak the same protocol none of this is used: bytes pass untouched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.protocols.azure import AZURE
from gateway.protocols.chat import CHAT
from gateway.protocols.clouds import BEDROCK, VERTEX
from gateway.protocols.gemini import GEMINI
from gateway.protocols.messages import MESSAGES
from gateway.protocols.mistral import MISTRAL
from gateway.protocols.responses import RESPONSES

if TYPE_CHECKING:
    from gateway.protocols.codec import Codec
    from gateway.surfaces import Protocol

__all__ = ["CODECS"]

CODECS: dict[Protocol, Codec] = {
    "openai-chat": CHAT,
    "openai-responses": RESPONSES,
    "anthropic-messages": MESSAGES,
    "gemini": GEMINI,
    "azure-openai": AZURE,
    "mistral": MISTRAL,
    "bedrock": BEDROCK,
    "vertex": VERTEX,
}
