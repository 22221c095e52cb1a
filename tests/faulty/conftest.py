"""One scripted upstream for all tests of this room, one process of relays for each file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest

from conformance.faulty import FaultyProcess
from conformance.secrets import Secret, mint
from conformance.surface import Provider
from conformance.upstream import Upstream, UpstreamAddress
from conformance.upstream.process import UpstreamProcess
from tests.faulty.seen import Lane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture(scope="session")
def run_secrets() -> dict[str, Secret]:
    return {name: mint(name) for name in ("client", *Provider)}


@pytest.fixture(scope="session")
def address(run_secrets: dict[str, Secret]) -> Iterator[UpstreamAddress]:
    with UpstreamProcess({name: run_secrets[name].value for name in Provider}) as address:
        yield address


@pytest.fixture(scope="module")  # some faults remember: what one file's tests leave behind is no other's concern
def relays(
    address: UpstreamAddress, run_secrets: dict[str, Secret], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultyProcess]:
    with FaultyProcess(address.url, run_secrets, tmp_path_factory.mktemp("relays") / "log") as relays:
        yield relays


@pytest.fixture
async def upstream(address: UpstreamAddress) -> AsyncIterator[Upstream]:
    async with Upstream(address) as upstream:
        yield upstream


@pytest.fixture
async def lane(relays: FaultyProcess, run_secrets: dict[str, Secret]) -> AsyncIterator[Lane]:
    unlimited = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=relays.url, timeout=30, trust_env=False, limits=unlimited) as http:
        yield Lane(http, run_secrets["client"].value)
