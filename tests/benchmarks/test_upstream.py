from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from benchmarks.exchanges import SURFACES
from benchmarks.load import measure
from benchmarks.upstream import Connection
from tests.benchmarks.serving import job

if TYPE_CHECKING:
    from conformance.surface import Surface


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("surface", SURFACES)
async def test_what_the_upstream_answers_is_what_the_load_generator_wants(surface: Surface, *, streamed: bool) -> None:
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: Connection(loop), "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/any/prefix"
        outcome = await measure(job(url, surface=surface, streamed=streamed, connections=2))
    assert outcome.calls >= 8
