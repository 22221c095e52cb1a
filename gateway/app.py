"""The gateway as a server: it admits, finds the route, relays, and records."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, nullcontext
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from aiohttp import StreamReader, web

from gateway.addresses import addresses, listening
from gateway.admission import admit, authorize
from gateway.calls import Answer, Call
from gateway.clouds import InCloud
from gateway.connections import HEADER_BYTES, HEADER_COUNT, Connections
from gateway.databases import DatabaseError
from gateway.errors import RefusalError
from gateway.fallback import first_answer
from gateway.keeping import Keeping
from gateway.limiter import Limiter
from gateway.listing import entry, listing, lists, shows_one
from gateway.management import Management
from gateway.objects import Objects
from gateway.observers import Observers
from gateway.protocols.clouds import CLOUDS
from gateway.reading import reading
from gateway.relay import Relay, Straight
from gateway.routes import Routes
from gateway.scope import authorize_models, authorize_origin
from gateway.translation import Translated
from gateway.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.http_parser import RawRequestMessage
    from aiohttp.web_protocol import RequestHandler

    from gateway.admission import Admission
    from gateway.config import Settings
    from gateway.fallback import Attempt
    from gateway.keys import VirtualKey
    from gateway.routes import Place, Route
    from gateway.workers import Post

logger = logging.getLogger(__name__)


class Gateway:
    """`async with Gateway(settings) as gateway:` serves at `gateway.url`, in the event loop that is running.

    Keys are managed at `gateway.management_url`, where the settings give that a place.
    """

    management_url: str | None = None

    def __init__(self, settings: Settings, post: Post | None = None) -> None:
        self._settings = settings
        self._addresses = addresses(settings)
        self._post = post
        self._routes = Routes(settings)
        self._running = AsyncExitStack()
        self._stopping = False

    async def __aenter__(self) -> Self:
        settings = self._settings
        async with AsyncExitStack() as starting:
            self._keys = await starting.enter_async_context(reading(settings.keys))
            self._objects = starting.enter_context(Objects(settings.objects)) if settings.objects else None
            self._watch = await starting.enter_async_context(Watch(self._keys))
            self._limiter = await starting.enter_async_context(Limiter(settings, self._shared))
            self._observers = await starting.enter_async_context(Observers(settings, self._post))
            self._relay = Relay(await starting.enter_async_context(Connections()))
            keeping = await starting.enter_async_context(Keeping(settings.keys))
            self._management = await self._managed(starting, keeping)
            self.url = await self._listen(starting)
            if self._management:
                self.management_url = f"{self.url}{self._management.below}"
            self._running = starting.pop_all()
        return self

    @property
    def _shared(self) -> Path | None:
        """In which the workers count together."""
        return self._post.counts if self._post else None

    @property
    def metrics_url(self) -> str | None:
        return self._observers.metrics_url

    async def __aexit__(self, *_: object) -> None:
        """Stops accepting, lets running calls finish for the grace period, then writes the rest of the audit."""
        self._stopping = True
        await self._running.aclose()

    async def _listen(self, starting: AsyncExitStack) -> str:
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
        return await self._listening(starting, server, "listen", self._settings.listen.grace_seconds)

    async def _listening(self, starting: AsyncExitStack, server: web.Server, section: str, grace: float = 1) -> str:
        sockets = self._post.sockets[section] if self._post else ()
        return await listening(starting, server, self._addresses[section], sockets, grace_seconds=grace)

    async def _managed(self, starting: AsyncExitStack, keeping: Keeping) -> Management | None:
        """What manages keys under a path of the gateway's own; on a listener of its own it is started here."""
        place = self._settings.management
        if place is None:
            return None
        management = Management(self._settings, place.credential.reveal(), keeping, place.path or "")
        if place.path is not None:
            return management
        server = web.Server(management.answer, access_log=None)
        self.management_url = await self._listening(starting, server, "management")
        return None

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
            return await self._health(call.path)
        if self._management and self._management.has(call.path):
            return await self._management.answer(request)
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
            self._learn(call)
            self._observers.end(call)

    def _learn(self, call: Call) -> None:
        try:
            if self._objects:
                self._objects.learn(call)
        except DatabaseError:  # the client has its answer
            logger.exception("%s: whose it is cannot be written down", call.request_id)

    async def _answer(self, call: Call) -> Answer:
        try:
            since = self._watch.changes
            call.admission = admission = await admit(call.request.headers, call.keys_in_query, self._keys)
            authorize_origin(admission.key.origins, call.request)
            with self._watched(call, admission.key, since):
                return await self._answer_admitted(call, admission)
        except RefusalError as refusal:
            return await call.refuse(refusal)

    def _watched(self, call: Call, key: VirtualKey, since: int) -> AbstractContextManager[None]:
        return self._watch.over(call, key, since) if self._settings.keys.running_streams == "cut" else nullcontext()

    async def _answer_admitted(self, call: Call, admission: Admission) -> Answer:
        if subjects := self._limiter.subjects(admission.key):
            call.subjects = subjects
            await self._limiter.count(call)
        refuse_upgrade(call)
        place = self._routes.find(call.request.method, call.path, call.vendor)
        authorize(admission.key, place.audience)
        call.place = place
        call.body = await read_body(call.request)
        authorize_models(admission.key, call, place)
        if self._objects:
            self._objects.authorize(admission.key, call, place)
        if admission.key.models and (told := self._listing(call, place, admission.key)):
            return await call.tell(told)
        ways = self._routes.ways(call, place, admission.key)
        if not call.subjects:
            return await self._first_answer(call, admission, place, ways)
        async with self._limiter.over(call, place, ways) as paid:
            return await self._first_answer(call, admission, place, paid)

    async def _first_answer(self, call: Call, admission: Admission, place: Place, ways: Sequence[Route]) -> Answer:
        attempts = [self._attempt(call, admission, place, way) for way in ways]
        return await first_answer(attempts, self._settings.routing.timeout_seconds)

    def _listing(self, call: Call, place: Place, key: VirtualKey) -> dict[str, Any] | None:
        """For keys that are held to models."""
        served = self._routes.served(key)
        if lists(place.endpoint):
            return listing(call.vendor, served)
        name = unquote(place.path.rpartition("/")[2])
        return entry(call.vendor, name) if shows_one(place.endpoint) and name in served else None

    def _attempt(self, call: Call, admission: Admission, place: Place, way: Route) -> Attempt:
        if way.path is not None:
            return Straight(self._relay, call, admission, way)
        policy = self._settings.translation
        kind = InCloud if way.form == "anthropic-messages" and way.protocol in CLOUDS else Translated
        return kind(self._relay, call, admission, place, way, policy.mode == "strict", policy.ping_seconds)

    async def _health(self, path: str) -> web.Response:
        if path == "/readyz" and not await self._keys.ready():
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
