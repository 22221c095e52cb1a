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

PREFIXES = {Provider.MISTRAL: "/mistral"}
"""What stands before the paths of a provider whose own are another one's."""

_HOUSES = (
    (re.compile(r"/v1beta/|/v1/models/[^/]+:"), Provider.GEMINI),
    (re.compile(r"/mistral/"), Provider.MISTRAL),
    (re.compile(r"/openai/"), Provider.AZURE),
    (re.compile(r"/model/"), Provider.BEDROCK),
    (re.compile(r"/v1/projects/"), Provider.VERTEX),
    (re.compile(r"/v1/messages"), Provider.ANTHROPIC),
)
_LISTINGS = {"anthropic-version": Provider.ANTHROPIC, "x-goog-api-key": Provider.GEMINI}
_CHAT, _RESPONSES, _MESSAGES = Surface.OPENAI_CHAT, Surface.OPENAI_RESPONSES, Surface.ANTHROPIC_MESSAGES
_ROUTES = (
    (re.compile(r"/v1/messages"), _MESSAGES, _MESSAGES),
    (re.compile(r"/v1/chat/completions"), _CHAT, _CHAT),
    (re.compile(r"/v1/responses"), _RESPONSES, _RESPONSES),
    (re.compile(r"/v1(?:beta)?/models/[^/]+:(?:g|streamG)enerateContent"), Surface.GEMINI, Surface.GEMINI),
    (re.compile(r"/mistral/v1/chat/completions"), Surface.MISTRAL, _CHAT),
    (re.compile(r"/openai/(?:v1|deployments/[^/]+)/chat/completions"), Surface.AZURE_OPENAI, _CHAT),
    (re.compile(r"/openai/(?:v1/)?responses"), Surface.AZURE_OPENAI, _RESPONSES),
    (re.compile(r"/model/[^/]+/(?:invoke(?:-with-response-stream)?|converse(?:-stream)?)"), Surface.BEDROCK, None),
    (re.compile(r"/v1/projects/.+/models/(?!count-tokens:)[^/]+:(?:r|streamR)awPredict"), Surface.VERTEX, _MESSAGES),
)
_STREAMING_PATH = re.compile(r".*(?::streamGenerateContent|:streamRawPredict|-stream)")
_COUNTING_PATH = re.compile(r".*(?:/count_tokens|/input_tokens|/count-tokens|:countTokens|/count-tokens:rawPredict)")


def values(headers: Headers, name: str) -> list[str]:
    """Every value of a header, in order."""
    return [value for key, value in headers if key.lower() == name]


def first(headers: Headers, name: str) -> str:
    return next(iter(values(headers, name)), "")


def asked(path: str, headers: Headers) -> Provider:
    """Whose a path is: a model list is told by the caller's dialect, and what is nobody else's is OpenAI's."""
    dialects = (provider for name, provider in _LISTINGS.items() if first(headers, name))
    listing = next(dialects, None) if path.startswith("/v1/models") else None
    return listing or next((provider for house, provider in _HOUSES if house.match(path)), Provider.OPENAI)


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
    """What a client asked of one relay. `memory` belongs to the relay and outlives the call.

    `aimed` is whom a router chose, where it chose; `peer` the address that the connection comes from; `at_replica` says
    at which of a relay's two doors it came in.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    client_key: str | None
    provider_keys: Mapping[Provider, str]
    keys: Keys
    memory: dict[str, Any] = field(default_factory=dict)
    aimed: Provider | None = None
    peer: str = ""
    at_replica: bool = False

    @property
    def provider(self) -> Provider:
        """Who is asked."""
        return self.aimed or asked(self.path, self.headers)

    @property
    def surface(self) -> Surface | None:
        """The client protocol of a call that generates; None for all others."""
        return next((surface for route, surface, _ in _ROUTES if route.fullmatch(self.path)), None)

    @property
    def grammar(self) -> Surface | None:
        """The protocol whose server-sent events a stream has that answers; None where it has none."""
        if self.surface is Surface.GEMINI and "alt=sse" not in self.query:
            return None
        return next((grammar for route, _, grammar in _ROUTES if route.fullmatch(self.path)), None)

    @property
    def provider_key(self) -> str:
        return self.provider_keys[self.provider]

    @property
    def streams(self) -> bool:
        in_path = _STREAMING_PATH.fullmatch(self.path) is not None
        return in_path or (as_object(self.body) or {}).get("stream") is True

    @property
    def counts_tokens(self) -> bool:
        return _COUNTING_PATH.fullmatch(self.path) is not None


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
