"""The checks' side of the control API against answers that an upstream of ours never gives."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from conformance.upstream import Reply, Upstream, UpstreamAddress, UpstreamUnreachableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def controlled(answer: web.Response, seen: list[str]) -> AsyncIterator[Upstream]:
    """An upstream whose control always answers so; `seen` gets the credential of each call."""

    async def control(request: web.Request) -> web.Response:
        seen.append(request.headers["authorization"])
        return web.Response(status=answer.status, text=answer.text)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", control)
    async with TestServer(app) as server:
        address = UpstreamAddress("http://upstream.example", str(server.make_url("")).rstrip("/"), "of-control")
        async with Upstream(address) as upstream:
            yield upstream


async def test_the_control_secret_goes_with_every_call() -> None:
    seen: list[str] = []
    async with controlled(web.Response(text="[]"), seen) as upstream:
        script = await upstream.answers(Reply(text="x"))
        assert await script.journal() == []
    assert seen == ["Bearer of-control"] * 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (web.Response(status=401, text="the control secret is missing or wrong"), "401 the control secret"),
        (web.Response(status=502, text="a proxy in the way"), "502 a proxy in the way"),
    ],
)
async def test_an_upstream_that_refuses_its_control_is_the_harness_fault(answer: web.Response, said: str) -> None:
    async with controlled(answer, []) as upstream:
        with pytest.raises(UpstreamUnreachableError, match=said):
            await upstream.journal()
