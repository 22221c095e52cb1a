"""An official SDK that believes it talks to its provider, while everything it says and hears is kept.

The SDK holds a placeholder for a key. The real one is put on beyond the tape, so that no capture ever has it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anthropic
import httpx2
import openai

from conformance.drivers import Tape
from conformance.drivers.tape import SyncTeeTransport
from conformance.surface import Provider

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.drivers import Exchange
    from conformance.upstream.journal import Headers

Sdk = openai.OpenAI | anthropic.Anthropic

HOMES = {Provider.OPENAI: "https://api.openai.com/v1", Provider.ANTHROPIC: "https://api.anthropic.com"}
PLACEHOLDER = "the-real-key-is-put-on-beyond-the-tape"

_SECONDS = 120
_ON_THE_ROAD = (b"accept-encoding", b"host")
_CREDENTIALS = ("authorization", "x-api-key", "cookie", "set-cookie")
_WHOSE_ACCOUNT = ("anthropic-organization-id", "anthropic-workspace-id", "openai-organization", "openai-project")


class Road(httpx2.BaseTransport):
    """From the provider's own address to where it is really found, with the real key, and without compression."""

    def __init__(self, home: str, base_url: str, key: str) -> None:
        self._home = home
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._transport = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = self._base_url + str(request.url).removeprefix(self._home)
        headers = [
            (name, value.replace(PLACEHOLDER.encode(), self._key.encode()))
            for name, value in request.headers.raw
            if name.lower() not in _ON_THE_ROAD
        ]
        there = httpx2.Request(
            request.method, url, headers=headers, content=request.read(), extensions=request.extensions
        )
        return self._transport.handle_request(there)

    def close(self) -> None:
        self._transport.close()


@dataclass(frozen=True)
class Capture:
    """An SDK whose every exchange goes on a tape."""

    sdk: Sdk
    tape: Tape

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """What passed, without headers that admit somebody or tell whose account it was."""
        return [
            replace(exchange, headers=_stripped(exchange.headers), answer_headers=_stripped(exchange.answer_headers))
            for exchange in self.tape.exchanges
        ]


@contextmanager
def capturing(provider: Provider, base_url: str | None, key: str) -> Iterator[Capture]:
    """`base_url` is what the SDK would take; None for the provider's own."""
    tape = Tape()
    road = Road(HOMES[provider], base_url or HOMES[provider], key)
    with httpx2.Client(transport=SyncTeeTransport(road, tape), timeout=_SECONDS) as http:
        yield Capture(connected(provider, http), tape)


def connected(provider: Provider, http: httpx2.Client | None = None) -> Sdk:
    """The provider's SDK at the provider's address, without retries."""
    sdk = openai.OpenAI if provider is Provider.OPENAI else anthropic.Anthropic
    return sdk(api_key=PLACEHOLDER, base_url=HOMES[provider], http_client=http, max_retries=0)


def _stripped(headers: Headers) -> Headers:
    return tuple(header for header in headers if header[0].lower() not in _CREDENTIALS + _WHOSE_ACCOUNT)
