"""`GET /metrics` on a listener of its own: no client of the gateway's reaches it, and no key opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from aiohttp import hdrs, web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics

from gateway.addresses import url_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

PATH = "/metrics"
OPEN_METRICS = "application/openmetrics-text"


class Exposition:
    """Prometheus' text format, or OpenMetrics for whom asks for that."""

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        self._registry = registry
        self._host = host
        self._port = port

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None))
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.url = url_of(self._runner) + PATH
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        if request.path != PATH:
            return web.Response(status=404, text=f"Only {PATH} is here.\n")
        if request.method not in {hdrs.METH_GET, hdrs.METH_HEAD}:
            return web.Response(status=405, headers={"Allow": "GET, HEAD"})
        generate, content_type = encoder(request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(body=generate(self._registry), headers={hdrs.CONTENT_TYPE: content_type})


def encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    """Not by the library's own choice, which trips over versions that are none."""
    asked = {each.partition(";")[0].strip().lower() for each in accept.split(",")}
    if OPEN_METRICS in asked:
        return openmetrics.generate_latest, openmetrics.CONTENT_TYPE_LATEST
    return generate_latest, CONTENT_TYPE_PLAIN_0_0_4
