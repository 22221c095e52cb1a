"""The providers' endpoints: from a request that has arrived to the answer its script calls for."""

from __future__ import annotations

import json
import zlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol
from urllib.parse import unquote

from conformance.upstream import (
    anthropic_messages,
    anthropic_platform,
    openai_chat,
    openai_platform,
    openai_responses,
)
from conformance.upstream.delivery import EVENT_STREAM, Answer, bodied, resumed, spoken, streamed
from conformance.upstream.journal import Headers, values
from conformance.upstream.rendering import Call, to_bytes, to_json
from conformance.upstream.reply import ProviderError, Reply, Verbatim

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from conformance.upstream.cases import Exchange
    from conformance.upstream.rendering import Renderer

JSON: Headers = (("content-type", "application/json"),)
TOO_LARGE = ProviderError(status=413, message="Request exceeds the maximum size")
_NO_JSON = ProviderError(status=400, message="The request body is not valid JSON")
_ZLIB = ("gzip", "deflate")
_DECODED_LIMIT = 64 * 1024 * 1024
_OF_THE_TRANSFER = ("connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding")


class Platform(Protocol):
    """One provider's house rules."""

    @property
    def MODELS(self) -> Sequence[dict[str, Any]]: ...  # noqa: N802 - a module's constant

    def refusal(self, headers: Headers, key: str) -> ProviderError | None: ...

    def headers(self, call: Call, status: int) -> Headers: ...

    def envelope(self, error: ProviderError, call: Call) -> dict[str, Any]: ...

    def unknown_route(self, method: str, path: str) -> ProviderError: ...

    def unknown_model(self, model: str) -> ProviderError: ...

    def models(self, query: str) -> dict[str, Any]: ...


PLATFORMS: Mapping[str, Platform] = MappingProxyType({"anthropic": anthropic_platform, "openai": openai_platform})
RENDERERS: Mapping[tuple[str, str], Renderer] = MappingProxyType(
    {
        ("anthropic", "/v1/messages"): anthropic_messages,
        ("openai", "/v1/chat/completions"): openai_chat,
        ("openai", "/v1/responses"): openai_responses,
    }
)
_COUNTS: Mapping[tuple[str, str], Callable[[Reply], dict[str, Any]]] = MappingProxyType(
    {
        ("anthropic", "/v1/messages/count_tokens"): lambda reply: {"input_tokens": reply.input_tokens},
        ("openai", "/v1/responses/input_tokens"): lambda reply: {
            "object": "response.input_tokens",
            "input_tokens": reply.input_tokens,
        },
    }
)


def provider_of(path: str) -> str:
    """The provider whose prefix a path has; "" if it has none's."""
    prefix = path.split("/", 2)[1] if path.startswith("/") else ""
    return prefix if prefix in PLATFORMS else ""


def plain_body(headers: Headers, body: bytes) -> bytes:
    """A request body without its content coding; one that cannot be decoded stays as it is."""
    coding = ",".join(values(headers, "content-encoding")).lower()
    try:
        return zlib.decompressobj(wbits=47).decompress(body, _DECODED_LIMIT) if coding in _ZLIB else body
    except zlib.error:
        return body


class Answering:
    """One request at one provider, on its way to an answer."""

    def __init__(self, exchange: Exchange, platform: Platform, body: bytes) -> None:
        self._exchange = exchange
        self._platform = platform
        self._body = _json(body)
        self._reply = exchange.reply
        self._call = Call(exchange.case.token, exchange.number, self._body or {})

    def answer(self, key: str) -> Answer:
        """Refused at the door, or what the script says; a recording goes for any path, an error for every endpoint."""
        route = self._exchange.path.removeprefix(f"/{self._exchange.provider}")
        refused = self._platform.refusal(self._exchange.headers, key)
        if refused:
            return self.error(refused)
        if self._reply.raw:
            return spoken(self._reply.raw)
        if self._reply.verbatim:
            return self._verbatim(self._reply.verbatim)
        if not self._serves(route):
            return self.error(self._platform.unknown_route(self._exchange.method, route))
        if self._reply.error and not (self._call.streams and self._reply.delivery.error_after is not None):
            return self.error(self._reply.error)
        return self._models(route) if self._exchange.method == "GET" else self._generated(route)

    def error(self, error: ProviderError) -> Answer:
        retry_after = (("retry-after", error.retry_after),) if error.retry_after is not None else ()
        envelope = self._platform.envelope(error, self._call)
        return self._json(envelope, error.status, (*retry_after, *error.headers))

    def _serves(self, route: str) -> bool:
        if self._exchange.method == "GET":
            return route == "/v1/models" or route.startswith("/v1/models/")
        where = (self._exchange.provider, route)
        return self._exchange.method == "POST" and (where in RENDERERS or where in _COUNTS)

    def _models(self, route: str) -> Answer:
        if route == "/v1/models":
            return self._json(self._platform.models(self._exchange.query))
        name = unquote(route.removeprefix("/v1/models/"))
        found = next((model for model in self._platform.MODELS if model["id"] == name), None)
        return self._json(found) if found else self.error(self._platform.unknown_model(name))

    def _generated(self, route: str) -> Answer:
        if self._body is None:
            return self.error(_NO_JSON)
        where = (self._exchange.provider, route)
        if where in _COUNTS:
            return self._json(_COUNTS[where](self._reply))
        renderer = RENDERERS[where]
        if not self._call.streams:
            return self._json(renderer.whole(self._reply, self._call))
        return streamed(200, self._stream_headers(), renderer.events(self._reply, self._call), self._reply.delivery)

    def _stream_headers(self) -> Headers:
        kind = self._reply.delivery.content_type
        typed = (("content-type", EVENT_STREAM if kind is None else kind),) if kind != "" else ()
        return self._headers((*typed, ("cache-control", "no-cache")), 200)

    def _json(self, value: Any, status: int = 200, headers: Headers = ()) -> Answer:
        body = to_bytes(to_json(value))
        return bodied(status, self._headers(JSON, status, headers), body, self._reply.delivery)

    def _headers(self, first: Headers, status: int, scripted: Headers = ()) -> Headers:
        """The provider's own headers; scripted ones take the place of those of the same name."""
        scripted += self._reply.headers
        taken = {name.lower() for name, _ in scripted}
        own = (*first, *self._platform.headers(self._call, status))
        return (*((name, value) for name, value in own if name.lower() not in taken), *scripted)

    def _verbatim(self, recorded: Verbatim) -> Answer:
        headers = tuple(item for item in recorded.headers if item[0].lower() not in _OF_THE_TRANSFER)
        streams = any(kind.startswith("text/event-stream") for kind in values(headers, "content-type"))
        build = resumed if streams else bodied
        return build(recorded.status, headers, recorded.body, self._reply.delivery)


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is Python's, not JSON")
