"""The values that pass through a relay: a call, the request made for it, the answer that came."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from conformance.faulty.sse import Json, as_object, as_text
from conformance.surface import Provider, Surface

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from conformance.faulty.keys import Keys

Headers = tuple[tuple[str, str], ...]

_SURFACES = {
    "/v1/messages": Surface.ANTHROPIC_MESSAGES,
    "/v1/chat/completions": Surface.OPENAI_CHAT,
    "/v1/responses": Surface.OPENAI_RESPONSES,
}


def values(headers: Headers, name: str) -> list[str]:
    """Every value of a header, in order."""
    return [value for key, value in headers if key.lower() == name]


def first(headers: Headers, name: str) -> str:
    return next(iter(values(headers, name)), "")


def without(headers: Headers, *patterns: str) -> Headers:
    """The headers whose lower-case names match none of the patterns."""
    dropped = re.compile("|".join(patterns))
    return tuple((name, value) for name, value in headers if not dropped.fullmatch(name.lower()))


def with_value(headers: Headers, name: str, value: str) -> Headers:
    """The headers with one value in place of all earlier ones of that name."""
    return (*without(headers, re.escape(name)), (name, value))


def edited_object(raw: bytes, edit: Callable[[Json], Json]) -> bytes:
    """The JSON object after the edit; the very same bytes where it changes nothing or they hold no object."""
    before = as_object(raw)
    if before is None or (after := edit(as_object(raw) or {})) == before:
        return raw
    return as_text(after, ascii_only=raw.isascii()).encode()


@dataclass(frozen=True)
class Call:
    """What a client asked of one relay. `memory` belongs to the relay and outlives the call."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    client_key: str | None
    provider_keys: Mapping[Provider, str]
    keys: Keys
    memory: dict[str, Any] = field(default_factory=dict)

    @property
    def provider(self) -> Provider:
        """Who is asked: Anthropic for its own paths and for model lists in its dialect, else OpenAI."""
        listing = self.path.startswith("/v1/models") and bool(first(self.headers, "anthropic-version"))
        return Provider.ANTHROPIC if listing or self.path.startswith("/v1/messages") else Provider.OPENAI

    @property
    def surface(self) -> Surface | None:
        """The client protocol of a call that generates; None for all others."""
        return _SURFACES.get(self.path)

    @property
    def provider_key(self) -> str:
        return self.provider_keys[self.provider]

    @property
    def streams(self) -> bool:
        return (as_object(self.body) or {}).get("stream") is True

    @property
    def counts_tokens(self) -> bool:
        return self.path.endswith(("/count_tokens", "/input_tokens"))


@dataclass(frozen=True)
class Request:
    """What is sent upstream for a call: its own headers without hop-by-hop ones, with the provider's credential."""

    call: Call
    method: str
    path: str
    query: str
    headers: Headers
    body: bytes

    def header(self, name: str, edit: Callable[[str], str | None]) -> Request:
        """Every value of one header edited; None drops it."""
        pairs = ((key, edit(value) if key.lower() == name else value) for key, value in self.headers)
        return replace(self, headers=tuple((key, value) for key, value in pairs if value is not None))

    def dropping(self, *patterns: str) -> Request:
        return replace(self, headers=without(self.headers, *patterns))

    def json(self, edit: Callable[[Json], Json]) -> Request:
        return replace(self, body=edited_object(self.body, edit))


@dataclass(frozen=True)
class Answer:
    """What goes back to the client. `upstream_headers` are all that came, `chunks` raises UpstreamCutError."""

    call: Call
    status: int
    headers: Headers
    chunks: AsyncIterator[bytes]
    upstream_headers: Headers = ()
    close: Callable[[], None] = lambda: None

    @property
    def streams(self) -> bool:
        typed = first(self.headers, "content-type").startswith("text/event-stream")
        return self.status < 400 and (typed or self.call.streams)  # noqa: PLR2004 - where errors begin

    @property
    def failed(self) -> bool:
        return self.status >= 400  # noqa: PLR2004 - where errors begin

    @property
    def legible(self) -> bool:
        return not values(self.headers, "content-encoding")

    def dropping(self, *patterns: str) -> Answer:
        return replace(self, headers=without(self.headers, *patterns))

    async def body(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks])

    def with_body(self, body: bytes) -> Answer:
        """The answer with another body, whose length is told anew."""
        return replace(self.dropping("content-length"), chunks=once(body))


async def once(body: bytes) -> AsyncIterator[bytes]:
    """A body that is there already."""
    if body:
        yield body


class UpstreamCutError(Exception):
    """The upstream went away, or ended a stream without its terminal marker (`truncated`).

    `clean` says that the last event was complete, so that another can follow; `events` counts those before.
    """

    def __init__(self, why: str, *, truncated: bool = False, clean: bool = False, events: int = 0) -> None:
        super().__init__(why)
        self.truncated = truncated
        self.clean = clean
        self.events = events
