"""What the upstream received and what it sent, request by request."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]


def values(headers: Headers, name: str) -> list[str]:
    """Every value of a header, in the order of arrival."""
    return [value for key, value in headers if key.lower() == name.lower()]


def lines(headers: Headers) -> bytes:
    """Headers as they stand on the wire, for a search."""
    return "\n".join(f"{name}: {value}" for name, value in headers).encode("utf-8", "replace")


@dataclass(frozen=True, config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"))
class Received:
    """One request as it arrived at the upstream, and what was sent back.

    `number` counts the requests with the same token, from 1. Header names keep their case and order; `path` and `query`
    are raw; header bytes that are not ASCII stand as latin-1; times are seconds on the upstream's clock.
    `sent` is the body as it left: compressed if it was, without the framing of chunks, its first 8 MiB at most.
    `legible` is False for bytes that are no HTTP request: `body` holds what came last on that connection.
    `client_left_at` is set when the caller went away before the answer was complete.
    """

    number: int
    provider: str
    token: str | None
    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    arrived_at: float
    status: int | None = None
    sent_headers: Headers = ()
    sent: bytes = b""
    finished: bool = False
    client_left_at: float | None = None
    legible: bool = True

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def sent_json(self) -> Any:
        """The answer that was sent, where it was not streamed."""
        return json.loads(self.sent)

    def sent_values(self, name: str) -> list[str]:
        """Every value of a header of the answer."""
        return values(self.sent_headers, name)

    @property
    def places(self) -> dict[str, bytes]:
        """Everywhere that a secret may stand in the request."""
        return {
            "the headers that the upstream received": lines(self.headers),
            "the address that was called": f"{self.path}?{self.query}".encode(errors="replace"),
            "the body that the upstream received": self.body,
        }

    @property
    def params(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True)

    def values(self, name: str) -> list[str]:
        """Every value of a request header."""
        return values(self.headers, name)

    def tokens(self, name: str) -> list[str]:
        """The members of a comma-separated request header, over all its lines (RFC 9110, 5.6.1)."""
        return [token.strip() for value in self.values(name) for token in value.split(",") if token.strip()]


JOURNAL: TypeAdapter[tuple[Received, ...]] = TypeAdapter(tuple[Received, ...])
