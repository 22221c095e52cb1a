"""Where the gateway listens: on what, and where that has ended up."""

from __future__ import annotations

import socket
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    import ssl
    from contextlib import AsyncExitStack
    from pathlib import Path

    from gateway.config import Settings

    Sockets = tuple[socket.socket, ...]

BACKLOG = 128


@dataclass(frozen=True)
class Address:
    """A Unix socket, or a host's port. With `tls` it is https."""

    host: str = "127.0.0.1"
    port: int = 0
    uds: Path | None = None
    tls: ssl.SSLContext | None = None

    def url(self, ended_up: object) -> str:
        """Of what a socket says of itself."""
        if not isinstance(ended_up, tuple):
            return f"unix://{self.uds}"
        host, port = ended_up[:2]
        return f"http{'s' if self.tls else ''}://{f'[{host}]' if ':' in host else host}:{port}"

    def bound(self) -> Sockets:
        """On every address that the host has. OSError where one is taken."""
        if self.uds is not None:
            remove_what_was_left(self.uds)
            return (bound(socket.AF_UNIX, str(self.uds)),)
        found = socket.getaddrinfo(self.host or None, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return tuple(bound(family, address) for family, address in dict.fromkeys((each[0], each[4]) for each in found))


def addresses(settings: Settings) -> dict[str, Address]:
    """By the section that asks for it."""
    listen, management, metrics = settings.listen, settings.management, settings.metrics
    found = {"listen": Address(listen.host, listen.port, listen.uds, listen.tls())}
    if management is not None and management.path is None:
        found["management"] = Address(management.host, management.port or 0, management.uds)
    if metrics is not None:
        found["metrics"] = Address(metrics.host, metrics.port)
    return found


async def listening(
    starting: AsyncExitStack, server: web.Server, address: Address, sockets: Sockets = (), *, grace_seconds: float = 1
) -> str:
    """The URL. `sockets` are used where there are any: they are bound already."""
    runner = web.ServerRunner(server, shutdown_timeout=grace_seconds)
    await runner.setup()
    starting.push_async_callback(runner.cleanup)
    sites: list[web.BaseSite] = [web.SockSite(runner, each, ssl_context=address.tls) for each in sockets]
    if not sites and address.uds is not None:
        sites = [web.UnixSite(runner, address.uds)]
    elif not sites:
        sites = [web.TCPSite(runner, address.host, address.port, ssl_context=address.tls)]
    for site in sites:
        await site.start()
    return address.url(runner.addresses[0])


def bound(family: int, address: tuple[Any, ...] | str) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family != socket.AF_UNIX:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address)
        opened.listen(BACKLOG)
        opened.settimeout(0)
    except OSError:
        opened.close()
        raise
    return opened


def remove_what_was_left(path: Path) -> None:
    """Of a process that died; asyncio does so too."""
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()
