"""The providers' endpoints: from a request that has arrived to the answer its script calls for."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol
from urllib.parse import unquote

from conformance.upstream import (
    anthropic_platform,
    azure_platform,
    bedrock_platform,
    event_frames,
    gemini_platform,
    mistral_platform,
    openai_platform,
    vertex_platform,
)
from conformance.upstream.delivery import EVENT_STREAM, Answer, bodied, resumed, spoken, streamed
from conformance.upstream.journal import Headers, values
from conformance.upstream.rendering import Call, to_bytes, to_json
from conformance.upstream.reply import Delivery, ProviderError, Verbatim
from conformance.upstream.routes import route

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping, Sequence

    from conformance.upstream.cases import Exchange
    from conformance.upstream.routes import Route

JSON: Headers = (("content-type", "application/json"),)
TOO_LARGE = ProviderError(status=413, message="Request exceeds the maximum size")
_NO_JSON = ProviderError(status=400, message="The request body is not valid JSON")
_ZLIB = ("gzip", "deflate")
_DECODED_LIMIT = 64 * 1024 * 1024
_OF_THE_TRANSFER = ("connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding")


class Platform(Protocol):
    """One provider's house rules."""

    @property
    def LISTING(self) -> re.Pattern[str]: ...  # noqa: N802 - a module's constant

    @property
    def MODELS(self) -> Sequence[dict[str, Any]]: ...  # noqa: N802 - a module's constant

    def refusal(self, exchange: Exchange, key: str) -> ProviderError | None: ...

    def objection(self, exchange: Exchange, call: Call) -> ProviderError | None: ...

    def headers(self, call: Call, status: int) -> Headers: ...

    def envelope(self, error: ProviderError, call: Call) -> Any: ...

    def unknown_route(self, method: str, path: str) -> ProviderError: ...

    def unknown_model(self, model: str) -> ProviderError: ...

    def models(self, query: str) -> dict[str, Any]: ...


PLATFORMS: Mapping[str, Platform] = MappingProxyType(
    {
        "anthropic": anthropic_platform,
        "azure": azure_platform,
        "bedrock": bedrock_platform,
        "gemini": gemini_platform,
        "mistral": mistral_platform,
        "openai": openai_platform,
        "vertex": vertex_platform,
    }
)
_KINDS = {"events": EVENT_STREAM, "array": "application/json; charset=UTF-8", "frames": event_frames.CONTENT_TYPE}
_USUAL = Delivery().line_end
_STREAMED_KINDS = ("text/event-stream", event_frames.CONTENT_TYPE)
_CORAL = "http://internal.amazon.com/coral/com.amazon.bedrock/"
_WAITS_ARE_SAID_IN_THE_BODY = ("gemini",)


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
        self._below = exchange.path.removeprefix(f"/{exchange.provider}")
        self._route = route(exchange.provider, self._below, exchange.query)
        self._call = _call(exchange, self._route, self._below, self._body or {})

    def answer(self, key: str) -> Answer:
        """Refused at the door, or what the script says; a recording goes for any path, an error for every endpoint."""
        refused = self._platform.refusal(self._exchange, key)
        if refused:
            return self.error(refused)
        if self._reply.raw:
            return spoken(self._reply.raw)
        if self._reply.verbatim:
            return self._verbatim(self._reply.verbatim)
        if not self._serves():
            return self.error(self._platform.unknown_route(self._exchange.method, self._below))
        if self._reply.error and not (self._call.streams and self._reply.delivery.error_after is not None):
            return self.error(self._reply.error)
        return self._models() if self._exchange.method == "GET" else self._generated()

    def error(self, error: ProviderError) -> Answer:
        in_header = error.retry_after is not None and self._exchange.provider not in _WAITS_ARE_SAID_IN_THE_BODY
        retry_after = (("retry-after", error.retry_after or ""),) if in_header else ()
        envelope = self._platform.envelope(error, self._call)
        listed = [envelope] if self._route and self._route.wire == "array" else envelope
        return self._json(listed, error.status, (*retry_after, *error.headers, *self._kind(error)))

    def _kind(self, error: ProviderError) -> Headers:
        """Amazon says in a header which error it is."""
        typed = self._exchange.provider == "bedrock" and error.type
        return (("x-amzn-errortype", f"{error.type}:{_CORAL}"),) if typed else ()

    def _serves(self) -> bool:
        if self._exchange.method == "GET":
            return self._platform.LISTING.fullmatch(self._below) is not None
        return self._exchange.method == "POST" and self._route is not None

    def _models(self) -> Answer:
        asked = self._platform.LISTING.fullmatch(self._below)
        if not asked or asked["name"] is None:
            return self._json(self._platform.models(self._exchange.query))
        name = unquote(asked["name"])
        found = next((model for model in self._platform.MODELS if name in _names(model)), None)
        return self._json(found) if found else self.error(self._platform.unknown_model(name))

    def _generated(self) -> Answer:
        assert self._route
        objection = _NO_JSON if self._body is None else self._platform.objection(self._exchange, self._call)
        if objection:
            return self.error(objection)
        does, delivery = self._route.does, self._reply.delivery
        if delivery.line_end == _USUAL:
            delivery = replace(delivery, line_end=self._route.line_end)
        if callable(does):
            return self._json(does(self._reply, self._call))
        if not self._call.streams:
            return self._json(does.whole(self._reply, self._call))
        return streamed(200, self._stream_headers(), does.events(self._reply, self._call), delivery, self._route.wire)

    def _stream_headers(self) -> Headers:
        kind = self._reply.delivery.content_type
        usual = _KINDS[self._route.wire] if self._route else EVENT_STREAM
        typed = (("content-type", usual if kind is None else kind),) if kind != "" else ()
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
        streams = any(kind.startswith(_STREAMED_KINDS) for kind in values(headers, "content-type"))
        build = resumed if streams else bodied
        return build(recorded.status, headers, recorded.body, self._reply.delivery)


def _call(exchange: Exchange, found: Route | None, below: str, body: dict[str, Any]) -> Call:
    model = found.model(below, exchange.query) if found else None
    return Call(exchange.case.token, exchange.number, body, model, found.streams if found else None)


def _names(model: dict[str, Any]) -> tuple[str, str]:
    return str(model.get("id", "")), str(model.get("name", "")).removeprefix("models/")


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is Python's, not JSON")
