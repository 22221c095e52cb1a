"""A call whose provider speaks another protocol than its client: through the hub, both ways, event by event."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gateway import headers
from gateway.endings import MESSAGE as BROKE_OFF
from gateway.errors import RefusalError, bad_gateway
from gateway.metering import Reading
from gateway.protocols import CODECS, hub
from gateway.protocols.names import Names
from gateway.relay import FAILURES, UpstreamLostError, failure_body, next_chunk, request_id_of
from gateway.sse import EventReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import aiohttp
    from multidict import CIMultiDict

    from gateway.admission import Admission
    from gateway.calls import Answer, Call
    from gateway.protocols.codec import Codec
    from gateway.relay import Relay
    from gateway.routes import Bridge

DROPPED = "x-gateway-dropped"
ANTHROPIC_VERSION = "2023-06-01"  # the last one whose requests may set a temperature
_OF_ONE_VENDOR = ("anthropic-", "openai-", "x-stainless-", "accept-encoding", "content-type", "content-length")
_OF_THE_BODY = ("Content-Type", "Content-Length", "Content-Encoding")
_GATEWAYS_FAULT = {401, 403}  # the provider refused the gateway's credential, not the client's
_TRIPS = (hub.UpstreamProtocolError, LookupError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True)
class Translation:
    """One call on its way: who speaks what, and what was asked."""

    call: Call
    bridge: Bridge
    client: Codec
    provider: Codec
    request: hub.Request
    names: Names


async def translate(relay: Relay, call: Call, admission: Admission, bridge: Bridge, *, strict: bool) -> Answer:
    """Refuses with 400 what the provider's protocol cannot say; `strict` also what could only be left out."""
    client, provider = CODECS[bridge.surface], CODECS[bridge.protocol]
    request, names, body = _rewritten(call, bridge, strict=strict)
    assert call.route is not None
    call.route = replace(call.route, upstream=bridge.upstream, url=bridge.url)
    passed = _for_upstream(call, admission, bridge)
    upstream = await relay.post(call, bridge.url, passed, json.dumps(body).encode())
    translation = Translation(call, bridge, client, provider, request, names)
    try:
        call.upstream_request_id = request_id_of(upstream)
        if upstream.status >= FAILURES:
            return await _fail(translation, upstream)
        return await (_stream(translation, upstream) if request.stream else _whole(translation, upstream))
    finally:
        upstream.close()


def _rewritten(call: Call, bridge: Bridge, *, strict: bool) -> tuple[hub.Request, Names, dict[str, Any]]:
    try:
        request = CODECS[bridge.surface].read_request(json.loads(call.body))
        request.model = bridge.upstream_name
        names = Names.of(request, CODECS[bridge.protocol])
        body = CODECS[bridge.protocol].write_request(names.shortened(request))
    except hub.UntranslatableError as error:
        raise RefusalError(400, "unsupported_parameter", f"Not translatable: {error}.") from None
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        message = f"The request is not in the protocol of {call.path} ({type(error).__name__}: {error})."
        raise RefusalError(400, "invalid_request_error", message) from None
    if strict and request.lost:
        raise RefusalError(400, "unsupported_parameter", f"Not translatable: {', '.join(request.lost)}.")
    return request, names, body


def _for_upstream(call: Call, admission: Admission, bridge: Bridge) -> CIMultiDict[str]:
    """What only the client's own provider understands stays behind."""
    passed = headers.for_upstream(call.request.headers, admission.plaintext, bridge.upstream.credential)
    for name in [name for name in passed if name.lower().startswith(_OF_ONE_VENDOR)]:
        passed.popall(name, None)
    passed["Content-Type"] = "application/json"
    passed["Accept-Encoding"] = "identity"
    if bridge.protocol == "anthropic-messages":
        passed["anthropic-version"] = ANTHROPIC_VERSION
    return passed


def _for_client(it: Translation, upstream: aiohttp.ClientResponse, content_type: str) -> CIMultiDict[str]:
    passed = headers.for_client(upstream.headers, it.bridge.upstream.credential)
    for name in _OF_THE_BODY:
        passed.popall(name, None)
    passed["Content-Type"] = content_type
    if it.call.upstream_request_id:
        passed["request-id" if it.client.vendor == "anthropic" else "x-request-id"] = it.call.upstream_request_id
    if it.request.lost:
        passed[DROPPED] = ", ".join(it.request.lost)
    return passed


async def _whole(it: Translation, upstream: aiohttp.ClientResponse) -> Answer:
    try:
        answer = it.provider.read_answer(json.loads(await failure_body(upstream)))
    except _TRIPS as error:
        raise bad_gateway(f"The upstream's answer is not in its protocol ({type(error).__name__}).") from error
    it.call.reading = _reading(answer.model, answer.usage)
    answered = hub.Answer(
        answer.id, it.bridge.model, it.names.restored(answer.parts), answer.stop, answer.usage, answer.stop_sequence
    )
    return await _answer(it, upstream, upstream.status, it.client.write_answer(answered))


async def _fail(it: Translation, upstream: aiohttp.ClientResponse) -> Answer:
    credential = it.bridge.upstream.credential
    text = credential.redact_bytes(await failure_body(upstream)).decode(errors="replace")
    try:
        said: Any = json.loads(text)
    except ValueError:
        said = {"error": {"message": text}} if text else None
    failed = it.provider.read_error(upstream.status, said)
    status = 502 if failed.status in _GATEWAYS_FAULT or failed.status < 400 else failed.status  # noqa: PLR2004
    if it.client.vendor == "openai" and status == 529:  # noqa: PLR2004 - Anthropic's own status for an overload
        status = 503
    return await _answer(it, upstream, status, it.client.write_error(hub.Failed(status, failed.message)))


async def _answer(it: Translation, upstream: aiohttp.ClientResponse, status: int, value: dict[str, Any]) -> Answer:
    body = json.dumps(value).encode()
    passed = _for_client(it, upstream, "application/json")
    passed["Content-Length"] = str(len(body))
    it.call.end = "complete"
    return await it.call.answer(it.call.start(status, None, passed), body)


async def _stream(it: Translation, upstream: aiohttp.ClientResponse) -> Answer:
    call = it.call
    call.streamed = True
    response = call.start(200, None, _for_client(it, upstream, "text/event-stream; charset=utf-8"), at_once=True)
    await response.prepare(call.request)
    encoder = it.client.encoder(it.bridge.model, usage_asked=it.request.usage_asked)
    async for event in _events(it, upstream):
        _note(call, event)
        written = "".join(encoder.feed(it.names.restored_in(event))).encode()
        if written:
            call.first_byte = call.first_byte or time.perf_counter()
            call.bytes_out += len(written)
            await response.write(written)
    await response.write_eof()
    return response


def _note(call: Call, event: hub.Event) -> None:
    match event:
        case hub.Started(model=model):
            call.reading = _reading(model, event.usage)
        case hub.Finished(usage=usage):
            call.reading = _reading(call.reading.model or "", usage)
            call.end = "complete"
        case hub.Failed():
            call.end = "upstream-cut"


async def _events(it: Translation, upstream: aiohttp.ClientResponse) -> AsyncIterator[hub.Event]:
    """The provider's events; one that is not finished ends with the failure that it is."""
    decoder, reader = it.provider.decoder(), EventReader()
    try:
        while chunk := await next_chunk(upstream.content):
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
        yield hub.Failed(502, f"The upstream's stream is not in its protocol ({type(error).__name__}).")
        return
    if not decoder.finished:
        yield hub.Failed(502, BROKE_OFF)


def _reading(model: str, usage: hub.Usage) -> Reading:
    counted: Iterator[tuple[str, int]] = ((name, getattr(usage, name)) for name in hub.Usage.__dataclass_fields__)
    return Reading(model, dict(counted))
