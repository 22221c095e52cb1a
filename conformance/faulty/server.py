"""The process around the relays: one for each fault under `/faults/<name>`, a faithful one without prefix.

Each is there a second time below `/replica`, with the same keys.

{prefix}/v1/...                    the relay; /v1beta, /openai, /model and /mistral too
POST   {prefix}/_keys              {"expires_in": seconds, "limits": {"streams": 2, …}}?  →  {"key": …}
       also surface, model, provider, origin: what the key is held to
DELETE {prefix}/_keys/{key}            revokes
POST   {prefix}/_keys/{key}/expire
POST   {prefix}/_keys/{key}/delete
GET    {prefix}/_metrics
GET    /healthz
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from conformance.faulty.exchange import Answer, Call, UpstreamCutError
from conformance.faulty.fault import CLEAN
from conformance.faulty.faults import FAULTS
from conformance.faulty.heard import Heard, tell
from conformance.faulty.limits import Limits
from conformance.faulty.pipe import Front, Piped
from conformance.faulty.refusal import error_event
from conformance.faulty.relay import Relay
from conformance.faulty.scopes import scope_of
from conformance.upstream.listener import stop_accepting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from conformance.faulty.keys import Keys
    from conformance.surface import Provider

_LARGEST_BODY = 64 * 2**20
_LONGEST_HEADER = 64 * 2**10
REPLICA = "/replica"
_ROOTS = "v1|v1beta|openai|model|mistral"


class Server:
    """All relays of one process; each begins at its first use."""

    def __init__(self, upstream: str, client_key: str, provider_keys: Mapping[Provider, str], fault: str) -> None:
        self._upstream = upstream
        self._client_key = client_key
        self._provider_keys = provider_keys
        self._default = fault
        self._relays: dict[str, Relay] = {}

    @property
    def app(self) -> web.Application:
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.cleanup_ctx.append(self._session)
        app.on_response_prepare.append(_add_nothing)
        app.router.add_get("/healthz", _healthz)
        app.router.add_get(f"{REPLICA}/healthz", _healthz)
        for prefix in ("", "/faults/{fault}"):
            app.router.add_post(f"{prefix}/_keys", self._mint)
            app.router.add_delete(f"{prefix}/_keys/{{key}}", self._revoke)
            app.router.add_post(f"{prefix}/_keys/{{key}}/expire", self._expire)
            app.router.add_post(f"{prefix}/_keys/{{key}}/delete", self._delete)
            app.router.add_get(f"{prefix}/_metrics", self._metrics)
            for place in (prefix, f"{prefix}{REPLICA}"):
                app.router.add_route("*", f"{place}/{{root:{_ROOTS}}}/{{path:.*}}", self._relay_call)
        return app

    async def _session(self, _: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            middlewares=(_never_again,),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        ) as self._http:
            yield

    def pipe(self, name: str) -> Piped | None:
        """For a connection whose first request asks for a relay that reads no HTTP."""
        fault = FAULTS.get(name)
        return Piped(fault.pipe(), self._upstream, self._provider_keys) if fault and fault.pipe else None

    def _relay(self, request: web.Request) -> Relay:
        name = request.match_info.get("fault", self._default)
        if name not in self._relays:
            fault = FAULTS.get(name) if name else CLEAN
            if fault is None:
                raise web.HTTPNotFound(text=f"no fault is called {name}")
            self._relays[name] = Relay(fault, self._upstream, self._client_key, self._provider_keys)
        return self._relays[name]

    async def _mint(self, request: web.Request) -> web.Response:
        wish = await request.json() if request.body_exists else {}
        expires_in = wish.get("expires_in")
        life = None if expires_in is None else float(expires_in)
        limits = Limits.of(wish["limits"]) if "limits" in wish else None
        return web.json_response({"key": self._relay(request).keys.mint(life, scope_of(wish), limits)})

    async def _revoke(self, request: web.Request) -> web.Response:
        self._known(request).revoke(request.match_info["key"])
        return web.Response(status=204)

    async def _expire(self, request: web.Request) -> web.Response:
        self._known(request).expire(request.match_info["key"])
        return web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.Response:
        self._known(request).delete(request.match_info["key"])
        return web.Response(status=204)

    def _known(self, request: web.Request) -> Keys:
        keys = self._relay(request).keys
        if request.match_info["key"] not in keys.known:
            raise web.HTTPNotFound(text="no such key")
        return keys

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(text=self._relay(request).counts.text())

    async def _relay_call(self, request: web.Request) -> web.StreamResponse:
        relay = self._relay(request)
        heard = Heard(await _call(request, relay))
        try:
            return await self._heard(request, relay, heard)
        finally:
            tell(relay.fault, relay.counts, heard)

    async def _heard(self, request: web.Request, relay: Relay, heard: Heard) -> web.StreamResponse:
        try:
            answer = heard.answered(await relay.handle(self._http, heard.call))
        except UpstreamCutError:
            return _cut(request)
        try:
            with relay.keys.ending(answer.call.client_key, partial(_cut, request)):
                return await _deliver(request, answer)
        except ConnectionResetError:  # the client left while we wrote
            return _cut(request)
        finally:
            answer.close()


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _never_again(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """aiohttp repeats a GET whose connection breaks; an error of another kind keeps it from that."""
    try:
        return await send(request)
    except aiohttp.ClientConnectionError as error:
        raise UpstreamCutError("the upstream does not answer") from error


async def _add_nothing(_: web.Request, response: web.StreamResponse) -> None:
    """Takes back what aiohttp adds to an answer that came without it."""
    if isinstance(response, _Passed):
        for name in response.added:
            response.headers.popall(name, None)


class _Passed(web.StreamResponse):
    """An answer whose headers are the upstream's."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(status=answer.status, headers=CIMultiDict(answer.headers))
        self.added = [name for name in ("content-type", "date", "server") if name not in self.headers]


async def _call(request: web.Request, relay: Relay) -> Call:
    raw = request.raw_path.removeprefix(f"/faults/{request.match_info.get('fault')}")
    path, _, query = raw.removeprefix(REPLICA).partition("?")
    return Call(
        method=request.method,
        path=path,
        query=query,
        headers=tuple(request.headers.items()),
        body=await request.read(),
        client_key=None,
        provider_keys=relay.provider_keys,
        keys=relay.keys,
        memory=relay.memory,
        peer=request.remote or "",
        at_replica=raw.startswith(f"{REPLICA}/"),
    )


async def _deliver(request: web.Request, answer: Answer) -> web.StreamResponse:
    response = _Passed(answer)
    await response.prepare(request)
    try:
        async for chunk in answer.chunks:
            if request.method != "HEAD":  # whose answer has no body
                await response.write(chunk)
    except UpstreamCutError as cut:
        if not (answer.streams and cut.clean):
            return _cut(request, response)
        await response.write(error_event(answer.call.grammar, cut))
    await response.write_eof()
    return response


def _cut(request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """Hang up without ending the answer: what is on its way arrives, and the client sees that it is not all."""
    if request.transport:
        request.transport.close()
    return response or web.Response(status=502)


@asynccontextmanager
async def serving(server: Server, host: str, port: int) -> AsyncIterator[str]:
    """The URL at which the relays listen, for as long as they do."""
    runner = web.AppRunner(
        server.app,
        access_log=None,
        auto_decompress=False,
        handler_cancellation=True,
        max_line_size=_LONGEST_HEADER,
        max_field_size=_LONGEST_HEADER,
        shutdown_timeout=1,
    )
    await runner.setup()
    assert runner.server
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(partial(Front, runner.server, server.pipe), host, port, backlog=1024)
    try:
        yield f"http://{host}:{listening.sockets[0].getsockname()[1]}"
    finally:
        await stop_accepting(listening)
        listening.close()
        await runner.cleanup()
