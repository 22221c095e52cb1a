"""A served upstream, and clients of it whose SDK runs in a worker."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from conformance.drivers import CLIENTS, Client, Door, Mode, Tape
from conformance.lanes import RemoteSdk
from conformance.lanes.worker import Worker
from conformance.surface import BELOW_PROVIDER, CORE, PROVIDER_OF, Surface
from conformance.upstream import Upstream, UpstreamAddress
from conformance.upstream.server import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

KEYS = {"anthropic": "sk-ant-upstream", "openai": "sk-openai-upstream"}
PROGRAM = Path(__file__).parents[2] / "conformance" / "lanes" / "programs" / "python_worker.py"


class Knock(Protocol):
    """Makes a client of the upstream itself."""

    def __call__(self, surface: Surface, mode: Mode, tape: Tape, worker: Worker, *, retries: int = 0) -> Client: ...


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

        def make(surface: Surface, mode: Mode, tape: Tape, worker: Worker, *, retries: int = 0) -> Client:
            provider = PROVIDER_OF[surface]
            door = Door(f"{address.url}/{provider}{BELOW_PROVIDER[provider]}", KEYS[provider], "m", "m")
            sdk = RemoteSdk(worker, door, tape, retries=retries)
            client = CLIENTS[surface](door, mode, tape, sdk=sdk)
            opened.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers; with the text of a program, such a one, else the real one on the SDK of our own environment."""
    running: list[Worker] = []

    def start(program: str = "", sdk: str = "openai") -> Worker:
        path = PROGRAM
        if program:
            path = tmp_path / "program.py"
            path.write_text(program, encoding="utf-8")
        running.append(Worker("mine", [sys.executable, str(path), sdk], tmp_path))
        return running[-1]

    yield start
    for worker in running:
        worker.stop()


@pytest.fixture(scope="module")
def workers_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Surface, Worker]]:
    """The real program on the SDKs of our own environment, by surface."""
    named = {
        sdk: Worker(sdk, [sys.executable, str(PROGRAM), sdk], tmp_path_factory.mktemp(sdk))
        for sdk in ("openai", "anthropic")
    }
    yield {surface: named[PROVIDER_OF[surface]] for surface in CORE}
    for worker in named.values():
        worker.stop()
