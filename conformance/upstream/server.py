"""The scripted upstream as a running server: a data port for gateways, a control port for checks."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from conformance.upstream.bedrock import enclosed
from conformance.upstream.cases import Cases, Exchange
from conformance.upstream.control import UpstreamAddress
from conformance.upstream.control_api import control_app
from conformance.upstream.delivery import Answer, Line, bodied
from conformance.upstream.listener import Listener, stop_accepting
from conformance.upstream.providers import PLATFORMS, TOO_LARGE, Answering, plain_body, provider_of
from conformance.upstream.reply import Delivery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

_BODY_LIMIT = 64 * 1024 * 1024
_BEGINNING = 64 * 1024
_GRACE_SECONDS = 0.05  # aiohttp takes 0 for no limit at all
_HEADER_LIMIT = 64 * 1024
_KEEPALIVE_SECONDS = 3600
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@asynccontextmanager
async def serve(
    keys: Mapping[str, str],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    control_host: str | None = None,
    control_port: int = 0,
    control_secret: str | None = None,
) -> AsyncIterator[UpstreamAddress]:
    """Serve in this event loop.

    `keys` holds each provider's one valid key; a provider without one turns everybody away. Port 0 takes a free one.
    The control port is on the same host, unless told otherwise.
    """
    cases = Cases()
    secret = control_secret or secrets.token_urlsafe(24)
    data = Listener(
        _Desk(cases, keys).handle,
        misread=cases.misread,
        handler_cancellation=True,
        auto_decompress=False,
        keepalive_timeout=_KEEPALIVE_SECONDS,
        max_line_size=_HEADER_LIMIT,
        max_field_size=_HEADER_LIMIT,
    )
    async with AsyncExitStack() as stack:
        listening = await _listen(stack, web.ServerRunner(data, shutdown_timeout=_GRACE_SECONDS), host, port)
        control = web.AppRunner(control_app(cases, secret), shutdown_timeout=_GRACE_SECONDS, access_log=None)
        control_host = control_host or host
        controlling = await _listen(stack, control, control_host, control_port)
        data_url, control_url = _url(host, listening), _url(control_host, controlling)
        yield UpstreamAddress(data_url, control_url, secret)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _listen(stack: AsyncExitStack, runner: web.BaseRunner, host: str, port: int) -> int:
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await _Site(runner, host, port).start()
    return int(runner.addresses[0][1])


class _Site(web.TCPSite):
    async def stop(self) -> None:
        if isinstance(self._server, asyncio.Server):
            await stop_accepting(self._server)
        await super().stop()


class _Desk:
    """Takes requests in, and hands each to its case."""

    def __init__(self, cases: Cases, keys: Mapping[str, str]) -> None:
        self._cases = cases
        self._keys = {provider: keys.get(provider) or secrets.token_urlsafe() for provider in PLATFORMS}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._served(request)
        except ConnectionError as gone:
            raise asyncio.CancelledError from gone

    async def _served(self, request: web.BaseRequest) -> web.StreamResponse:
        arrived_at = time.monotonic()
        body = await _body(request, lambda begun: self._cases.addressed(begun).answers_early)
        exchange = self._arrival(request, body, arrived_at)
        answer = self._answer(exchange, too_large=len(body) > _BODY_LIMIT)
        try:
            return await Line(request, exchange, exchange.reply.delivery).send(answer)
        except (asyncio.CancelledError, ConnectionError):
            exchange.abandon()
            raise

    def _arrival(self, request: web.BaseRequest, body: bytes, arrived_at: float) -> Exchange:
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers)
        target = request.raw_path
        plain = plain_body(headers, body)
        case = self._cases.addressed(plain, enclosed(plain), target.encode())
        exchange = Exchange(
            case,
            provider=provider_of(target),
            method=request.method,
            target=target,
            headers=headers,
            body=body,
            arrived_at=arrived_at,
        )
        case.exchanges.append(exchange)
        case.announce()
        return exchange

    def _answer(self, exchange: Exchange, *, too_large: bool) -> Answer:
        if not exchange.provider:
            return bodied(404, (("content-type", "text/plain"),), b"no provider lives here\n", Delivery())
        answering = Answering(exchange, PLATFORMS[exchange.provider], plain_body(exchange.headers, exchange.body))
        return answering.error(TOO_LARGE) if too_large else answering.answer(self._keys[exchange.provider])


async def _body(request: web.BaseRequest, is_enough: Callable[[bytes], bool]) -> bytes:
    """The body as it came, undecoded; reading stops soon after the limit is passed, or when its beginning is enough."""
    if request.headers.get("expect", "").lower() == "100-continue":
        await request.writer.write(_CONTINUE)
    if not request.can_read_body:
        return b""
    body = bytearray()
    async for chunk in request.content.iter_any():
        begins = len(body) < _BEGINNING
        body += chunk
        if len(body) > _BODY_LIMIT or (begins and is_enough(bytes(body[:_BEGINNING]))):
            break
    return bytes(body)
