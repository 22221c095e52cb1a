"""A call whose provider speaks another protocol than its client: through the hub, both ways, event by event."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gateway import aliases, headers
from gateway.endings import MESSAGE as BROKE_OFF
from gateway.errors import REQUEST_ID_HEADERS, RefusalError, bad_gateway
from gateway.metering import Reading
from gateway.protocols import CODECS, hub
from gateway.protocols.codec import compact
from gateway.protocols.names import Names
from gateway.relay import FAILURES, UpstreamLostError, chunk_in_time, failure_body, last_words, request_id_of
from gateway.routes import only_one_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from multidict import CIMultiDict

    from gateway.admission import Admission
    from gateway.calls import Answer, Call
    from gateway.connections import Reply
    from gateway.protocols.codec import Codec, Json, StreamEncoder
    from gateway.relay import Relay
    from gateway.routes import Place, Route

DROPPED = "x-gateway-dropped"
NO_MORE: dict[str, str] = {}
_OF_ONE_VENDOR = (
    *("anthropic-", "openai-", "x-stainless-", "x-amz-", "x-amzn-", "x-goog-"),
    *("accept-encoding", "content-type", "content-length"),
)
_OF_THE_BODY = ("Content-Type", "Content-Length", "Content-Encoding")
_GATEWAYS_FAULT = {401, 403}  # the provider refused the gateway's credential, not the client's
_TRIPS = (hub.UpstreamProtocolError, LookupError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True)
class Translated:
    """An attempt in another protocol than the client's.

    It refuses with 400 what the provider's protocol cannot say; if `strict`, also what could only be left out.
    """

    relay: Relay
    call: Call
    admission: Admission
    place: Place
    route: Route
    strict: bool
    ping_seconds: float

    async def open(self) -> Reply:
        it = self._translation
        url = only_one_path(it.provider.url(self.route.upstream, self.route.upstream_name or "", it.request.stream))
        self.call.dropped = tuple(it.request.lost)
        passed, body = for_upstream(self.call, self.admission, it.provider.headers), compact(it.body).encode()
        return await self.relay.send(self.call, self.route, url, passed, body)

    async def answer(self, upstream: Reply) -> Answer:
        it = self._translation
        self.call.route, self.call.upstream_request_id = self.route, request_id_of(upstream)
        if upstream.status >= FAILURES:
            return await fail(it, upstream)
        return await (_stream(it, upstream, self.ping_seconds) if it.request.stream else _whole(it, upstream))

    @cached_property
    def _translation(self) -> Translation:
        client, provider = CODECS[self.route.form], CODECS[self.route.protocol]
        asked = self._asked()
        try:
            request = client.read_request(asked)
            request.model = self.route.upstream_name or request.model
            names = Names.of(request, provider)
            body = provider.write_request(names.written(request))
        except hub.UntranslatableError as error:
            said = f"Not translatable: {client.named(error.field, asked)}: {error.why}."
            raise RefusalError(400, "unsupported_parameter", said) from None
        except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
            message = f"The request is not in the protocol of {self.call.path} ({type(error).__name__}: {error})."
            raise RefusalError(400, "invalid_request_error", message) from None
        request.lost = [client.named(name, asked) for name in request.lost]
        if self.strict and request.lost:
            raise RefusalError(400, "unsupported_parameter", f"Not translatable: {', '.join(request.lost)}.")
        return Translation(self.call, self.route, client, provider, request, names, body)

    def _asked(self) -> Json:
        """The request, with what its path says instead."""
        body: Json = json.loads(self.call.body)
        if self.place.model is not None:
            body = {**body, "model": self.place.model}
        return {**body, "stream": True} if self.place.endpoint.streams else body


@dataclass(frozen=True)
class Translation:
    """One call on its way: who speaks what, and what was asked."""

    call: Call
    route: Route
    client: Codec
    provider: Codec
    request: hub.Request
    names: Names
    body: Json

    @property
    def model(self) -> str:
        """The client's name for it."""
        return self.route.model or self.request.model

    @property
    def encoder(self) -> type[StreamEncoder]:
        events = "alt=sse" in self.call.query.split("&")
        return self.client.encoder if events else self.client.array_encoder or self.client.encoder


def for_upstream(call: Call, admission: Admission, more: Mapping[str, str]) -> CIMultiDict[str]:
    """What only the client's own provider understands stays behind."""
    passed = headers.for_upstream(call.request.headers, admission.plaintext)
    for name in [name for name in passed if name.lower().startswith(_OF_ONE_VENDOR)]:
        passed.popall(name, None)
    passed.update({"Content-Type": "application/json", "Accept-Encoding": "identity", **more})
    return passed


def for_client(it: Translation, upstream: Reply, content_type: str) -> CIMultiDict[str]:
    passed = headers.for_client(upstream.headers, it.route.upstream.credential)
    for name in _OF_THE_BODY:
        passed.popall(name, None)
    passed["Content-Type"] = content_type
    if it.call.upstream_request_id:
        passed[REQUEST_ID_HEADERS[it.client.vendor]] = it.call.upstream_request_id
    if it.request.lost:
        passed[DROPPED] = ", ".join(it.request.lost)
    return passed


async def _whole(it: Translation, upstream: Reply) -> Answer:
    try:
        answer = it.provider.read_answer(json.loads(await failure_body(upstream)))
    except _TRIPS as error:
        raise bad_gateway(_tripped(it, error)) from error
    it.call.reading = _reading(answer.model, answer.usage)
    answered = hub.Answer(
        answer.id, it.model, it.names.restored(answer.parts), answer.stop, answer.usage, answer.stop_sequence
    )
    return await reply(it, upstream, upstream.status, it.client.write_answer(answered))


def _tripped(it: Translation, error: Exception) -> str:
    if isinstance(error, hub.AnswerFailedError):
        return f"The upstream's answer failed: {it.route.upstream.credential.redact(str(error))}"
    return f"The upstream's answer is not in its protocol ({type(error).__name__})."


async def fail(it: Translation, upstream: Reply) -> Answer:
    credential = it.route.upstream.credential
    shown = aliases.error_naming(credential.redact_bytes(await failure_body(upstream)), it.route)
    text = shown.decode(errors="replace")
    try:
        said: Any = json.loads(text)
    except ValueError:
        said = {"error": {"message": text}} if text else None
    failed = it.provider.read_error(upstream.status, said)
    status = 502 if failed.status in _GATEWAYS_FAULT or failed.status < 400 else failed.status  # noqa: PLR2004
    if it.client.vendor != "anthropic" and status == 529:  # noqa: PLR2004 - Anthropic's own status for an overload
        status = 503
    retry_after = upstream.headers.get("Retry-After") or failed.retry_after
    value = it.client.write_error(hub.Failed(status, failed.message, retry_after))
    return await reply(it, upstream, status, value, {"Retry-After": retry_after} if retry_after else NO_MORE)


async def reply(
    it: Translation, upstream: Reply, status: int, value: Json, more: Mapping[str, str] = NO_MORE
) -> Answer:
    body = json.dumps(value).encode()
    passed = for_client(it, upstream, "application/json")
    passed.update(more)
    passed["Content-Length"] = str(len(body))
    it.call.end = "complete"
    return await it.call.answer(it.call.start(status, None, passed), body)


async def _stream(it: Translation, upstream: Reply, ping_seconds: float) -> Answer:
    call = it.call
    call.streamed = True
    response = call.start(200, None, for_client(it, upstream, it.encoder.content_type), at_once=True)
    await response.prepare(call.request)
    encoder = it.encoder(it.model, usage_asked=it.request.usage_asked)
    try:
        async for event in _events(it, upstream, ping_seconds):
            _note(call, event)
            written = "".join(encoder.feed(it.names.restored_in(event))).encode()
            if written:
                call.first_byte = call.first_byte or time.perf_counter()
                call.bytes_out += len(written)
                await response.write(written)
    except asyncio.CancelledError:
        if call.withdrawn is None:
            raise
        return await last_words(call, response, _withdrawn(call, encoder, call.withdrawn))
    await response.write_eof()
    return response


def _withdrawn(call: Call, encoder: StreamEncoder, refusal: RefusalError) -> bytes:
    """What ends a stream whose key has ended before it; nothing where it was over already."""
    if call.end == "complete":
        return b""
    call.end = "withdrawn"
    return "".join(encoder.feed(hub.Failed(refusal.status, refusal.message))).encode()


def _note(call: Call, event: hub.Event) -> None:
    match event:
        case hub.Started(model=model):
            call.reading = _reading(model, event.usage)
        case hub.Delta(text=text):
            call.said += len(text.encode(errors="replace"))
        case hub.Finished(usage=usage):
            call.reading = _reading(call.reading.model or "", usage)
            call.end = "complete"
        case hub.Failed():
            call.end = "upstream-cut"


async def _events(it: Translation, upstream: Reply, ping_seconds: float) -> AsyncIterator[hub.Event]:
    """The provider's events, and pings in its silence; a stream that is not finished ends with the failure it is."""
    decoder, reader = it.provider.decoder(), it.provider.reader()
    try:
        while (chunk := await chunk_in_time(upstream.content, ping_seconds)) != b"":
            if chunk is None:
                yield hub.Ping()
                continue
            for name, data in reader.feed(chunk):
                for event in decoder.feed(name, data):
                    yield event
                if decoder.finished:
                    return
        for event in decoder.end():
            yield event
    except UpstreamLostError:
        pass
    except _TRIPS as error:
        yield hub.Failed(502, _tripped(it, error))
        return
    if not decoder.finished:
        yield hub.Failed(502, BROKE_OFF)


def _reading(model: str, usage: hub.Usage) -> Reading:
    counted: Iterator[tuple[str, int]] = ((name, getattr(usage, name)) for name in hub.Usage.__dataclass_fields__)
    return Reading(model, dict(counted))
