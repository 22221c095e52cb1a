"""A served upstream, and clients of every surface that knock at its own door."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol

import pytest

from conformance.drivers import Client, Door, Mode, Tape, client_of
from conformance.surface import BELOW_PROVIDER, PROVIDER_OF, Provider
from conformance.upstream import Upstream, UpstreamAddress
from conformance.upstream.server import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.surface import Surface
    from conformance.upstream.journal import Headers

KEYS = {provider.value: f"sk-{provider}-upstream" for provider in Provider}


class Knock(Protocol):
    """Makes a client of the upstream itself."""

    def __call__(
        self, surface: Surface, mode: Mode, tape: Tape, *, url: str | None = None, headers: Headers = ()
    ) -> Client: ...


@pytest.fixture
async def address() -> AsyncIterator[UpstreamAddress]:
    async with serve(KEYS) as address:
        yield address


@pytest.fixture
async def upstream(address: UpstreamAddress) -> AsyncIterator[Upstream]:
    async with Upstream(address) as upstream:
        yield upstream


@pytest.fixture
async def knock(address: UpstreamAddress) -> AsyncIterator[Knock]:
    async with AsyncExitStack() as opened:

        def make(surface: Surface, mode: Mode, tape: Tape, *, url: str | None = None, headers: Headers = ()) -> Client:
            provider = PROVIDER_OF[surface]
            url = url or f"{address.url}/{provider}{BELOW_PROVIDER[provider]}"
            door = Door(url, KEYS[provider], "m", "m", headers)
            made = client_of(surface, mode)
            assert made is not None
            client = made(door, mode, tape)
            opened.push_async_callback(client.aclose)
            return client

        yield make
