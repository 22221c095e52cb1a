"""The hot path: the same protocol in and out, bytes untouched, while a tape records along."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import hdrs, web

from gateway import aliases, endings, eventstream, headers, metering
from gateway.calls import Tried
from gateway.codings import decoder
from gateway.credentials import Redacted
from gateway.errors import UnreachableError, bad_gateway
from gateway.objects import Shown

if TYPE_CHECKING:
    from multidict import CIMultiDict
    from yarl import URL

    from gateway.admission import Admission
    from gateway.aliases import Content
    from gateway.calls import Answer, Call
    from gateway.connections import Connections, Reply
    from gateway.routes import Route

ERROR_BYTES = 8 * 1024 * 1024
EVENT_STREAM = "text/event-stream"
FAILURES = 300
LAST_WORDS_SECONDS = 1


class UpstreamLostError(Exception):
    """The connection to the upstream broke."""


@dataclass(frozen=True)
class Relay:
    """Asks the providers."""

    connections: Connections

    async def send(self, call: Call, route: Route, url: URL, passed: CIMultiDict[str], body: bytes) -> Reply:
        method = call.request.method
        call.route, tried = route, Tried(route)
        call.tried.append(tried)
        route.upstream.credential.authorize(method, url, passed, body)
        try:
            upstream = await self.connections.ask(method, url, passed, body)
        except (aiohttp.ClientError, OSError) as error:
            tried.error = type(error).__name__
            raise UnreachableError(tried.error) from error
        finally:
            tried.ended = time.perf_counter()
        tried.status = upstream.status
        return upstream


@dataclass(frozen=True)
class Straight:
    """An attempt in the client's own protocol."""

    relay: Relay
    call: Call
    admission: Admission
    route: Route

    async def open(self) -> Reply:
        call, route, key = self.call, self.route, self.admission.plaintext
        passed = headers.for_upstream(call.request.headers, key)
        url = route.url(headers.query_without(call.query, key))
        body = call.body if route.in_body is None else aliases.request_naming(call.body, route.in_body)
        if route.renamed or call.shown:
            passed[hdrs.ACCEPT_ENCODING] = "identity"  # the answer's name for the model, or a list, has to be read
        return await self.relay.send(call, route, url, passed, body)

    async def answer(self, upstream: Reply) -> Answer:
        self.call.route, self.call.upstream_request_id = self.route, request_id_of(upstream)
        handle = pass_through if upstream.status < FAILURES else pass_failure
        return await handle(self.call, self.route, upstream)


def request_id_of(upstream: Reply) -> str | None:
    named = (upstream.headers.get(name) for name in ("request-id", "x-request-id", "x-amzn-requestid"))
    return next(filter(None, named), None)


async def pass_through(call: Call, route: Route, upstream: Reply) -> Answer:
    response_headers = headers.for_client(upstream.headers, route.upstream.credential)
    framed = upstream.content_type == eventstream.CONTENT_TYPE
    call.streamed = framed or upstream.content_type == EVENT_STREAM
    if call.streamed:
        response_headers.popall("Content-Length", None)  # an error event may have to be added
    coding = upstream.headers.get("Content-Encoding", "")
    content: Content = upstream.content
    if call.streamed and not (coding or framed):
        content = Redacted(upstream.content, route.upstream.credential)
    if not coding and aliases.in_answers(route):
        content = aliases.Restored(content, route.model or "", by_line=call.streamed)
        response_headers.popall("Content-Length", None)
    if call.shown:
        content = Shown(upstream.content, call.shown)
        response_headers.popall("Content-Length", None)
    tape = metering.Tape(coding, framed=framed)
    response = call.start(upstream.status, upstream.reason, response_headers, at_once=upstream.content.total_bytes == 0)
    try:
        whole = await copy(call, content, response, tape)
        return await finish(call, route, response, tape, whole=whole)
    finally:
        record(call, route, tape)


def record(call: Call, route: Route, tape: metering.Tape) -> None:
    """Some clients hang up as soon as they have seen the end of a stream: they missed nothing."""
    if not call.streamed:
        call.reading = metering.read_body(route.form, tape)
        return
    call.reading = metering.read_stream(route.form, tape.stream)
    if call.end == "error" and endings.finished(route.form, tape.stream):
        call.end = "complete"
    if call.subjects and (call.end != "complete" or call.reading.usage is None):
        call.said = metering.said(tape.stream)


async def copy(call: Call, content: Content, response: Answer, tape: metering.Tape) -> bool:
    """Whether the body came to its end. A stream's head goes out at once, another's with the first bytes."""
    if call.streamed:
        await response.prepare(call.request)
    try:
        while chunk := await next_chunk(content):
            if call.first_byte is None:
                call.first_byte = time.perf_counter()
                await response.prepare(call.request)
            call.bytes_out += len(chunk)
            tape.read(chunk)
            await response.write(chunk)
    except UpstreamLostError:
        return False
    except asyncio.CancelledError:
        if call.withdrawn is None:
            raise
        return False
    return True


async def finish(call: Call, route: Route, response: Answer, tape: metering.Tape, *, whole: bool) -> Answer:
    """A stream that is not finished gets the protocol's error event, or, where nothing can be added, no end."""
    missing = b""
    further = call.place is not None and call.place.endpoint.further  # whose streams end in ways of their own
    if call.streamed and tape.readable and not further:
        whole = endings.over(route.form, tape, whole=whole)
        missing = b"" if whole else endings.missing(route.form, tape, call.withdrawn or endings.BROKE_OFF)
    call.end = "complete" if whole else "withdrawn" if call.withdrawn else "upstream-cut"
    if whole or missing:
        await response.prepare(call.request)
        return await last_words(call, response, missing)
    if not response.prepared:
        raise call.withdrawn or bad_gateway("The upstream closed the connection before its answer was complete.")
    hang_up(call.request)
    return response


async def last_words(call: Call, response: Answer, said: bytes) -> Answer:
    """Who does not read is not waited for once the key is gone: the upstream's call ends after this."""
    if not call.withdrawn:
        await response.write_eof(said)
        return response
    try:
        async with asyncio.timeout(LAST_WORDS_SECONDS):
            await response.write_eof(said)
    except TimeoutError:
        if call.request.transport is not None:
            call.request.transport.abort()
    return response


def hang_up(request: web.BaseRequest) -> None:
    """What is written still goes out; only over HTTP/1.0 could a plain close be taken for the end of the body."""
    if request.transport is not None:
        close = request.transport.close if request.version >= aiohttp.HttpVersion11 else request.transport.abort
        close()


async def pass_failure(call: Call, route: Route, upstream: Reply) -> Answer:
    """Unchanged, unless it is a redirect (never followed, never shown) or quotes the provider's credential."""
    if upstream.status < web.HTTPBadRequest.status_code and upstream.status != web.HTTPNotModified.status_code:
        raise bad_gateway("The upstream answered with a redirect.")
    credential = route.upstream.credential
    response_headers = headers.for_client(upstream.headers, credential)
    body = await failure_body(upstream)
    plain = readable(body, response_headers.get("Content-Encoding", ""))
    redacted = aliases.error_naming(credential.redact_bytes(plain), route)
    if redacted != plain:
        response_headers.popall("Content-Encoding", None)
        response_headers["Content-Length"] = str(len(redacted))
        body = redacted
    call.end = "complete"
    return await call.answer(call.start(upstream.status, upstream.reason, response_headers), body)


async def failure_body(upstream: Reply) -> bytes:
    body = bytearray()
    try:
        while chunk := await next_chunk(upstream.content):
            body += chunk
            if len(body) > ERROR_BYTES:
                raise bad_gateway("The upstream's error is too large.")
    except UpstreamLostError as error:
        raise bad_gateway("The upstream closed the connection before its answer was complete.") from error
    return bytes(body)


def readable(body: bytes, coding: str) -> bytes:
    """An error that cannot be searched for the credential is not shown."""
    try:
        return decoder(coding)(body)
    except Exception as error:  # each codec has its own errors
        raise bad_gateway(f"The upstream's error is coded in a way that cannot be read ({coding}).") from error


async def chunk_in_time(content: Content, seconds: float) -> bytes | None:
    """As `next_chunk`; None when nothing has come for so long."""
    try:
        async with asyncio.timeout(seconds):
            return await next_chunk(content)
    except TimeoutError:
        return None


async def next_chunk(content: Content) -> bytes:
    """Empty at the end. Its own exception tells a broken upstream from a client that has gone."""
    try:
        return await content.readany()
    except (aiohttp.ClientError, OSError) as error:
        raise UpstreamLostError from error
