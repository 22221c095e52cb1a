"""Client keys: the fixed one and those minted through the hooks."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from conformance.faulty.exchange import values
from conformance.surface import Provider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.faulty.exchange import Call, Headers
    from conformance.faulty.limits import Limits


@dataclass(frozen=True)
class Key:
    """`expires_at` is on the monotonic clock, in seconds."""

    expires_at: float | None = None
    revoked: bool = False
    limits: Limits | None = None

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and time.monotonic() >= self.expires_at


class Keys:
    """The client keys that one relay knows; a revoked key stays known."""

    def __init__(self, fixed: str) -> None:
        self.fixed = fixed
        self.known: dict[str, Key] = {fixed: Key()}

    def mint(self, expires_in: float | None, limits: Limits | None = None) -> str:
        key = f"sk-relay-{secrets.token_hex(16)}"
        self.known[key] = Key(None if expires_in is None else time.monotonic() + expires_in, limits=limits)
        return key

    def revoke(self, key: str) -> None:
        self.known[key] = replace(self.known[key], revoked=True)

    def expire(self, key: str) -> None:
        self.known[key] = replace(self.known[key], expires_at=time.monotonic())

    def valid(self, key: str) -> bool:
        known = self.known.get(key)
        return known is not None and not known.revoked and not known.expired


def carried(headers: Headers) -> tuple[str, ...]:
    """The keys that a request carries, from `x-api-key` and from `Authorization: Bearer`."""
    return (*in_x_api_key(headers), *in_bearer(headers))


def in_x_api_key(headers: Headers) -> tuple[str, ...]:
    return _in(headers, "x-api-key")


def _in(headers: Headers, name: str) -> tuple[str, ...]:
    return tuple(value.strip() for value in values(headers, name) if value.strip())


def in_bearer(headers: Headers) -> tuple[str, ...]:
    parts = (value.strip().partition(" ") for value in values(headers, "authorization"))
    return tuple(key.strip() for scheme, _, key in parts if scheme.lower() == "bearer" and key.strip())


def accepted(call: Call) -> str | None:
    """The client's valid key; None when it carries none."""
    keys = (*carried(call.headers), *_in_the_providers_own(call))
    return next((key for key in keys if call.keys.valid(key)), None)


def _in_the_providers_own(call: Call) -> Iterator[str]:
    """From where the SDKs of Google and Azure put it."""
    if call.provider is Provider.GEMINI:
        yield from _in(call.headers, "x-goog-api-key")
        yield from (value for name, value in parse_qsl(call.query) if name == "key")
    if call.provider is Provider.AZURE:
        yield from _in(call.headers, "api-key")
