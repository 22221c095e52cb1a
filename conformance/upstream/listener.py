"""The server's connections, with an ear for what is no HTTP: a gateway that hands on nonsense must be seen doing it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

_KEPT_BYTES = 64 * 1024


async def stop_accepting(server: asyncio.Server) -> None:
    """Before it closes: what it has accepted is taken in while it can be. A server that closes at once leaves such a
    connection open: https://github.com/python/cpython/issues/109564.
    """
    for listening in server.sockets:
        asyncio.get_running_loop().remove_reader(listening)
    await asyncio.sleep(0)


class Listener(web.Server):
    """aiohttp's server; `misread` gets the last bytes of a connection when they cannot be read."""

    def __init__(self, *args: Any, misread: Callable[[bytes], None], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._misread = misread

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, misread=self._misread, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ("_heard", "_misread")

    def __init__(self, manager: web.Server, *, misread: Callable[[bytes], None], **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._misread = misread
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        self._heard = (self._heard + data)[-_KEPT_BYTES:]
        super().data_received(data)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status != HTTPStatus.BAD_REQUEST:
            return super().handle_error(request, status, exc, message)
        self._misread(self._heard)
        refusal = web.Response(status=status, text=message)
        refusal.force_close()
        return refusal
