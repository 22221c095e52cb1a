"""Client keys: the fixed one and those minted through the hooks."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from conformance.faulty.exchange import values
from conformance.surface import Provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from conformance.faulty.exchange import Call, Headers
    from conformance.faulty.limits import Limits

NO_SCOPE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Key:
    """`expires_at` is on the monotonic clock, in seconds; `scope` what the key is held to."""

    expires_at: float | None = None
    revoked: bool = False
    scope: Mapping[str, str] = field(default_factory=dict)
    limits: Limits | None = None

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and time.monotonic() >= self.expires_at


def random_key(_: int) -> str:
    return f"sk-relay-{secrets.token_hex(16)}"


class Keys:
    """The client keys that one relay knows; a revoked key stays known, a deleted one does not.

    `invent` makes a key, and is told how many there are.
    """

    def __init__(self, fixed: str, invent: Callable[[int], str] = random_key) -> None:
        self.fixed = fixed
        self.known: dict[str, Key] = {fixed: Key()}
        self._invent = invent
        self._running: defaultdict[str, set[Callable[[], object]]] = defaultdict(set)

    def mint(self, expires_in: float | None, scope: Mapping[str, str] = NO_SCOPE, limits: Limits | None = None) -> str:
        key = self._invent(len(self.known))
        ends = None if expires_in is None else time.monotonic() + expires_in
        self.known[key] = Key(ends, scope=scope, limits=limits)
        return key

    def revoke(self, key: str) -> None:
        self.known[key] = replace(self.known[key], revoked=True)
        self._end(key)

    def expire(self, key: str) -> None:
        self.known[key] = replace(self.known[key], expires_at=time.monotonic())
        self._end(key)

    def delete(self, key: str) -> None:
        del self.known[key]
        self._end(key)

    @contextmanager
    def ending(self, key: str | None, end: Callable[[], object]) -> Iterator[None]:
        """Calls `end` should the key end within the block."""
        running = self._running[key or ""]
        running.add(end)
        try:
            yield
        finally:
            running.discard(end)

    def _end(self, key: str) -> None:
        for end in tuple(self._running.pop(key, ())):
            end()

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
