"""The control API answers what it can and says what is wrong with the rest."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx2
import pytest

from conformance.upstream import Reply, Script, Upstream, UpstreamAddress, UpstreamUnreachableError
from conformance.upstream.reply import SCRIPT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import openai

TOKEN = "case-0123456789ab"


@pytest.fixture
async def control(address: UpstreamAddress) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"authorization": f"Bearer {address.control_secret}"}
    async with httpx2.AsyncClient(base_url=address.control_url, headers=headers) as client:
        yield client


def script(token: str = TOKEN, *replies: Reply) -> bytes:
    return SCRIPT.dump_json(Script(token, replies))


async def test_it_is_healthy(control: httpx2.AsyncClient) -> None:
    assert (await control.get("/healthz")).json() == {"status": "ok"}


@pytest.mark.parametrize("secret", ["", "Bearer", "Bearer wrong", "Bearer w\xe4hrung"])
async def test_without_the_secret_nothing_is_said(control: httpx2.AsyncClient, secret: str) -> None:
    answer = await control.get("/journal", headers={b"authorization": secret.encode("latin-1")})
    assert answer.status_code == 401
    assert "secret" in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "says"),
    [
        ("PUT", f"/scripts/{TOKEN}", b"{}", 400, "token"),
        ("PUT", f"/scripts/{TOKEN}", b"not json", 400, "not a script"),
        ("PUT", f"/scripts/{TOKEN}", script(TOKEN), 400, "at least one reply"),
        ("PUT", f"/scripts/{TOKEN}", script("case-ba9876543210", Reply()), 400, "the script says case-ba98"),
        ("PUT", "/scripts/nobody", script("nobody", Reply()), 400, "looks like"),
        ("PUT", f"/scripts/{TOKEN}", json.dumps({"token": TOKEN, "replies": [{"txt": 1}]}).encode(), 400, "txt"),
        ("DELETE", f"/scripts/{TOKEN}", b"", 404, TOKEN),
        ("POST", f"/scripts/{TOKEN}/release", b"", 404, TOKEN),
        ("POST", f"/scripts/{TOKEN}/release?count=0", b"", 400, "count"),
        ("POST", f"/scripts/{TOKEN}/release?count=x", b"", 400, "'x' is not a number"),
        ("GET", f"/journal?token={TOKEN}", b"", 404, TOKEN),
        ("GET", "/journal?until=never", b"", 400, "arrived, finished, left"),
        ("GET", "/journal?timeout=-1", b"", 400, "timeout"),
        ("GET", "/journal?timeout=nan", b"", 400, "timeout"),
        ("POST", "/journal", b"{}", 400, "not tokens"),
        ("POST", "/journal", json.dumps([TOKEN]).encode(), 404, TOKEN),
        ("GET", "/nowhere", b"", 404, "Not Found"),
    ],
)
async def test_what_is_wrong_is_said(  # noqa: PLR0917 - a table
    control: httpx2.AsyncClient, method: str, path: str, content: bytes, status: int, says: str
) -> None:
    answer = await control.request(method, path, content=content)
    assert answer.status_code == status
    assert says in answer.json()["error"]


async def test_a_forgotten_script_is_gone_with_its_journal(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    scripted = await upstream.answers()
    await gpt.responses.create(model="m", input=scripted.prompt)
    await scripted.forget()
    with pytest.raises(UpstreamUnreachableError, match="404"):
        await scripted.journal()


async def test_everything_is_what_came_for_each_script_in_the_order_of_the_scripts(
    gpt: openai.AsyncOpenAI, upstream: Upstream
) -> None:
    assert await upstream.everything() == []
    first, second = await upstream.answers(), await upstream.answers()
    for scripted in (second, first, second):
        await gpt.responses.create(model="m", input=scripted.prompt)
    seen = await upstream.everything()
    assert [(call.token, call.number) for call in seen] == [(first.token, 1), (second.token, 1), (second.token, 2)]


async def test_who_waits_for_a_request_learns_of_it_when_it_comes(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    scripted = await upstream.answers()
    waiting = asyncio.create_task(upstream.journal(scripted.token, until="finished", count=2, patience=30))
    for _ in range(2):
        assert not waiting.done()
        await gpt.responses.create(model="m", input=scripted.prompt)
    assert [call.finished for call in await waiting] == [True, True]


async def test_who_waits_in_vain_gets_what_there_is(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    scripted = await upstream.answers()
    await gpt.responses.create(model="m", input=scripted.prompt)
    assert len(await upstream.journal(scripted.token, count=2, patience=0.01)) == 1
    assert len(await upstream.journal(scripted.token, until="left", count=1, patience=0.01)) == 1


async def test_an_upstream_that_is_not_there_is_the_harness_fault() -> None:
    async with Upstream(UpstreamAddress("http://127.0.0.1:1", "http://127.0.0.1:1", "s")) as upstream:
        with pytest.raises(UpstreamUnreachableError, match="PUT /scripts"):
            await upstream.answers()
