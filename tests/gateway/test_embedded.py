"""In a host's own loop: under TLS with an authority of its own, and beside whatever else the host does."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import aiohttp
import openai
import pytest
import trustme

from gateway import ConfigError, Gateway, Settings, load
from gateway.app import Gateway as Served
from tests.gateway.streams import PATHS, STREAMS
from tests.gateway.test_cli import rewrite
from tests.gateway.test_withdrawal import DEADLINE, begins

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway.admission import Admission
    from gateway.calls import Answer, Call
    from tests.gateway.conftest import ScriptedUpstream

CHAT = PATHS["openai-chat"]
TLS = 'certificate = "server.pem"\nprivate_key = "server.key"'


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(tmp_path / "server.pem", append=bool(number))
    issued.private_key_pem.write_to_path(tmp_path / "server.key")
    return authority


@pytest.fixture
def config(config: Path, authority: trustme.CA) -> Path:
    config.write_text(config.read_text().replace("port = 0", f"port = 0\n{TLS}"))
    return config


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """That authority and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


@pytest.fixture
async def caller(gateway: Gateway, key: str, authority: trustme.CA) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=trusting(authority))
    async with aiohttp.ClientSession(gateway.url, connector=connector, headers={"x-api-key": key}) as session:
        yield session


async def test_who_trusts_the_authority_is_served(caller: aiohttp.ClientSession, upstream: ScriptedUpstream) -> None:
    upstream.streams(*STREAMS["openai-chat"])
    async with caller.post(CHAT, data=b"{}") as reply:
        assert reply.url.scheme == "https"
        assert await reply.read() == b"".join(STREAMS["openai-chat"])


async def test_who_does_not_is_not_talked_to(gateway: Gateway, key: str, upstream: ScriptedUpstream) -> None:
    async with aiohttp.ClientSession(headers={"x-api-key": key}) as session:
        for url in (gateway.url, gateway.url.replace("https", "http")):
            with pytest.raises(aiohttp.ClientError):
                await session.post(url + CHAT, data=b"{}")
    assert upstream.received == []


async def test_an_sdk_is_served(gateway: Gateway, key: str, upstream: ScriptedUpstream, authority: trustme.CA) -> None:
    upstream.says(b'{"object": "list", "data": [{"id": "fjord", "object": "model"}]}')
    http = openai.DefaultAsyncHttpxClient(verify=trusting(authority))
    async with openai.AsyncOpenAI(api_key=key, base_url=f"{gateway.url}/v1", max_retries=0, http_client=http) as sdk:
        assert [model.id async for model in sdk.models.list()] == ["fjord"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace('private_key = "server.key"', ""), "belong together"),
        (lambda text: text.replace("server.key", "server.pem"), "no certificate and its private key"),
        (lambda text: text.replace("server.pem", "nowhere.pem"), "No such file"),
        (lambda text: text.replace("port = 0", 'uds = "gw.sock"'), "a Unix socket has no TLS"),
    ],
)
async def test_what_is_no_pair_is_a_mistake_in_the_configuration(
    config: Path, change: Callable[[str], str], said: str
) -> None:
    rewrite(config, change)
    with pytest.raises(ConfigError) as caught:
        load(config)
    [problem] = caught.value.problems
    assert problem.startswith("listen: ")
    assert said in problem


async def test_a_call_that_crashes_takes_nobody_along(
    caller: aiohttp.ClientSession,
    upstream: ScriptedUpstream,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not the host's tasks, not the calls that run beside it, not those that come after it."""
    answers = Served._answer_admitted

    async def crashing(self: Served, call: Call, admission: Admission) -> Answer:
        if call.request.headers.get("x-crash"):
            raise RecursionError("a bug")
        return await answers(self, call, admission)

    monkeypatch.setattr(Served, "_answer_admitted", crashing)
    first = STREAMS["openai-chat"][0]
    begins(upstream, first)
    hosts_own = asyncio.create_task(asyncio.Event().wait())
    async with asyncio.timeout(DEADLINE):
        running = await caller.post(CHAT, data=b"{}")
        assert await running.content.readexactly(len(first)) == first
        async with caller.post(CHAT, data=b"{}", headers={"x-crash": "1"}) as crashed:
            assert (crashed.status, (await crashed.json())["error"]["type"]) == (500, "server_error")
        upstream.script = None
        async with caller.post(CHAT, data=b"{}") as next_one:
            assert next_one.status == 200
        assert not running.content.at_eof()
        running.close()
    assert not hosts_own.done()
    hosts_own.cancel()
    assert "a bug" in caplog.text


async def test_two_gateways_in_one_loop_know_nothing_of_each_other(settings: Settings, config: Path) -> None:
    async with Gateway(settings) as one, Gateway(settings) as other:
        assert one.url != other.url
    async with Gateway(settings) as again:
        assert again.url.startswith("https://127.0.0.1:")
