"""Claude in a cloud, for clients of Messages: the bodies stay what they are, in the cloud's envelope."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gateway import aliases, eventstream, metering, sse
from gateway.errors import RefusalError, bad_gateway
from gateway.protocols import CODECS, betas, hub
from gateway.protocols.clouds import CLOUDS
from gateway.protocols.codec import compact
from gateway.protocols.messages import VERSION
from gateway.protocols.names import Names
from gateway.relay import (
    EVENT_STREAM,
    FAILURES,
    UpstreamLostError,
    chunk_in_time,
    copy,
    failure_body,
    finish,
    record,
    request_id_of,
)
from gateway.routes import only_one_path
from gateway.translation import Translation, fail, for_client, for_upstream, reply

if TYPE_CHECKING:
    from yarl import URL

    from gateway.admission import Admission
    from gateway.aliases import Content
    from gateway.calls import Answer, Call
    from gateway.connections import Reply
    from gateway.protocols.clouds import Cloud
    from gateway.protocols.codec import Json
    from gateway.relay import Relay
    from gateway.routes import Place, Route

PING = sse.event("ping", '{"type": "ping"}').encode()
EARLY_PING = sse.comment("ping").encode()


@dataclass(frozen=True)
class InCloud:
    """An attempt at a cloud's Claude. Betas that the cloud does not take are named as lost; if `strict`, refused."""

    relay: Relay
    call: Call
    admission: Admission
    place: Place
    route: Route
    strict: bool
    ping_seconds: float

    async def open(self) -> Reply:
        asked = self._asked
        taken, lost = self._betas
        if self.strict and lost:
            raise RefusalError(400, "unsupported_parameter", f"Not translatable: {', '.join(lost)}.")
        self.call.dropped = tuple(lost)
        more = {**CODECS[self.route.protocol].headers, **self._cloud.headers(taken)}
        passed = for_upstream(self.call, self.admission, more)
        version = self.call.request.headers.get("anthropic-version", VERSION)
        body = self._cloud.body(asked, version, taken)
        model = self.route.upstream_name or ""
        body = self._cloud.count(body, model) if self._counts else body
        return await self.relay.send(self.call, self.route, self._url(model), passed, compact(body).encode())

    async def answer(self, upstream: Reply) -> Answer:
        self.call.route, self.call.upstream_request_id = self.route, request_id_of(upstream)
        if upstream.status >= FAILURES:
            return await fail(self._translation, upstream)
        return await (self._count(upstream) if self._counts else self._pass(upstream))

    async def _count(self, upstream: Reply) -> Answer:
        try:
            counted = json.loads(await failure_body(upstream))
            tokens = int(counted[self._cloud.counted])
        except (LookupError, TypeError, ValueError) as error:
            raise bad_gateway("The upstream's count of tokens is none.") from error
        return await reply(self._translation, upstream, upstream.status, {"input_tokens": tokens})

    async def _pass(self, upstream: Reply) -> Answer:
        call = self.call
        framed = upstream.content_type == eventstream.CONTENT_TYPE
        call.streamed = framed or upstream.content_type == EVENT_STREAM
        content: Content = Events(upstream.content, self.ping_seconds) if framed else upstream.content
        if self.route.model is not None:
            content = aliases.Restored(content, self.route.model, by_line=call.streamed)
        content_type = f"{EVENT_STREAM}; charset=utf-8" if call.streamed else "application/json"
        passed = for_client(self._translation, upstream, content_type)
        response, tape = call.start(upstream.status, None, passed, at_once=call.streamed), metering.Tape("")
        try:
            whole = await copy(call, content, response, tape)
            return await finish(call, self.route, response, tape, whole=whole)
        finally:
            record(call, self.route, tape)

    @property
    def _cloud(self) -> Cloud:
        return CLOUDS[self.route.protocol]

    @property
    def _counts(self) -> bool:
        return self.place.endpoint.operation == "count"

    def _url(self, model: str) -> URL:
        upstream = self.route.upstream
        if self._counts:
            return only_one_path(self._cloud.count_url(upstream, model))
        return only_one_path(CODECS[self.route.protocol].url(upstream, model, bool(self._asked.get("stream"))))

    @cached_property
    def _asked(self) -> Json:
        """An object: its model has led here."""
        body: Json = json.loads(self.call.body)
        return body

    @cached_property
    def _betas(self) -> tuple[list[str], list[str]]:
        named = betas.named(self.call.request.headers.getall("anthropic-beta", ()))
        taken, lost = betas.carried(named, {**self._cloud.betas, **self.route.upstream.betas})
        return taken, [f"anthropic-beta={name}" for name in lost]

    @cached_property
    def _translation(self) -> Translation:
        model = self.route.model or self.route.upstream_name or ""
        request = hub.Request(model, lost=self._betas[1])
        client, provider = CODECS[self.route.form], CODECS[self.route.protocol]
        return Translation(self.call, self.route, client, provider, request, Names({}, provider.tool_id), self._asked)


class Events:
    """Bedrock's frames as server-sent events, and a ping each time that nothing has come for `idle` seconds."""

    def __init__(self, content: Content, idle: float) -> None:
        self._content = content
        self._idle = idle
        self._reader = eventstream.EventReader()
        self._ping = EARLY_PING  # before `message_start` there is no other event

    async def readany(self) -> bytes:
        text = b""
        while not text:
            chunk = await chunk_in_time(self._content, self._idle)
            if not chunk:
                return self._ping if chunk is None else b""
            text = self._text(chunk)
        self._ping = PING
        return text

    def _text(self, chunk: bytes) -> bytes:
        try:
            events = [sse.event(name, eventstream.without_metrics(data)) for name, data in self._reader.feed(chunk)]
        except eventstream.FrameError as error:
            raise UpstreamLostError from error
        return "".join(events).encode()
