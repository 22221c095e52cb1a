"""The served upstream's own beginning and end."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

import pytest

from conformance.upstream.server import serve
from tests.sockets import is_over

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("port", ["url", "control_url"])
async def test_a_connection_that_comes_as_it_stops_is_closed(port: str, turns: int) -> None:
    async with serve({}) as address:
        url = urlsplit(getattr(address, port))
        late = socket.create_connection((url.hostname or "", url.port or 0))
        for _ in range(turns):
            await asyncio.sleep(0)
    with late:
        late.settimeout(30)
        assert is_over(late)


async def test_it_listens_on_ipv6_too() -> None:
    async with serve({}, host="::1") as address:
        assert urlsplit(address.url).hostname == "::1"
