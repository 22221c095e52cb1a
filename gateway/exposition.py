"""`GET /metrics` on a listener of its own: no client of the gateway's reaches it, and no key opens it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from aiohttp import hdrs, web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics

from gateway.addresses import listening

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from prometheus_client import CollectorRegistry

    from gateway.addresses import Address, Sockets

PATH = "/metrics"
OPEN_METRICS = "application/openmetrics-text"


class Exposition:
    """Prometheus' text format, or OpenMetrics for whom asks for that, of what `collected` finds at the time."""

    def __init__(
        self, collected: Callable[[], Awaitable[CollectorRegistry]], address: Address, sockets: Sockets = ()
    ) -> None:
        self._collected = collected
        self._address = address
        self._sockets = sockets
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            server = web.Server(self._handle, access_log=None)
            self.url = await listening(starting, server, self._address, self._sockets) + PATH
            self._running = starting.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        if request.path != PATH:
            return web.Response(status=404, text=f"Only {PATH} is here.\n")
        if request.method not in {hdrs.METH_GET, hdrs.METH_HEAD}:
            return web.Response(status=405, headers={"Allow": "GET, HEAD"})
        generate, content_type = encoder(request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(body=generate(await self._collected()), headers={hdrs.CONTENT_TYPE: content_type})


def encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    """Not by the library's own choice, which trips over versions that are none."""
    asked = {each.partition(";")[0].strip().lower() for each in accept.split(",")}
    if OPEN_METRICS in asked:
        return openmetrics.generate_latest, openmetrics.CONTENT_TYPE_LATEST
    return generate_latest, CONTENT_TYPE_PLAIN_0_0_4
