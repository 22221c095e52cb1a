"""Secrets minted for one run, and the search for them where they must not be."""

from __future__ import annotations

import secrets
from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST = 16
_REMEMBERED = 1024


def fingerprint(secret: str) -> str:
    """What stands for a secret in evidence and reports: the first 12 hex digits of its SHA-256."""
    return sha256(secret.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Secret:
    """A credential of this run; `name` says whose it is."""

    name: str
    value: str

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.value)

    def __repr__(self) -> str:
        return f"Secret({self.name!r}, {self.fingerprint})"


def mint(name: str) -> Secret:
    """A new secret in the shape that clients expect of keys; 128 random bits."""
    return Secret(name, f"sk-conformance-{name}-{secrets.token_hex(16)}")


@dataclass(frozen=True)
class Leak:
    """A secret in a place where it must not be, as found there: plain or encoded."""

    secret: Secret
    place: str
    form: str

    def __str__(self) -> str:
        return f"{self.secret.name} key {self.secret.fingerprint} {self.form} in {self.place}"


@lru_cache(maxsize=_REMEMBERED)
def forms(value: str) -> dict[str, bytes]:
    """The spellings under which a secret is recognised inside any bytes."""
    plain = value.encode()
    return {
        "in plain": plain,
        "URL-encoded": quote(value, safe="").encode(),
        **{f"in base64 (offset {offset})": _inside_base64(plain, offset) for offset in range(3)},
        "in hexadecimal": plain.hex().encode(),
    }


@lru_cache(maxsize=_REMEMBERED)
def _needles(value: str) -> dict[bytes, str]:
    """Each spelling once, under the first form that has it: a key of letters and dashes is its own URL-encoding."""
    return {needle: form for form, needle in reversed(forms(value).items())}


def _inside_base64(plain: bytes, offset: int) -> bytes:
    """The part of the base64 text that depends on the secret alone, when it starts at `offset` modulo 3."""
    text = b64encode(b"\0" * offset + plain)
    first, last = -(-offset * 8 // 6), (offset + len(plain)) * 8 // 6
    return text[first:last]


def find(secret: Secret, haystack: bytes, place: str) -> list[Leak]:
    """Every form of a secret that occurs in some bytes; a form that is another one's twin counts once."""
    assert len(secret.value) >= SHORTEST, "a short secret would be found by chance"
    return [Leak(secret, place, form) for needle, form in _needles(secret.value).items() if needle in haystack]


def redact(text: str, known: Iterable[Secret]) -> str:
    """The text with every secret replaced by its fingerprint."""
    for secret in (secret for secret in known if len(text) >= len(secret.value)):
        for needle, mark in _text_marks(secret):
            text = text.replace(needle, mark)
    return text


def redact_bytes(data: bytes, known: Iterable[Secret]) -> bytes:
    """The same for bytes of any kind."""
    for secret in (secret for secret in known if len(data) >= len(secret.value)):
        for needle, mark in _marks(secret):
            data = data.replace(needle, mark)
    return data


@lru_cache(maxsize=_REMEMBERED)
def _marks(secret: Secret) -> tuple[tuple[bytes, bytes], ...]:
    """What stands for each spelling of a secret; none of them is shorter than the secret itself."""
    return tuple(
        (needle, f"[{secret.name} key {secret.fingerprint} {form}]".encode())
        for needle, form in _needles(secret.value).items()
    )


@lru_cache(maxsize=_REMEMBERED)
def _text_marks(secret: Secret) -> tuple[tuple[str, str], ...]:
    return tuple((needle.decode(), mark.decode()) for needle, mark in _marks(secret))
