"""The credential in a request's `Authorization` fields."""

from __future__ import annotations

from conformance.upstream.journal import Headers, values


def bearers(headers: Headers) -> list[str | None]:
    """The token of each field, None for one of another scheme; scheme names have no case (RFC 9110, 11.1)."""
    return [_bearer(value) for value in values(headers, "authorization")]


def _bearer(value: str) -> str | None:
    scheme, _, token = value.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
