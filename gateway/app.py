"""The gateway as a server: it admits, finds the route, relays, and records."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from aiohttp import StreamReader, web

from gateway.addresses import url_of
from gateway.admission import admit, authorize
from gateway.calls import Answer, Call
from gateway.clouds import InCloud
from gateway.errors import RefusalError
from gateway.fallback import first_answer
from gateway.keys import KeyStore
from gateway.observers import Observers
from gateway.protocols.clouds import CLOUDS
from gateway.relay import HEADER_BYTES, HEADER_COUNT, Relay, Straight
from gateway.routes import Routes
from gateway.translation import Translated

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.http_parser import RawRequestMessage
    from aiohttp.web_protocol import RequestHandler

    from gateway.admission import Admission
    from gateway.config import Settings
    from gateway.fallback import Attempt
    from gateway.routes import Place, Route

logger = logging.getLogger(__name__)


class Gateway:
    """`async with Gateway(settings) as gateway:` serves at `gateway.url`, in the event loop that is running."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._routes = Routes(settings)
        self._running = AsyncExitStack()
        self._stopping = False

    async def __aenter__(self) -> Self:
        settings = self._settings
        async with AsyncExitStack() as starting:
            self._keys = starting.enter_context(KeyStore(settings.keys.database, settings.keys.prefix))
            self._observers = await starting.enter_async_context(Observers(settings))
            self._relay = await starting.enter_async_context(Relay())
            self.url = await self._listen(starting)
            self._running = starting.pop_all()
        return self

    @property
    def metrics_url(self) -> str | None:
        return self._observers.metrics_url

    async def __aexit__(self, *_: object) -> None:
        """Stops accepting, lets running calls finish for the grace period, then writes the rest of the audit."""
        self._stopping = True
        await self._running.aclose()

    async def _listen(self, starting: AsyncExitStack) -> str:
        listen = self._settings.listen
        server = web.Server(
            self._handle,
            request_factory=self._request,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            max_headers=HEADER_COUNT,
        )
        runner = web.ServerRunner(server, shutdown_timeout=listen.grace_seconds)
        await runner.setup()
        starting.push_async_callback(runner.cleanup)
        if listen.uds is not None:
            await web.UnixSite(runner, listen.uds).start()
            return f"unix://{listen.uds}"
        await web.TCPSite(runner, listen.host, listen.port).start()
        return url_of(runner)

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        limit = self._settings.listen.max_body_bytes
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=limit)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        call = Call.of(request)
        if call.path in {"/healthz", "/readyz"}:
            return self._health(call.path)
        self._observers.begin(call)
        try:
            return await self._answer(call)
        except (asyncio.CancelledError, ConnectionError):
            if call.end == "error" and not self._stopping:
                call.end = "client-abort"
            raise asyncio.CancelledError from None  # aiohttp would log a ConnectionError as a fault of ours
        except Exception:  # a bug of ours must reach the caller in its own protocol too
            logger.exception("%s failed", call.request_id)
            if call.status is not None:
                raise
            return await call.refuse(RefusalError(500, "internal_error", "The gateway has failed."))
        finally:
            self._observers.end(call)

    async def _answer(self, call: Call) -> Answer:
        try:
            call.admission = admission = admit(call.request.headers, call.keys_in_query, self._keys)
            refuse_upgrade(call)
            place = self._routes.find(call.request.method, call.path, call.vendor)
            authorize(admission.key, place.audience)
            call.place = place
            call.body = await read_body(call.request)
            ways = self._routes.ways(place, call.request.headers, call.body, admission.key.family)
            attempts = [self._attempt(call, admission, place, way) for way in ways]
            return await first_answer(attempts, self._settings.routing.timeout_seconds)
        except RefusalError as refusal:
            return await call.refuse(refusal)

    def _attempt(self, call: Call, admission: Admission, place: Place, way: Route) -> Attempt:
        if way.path is not None:
            return Straight(self._relay, call, admission, way)
        policy = self._settings.translation
        kind = InCloud if way.form == "anthropic-messages" and way.protocol in CLOUDS else Translated
        return kind(self._relay, call, admission, place, way, policy.mode == "strict", policy.ping_seconds)

    def _health(self, path: str) -> web.Response:
        if path == "/readyz" and not self._keys.ready():
            return web.json_response({"status": "the key store cannot be read"}, status=503)
        return web.json_response({"status": "ok"})


def refuse_upgrade(call: Call) -> None:
    """Responses over WebSocket are not served; 426 sends clients to HTTP. RFC 9110 wants the Upgrade header."""
    if call.path == "/v1/responses" and call.request.headers.get("Upgrade", "").lower() == "websocket":
        headers = {"Upgrade": "HTTP/1.1", "Connection": "Upgrade, close"}
        raise RefusalError(426, "upgrade_not_supported", "This gateway serves Responses over HTTP only.", headers)


async def read_body(request: web.BaseRequest) -> bytes:
    if (request.content_length or 0) > request.client_max_size:
        raise too_large(request)
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large(request) from None
    except web.RequestPayloadError:
        raise RefusalError(400, "invalid_body", "The request's body could not be read.") from None


def too_large(request: web.BaseRequest) -> RefusalError:
    return RefusalError(413, "request_too_large", f"The request is larger than {request.client_max_size} bytes.")
