"""Provider keys: put into one header of one provider, and blacked out wherever a provider echoes them."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from gateway.config import Provider

REDACTED = "[redacted]"


@dataclass(frozen=True)
class Credential:
    """`name` is where it was read from, and all that may ever be logged."""

    name: str
    header: str
    value: str = field(repr=False)
    spellings: tuple[str, ...] = field(repr=False)

    def redact(self, text: str) -> str:
        for spelling in self.spellings:
            if spelling in text:
                text = text.replace(spelling, REDACTED)
        return text

    def redact_bytes(self, data: bytes) -> bytes:
        for spelling in self.spellings:
            data = data.replace(spelling.encode(), REDACTED.encode())
        return data


def credential_of(provider: Provider) -> Credential:
    secret = provider.credential.reveal()
    spellings = (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("="))
    header, value = ("Authorization", f"Bearer {secret}") if provider.auth == "bearer" else (provider.auth, secret)
    return Credential(provider.credential.name, header, value, tuple(dict.fromkeys(spellings)))
