"""Relays that read no HTTP: they edit the first head of a connection, and hand on bytes.

What a relay does wrong in its reading of HTTP cannot be shown behind a library that reads it well.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from conformance.faulty.exchange import asked
from conformance.faulty.relay import CREDENTIALS, credential

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conformance.surface import Provider

_PREFIX = re.compile(rb"^(\S+ (?:https?://[^/ ]+)?)/faults/([a-z0-9-]+)(/\S*)")
_CREDENTIAL = re.compile(rb"(?im)^(?:" + "|".join(CREDENTIALS).encode() + rb")[ \t]*:.*\r\n")


def named(data: bytes) -> str:
    """The fault whose relay the first bytes of a connection ask for; "" if none's."""
    found = _PREFIX.match(data)
    return found[2].decode() if found else ""


class Pipe:
    """What a fault does to the bytes of one connection, on their way up and down."""

    def upward(self, data: bytes) -> bytes:
        return data

    def downward(self, data: bytes) -> bytes:
        return data

    def ended(self) -> bytes | None:
        """What the client gets when the upstream has hung up; None hangs up on it as well."""
        return None


class Piped(asyncio.Protocol):
    """The client's end."""

    def __init__(self, pipe: Pipe, upstream: str, provider_keys: Mapping[Provider, str]) -> None:
        self._pipe = pipe
        where = urlsplit(upstream)
        self._host, self._port = where.hostname or "", where.port or 80
        self._keys = provider_keys
        self._waiting: list[bytes] = []
        self._begun = False
        self._waits = False
        self._up: asyncio.Transport | None = None
        self._over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._client = transport
        self._connecting = asyncio.ensure_future(self._connect())

    def data_received(self, data: bytes) -> None:
        data = self._pipe.upward(data if self._begun else self._first(data))
        self._begun = self._waits = True
        if self._over:
            self._client.write(self._pipe.ended() or b"")
        elif self._up is None:
            self._waiting.append(data)
        else:
            self._up.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio hands it over
        self._connecting.cancel()
        if self._up is not None:
            self._up.close()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        up, _ = await loop.create_connection(lambda: _Upper(self._came, self._left), self._host, self._port)
        self._up = up
        up.write(b"".join(self._waiting))

    def _came(self, data: bytes) -> None:
        self._waits = False
        self._client.write(self._pipe.downward(data))

    def _left(self) -> None:
        self._over = True
        said = self._pipe.ended()
        if said is None:
            self._client.close()
        elif self._waits:
            self._client.write(said)

    def _first(self, data: bytes) -> bytes:
        """The first head, sent to the provider with its key in place of the client's."""
        head, end, rest = data.partition(b"\r\n\r\n")
        found = _PREFIX.match(head)
        assert found, "a pipe is chosen by its path"
        provider = asked(found[3].decode("latin-1"), ())
        name, value = credential(provider, self._keys[provider])
        head = _CREDENTIAL.sub(b"", _PREFIX.sub(rb"\1/" + provider.encode() + rb"\3", head) + b"\r\n")
        return head + f"{name}: {value}\r\n".encode() + end[2:] + rest


class _Upper(asyncio.Protocol):
    """The upstream's end."""

    def __init__(self, came: Callable[[bytes], None], left: Callable[[], None]) -> None:
        self._came = came
        self._left = left

    def data_received(self, data: bytes) -> None:
        self._came(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio hands it over
        self._left()


class Front(asyncio.Protocol):
    """Sees the first bytes of a connection, and hands it to a pipe or to the HTTP server."""

    def __init__(self, serve: Callable[[], asyncio.Protocol], pipe: Callable[[str], asyncio.Protocol | None]) -> None:
        self._serve = serve
        self._pipe = pipe

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        chosen = self._pipe(named(data)) or self._serve()
        self._transport.set_protocol(chosen)
        chosen.connection_made(self._transport)
        chosen.data_received(data)
