"""Several gateways on one database of PostgreSQL's: what one is told, all know."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

from gateway import Gateway
from gateway.keys import KeyStore
from tests.gateway.conftest import RawClient
from tests.gateway.postgresql import PASSWORD
from tests.gateway.streams import STREAMS
from tests.gateway.test_cli import run
from tests.gateway.test_withdrawal import DEADLINE, ENDS, begins, begun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway import Settings
    from gateway.databases import Server
    from tests.gateway.conftest import ScriptedUpstream
    from tests.gateway.postgresql import Cluster

CHAT = "/v1/chat/completions"
CYCLES = 20


@pytest.fixture
def config(config: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEST_DATABASE_PASSWORD", PASSWORD)
    there = f'database = "{server.url}"\npassword = {{ env = "TEST_DATABASE_PASSWORD" }}'
    text = config.read_text().replace('database = "keys.sqlite3"', there)
    config.write_text(text.replace('path = "audit.jsonl"', there))
    return config


@pytest.fixture
async def replicas(settings: Settings, key: str) -> AsyncIterator[list[RawClient]]:
    """A client of each of two gateways, with the same key."""
    async with (
        Gateway(settings) as one,
        Gateway(settings) as other,
        aiohttp.ClientSession(auto_decompress=False) as session,
    ):
        yield [RawClient(session, each.url, key) for each in (one, other)]


@pytest.mark.parametrize("how", ENDS)
async def test_a_key_that_ends_anywhere_is_refused_everywhere(
    replicas: list[RawClient], store: KeyStore, how: str
) -> None:
    assert [(await each.ask("POST", CHAT, b"{}")).status for each in replicas] == [200, 200]
    ENDS[how](store, replicas[0].key)
    refused = [await each.ask("POST", CHAT, b"{}") for each in replicas]
    assert [each.status for each in refused] == [401, 401]
    assert all(each.json["error"]["code"] == "invalid_api_key" for each in refused)


@pytest.mark.parametrize("how", ENDS)
async def test_its_streams_end_everywhere(
    replicas: list[RawClient], upstream: ScriptedUpstream, store: KeyStore, how: str
) -> None:
    first = STREAMS["openai-chat"][0]
    begins(upstream, first)
    async with asyncio.timeout(DEADLINE):
        answers = [await begun(each, CHAT, b"{}", first) for each in replicas]
        ENDS[how](store, replicas[0].key)
        for answer in answers:
            assert b"invalid_api_key" in await answer.content.read()


async def test_no_use_passes_after_the_end(replicas: list[RawClient], store: KeyStore) -> None:
    for number in range(CYCLES):
        minted = store.mint(f"k{number}")
        using = [RawClient(each.session, each.url, minted.plaintext) for each in replicas]
        assert [(await each.ask("POST", CHAT, b"{}")).status for each in using] == [200, 200]
        store.revoke(minted.key)
        assert [(await each.ask("POST", CHAT, b"{}")).status for each in using] == [401, 401]


async def test_without_its_database_a_gateway_says_so_and_streams_that_run_go_on(
    replicas: list[RawClient], upstream: ScriptedUpstream, cluster: Cluster
) -> None:
    going = asyncio.Event()
    first, *rest = STREAMS["anthropic-messages"]

    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(first)
        await going.wait()
        for piece in rest:
            await response.write(piece)
        return response

    upstream.script = script
    client = replicas[0]
    async with asyncio.timeout(3 * DEADLINE):
        answer = await begun(client, "/v1/messages", b"{}", first)
        cluster.stop()
        try:
            refused = await client.ask("POST", "/v1/messages", b"{}")
            assert (refused.status, refused.json["type"]) == (503, "error")
            assert "database" not in refused.body.decode()
            assert (await client.ask("GET", "/readyz")).status == 503
            going.set()
            assert await answer.content.read() == b"".join(rest)
        finally:
            cluster.start()
        assert (await client.ask("GET", "/readyz")).status == 200
        upstream.script = None
        assert (await client.ask("POST", "/v1/messages", b"{}")).status == 200


async def test_a_key_that_ended_while_nobody_could_see_it_ends_its_streams_afterwards(
    replicas: list[RawClient], upstream: ScriptedUpstream, cluster: Cluster, settings: Settings
) -> None:
    first = STREAMS["openai-chat"][0]
    begins(upstream, first)
    async with asyncio.timeout(3 * DEADLINE):
        answer = await begun(replicas[0], CHAT, b"{}", first)
        cluster.stop()
        cluster.start()
        with KeyStore(settings.keys.place) as store:
            store.revoke(store.named(replicas[0].key))
        assert b"invalid_api_key" in await answer.content.read()


async def test_the_audit_of_all_is_one(
    replicas: list[RawClient], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_OPENAI_KEY")
    for each in replicas:
        await each.ask("POST", CHAT, b'{"model": "asked-for"}')

    async def rows() -> list[Any]:
        result = await asyncio.to_thread(run, "audit", "--config", str(config), "--json", "--model", "asked-for")
        assert result.exit_code == 0
        return [json.loads(line) for line in result.stdout.splitlines()]

    async with asyncio.timeout(DEADLINE):
        while len(found := await rows()) < len(replicas):
            pass
    assert {row["key_name"] for row in found} == {"tester"}


async def test_the_command_line_keeps_keys_there_too(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_OPENAI_KEY")

    def keys(command: str, *arguments: str) -> Any:
        result = run("keys", command, "--config", str(config), *arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    minted = keys("mint", "--name", "ci", "--run", "7", "--expires-in", "1h")
    assert keys("show", minted["key"])["state"] == "valid"
    assert keys("revoke", "--run", "7") == {"keys": 1}
    assert [each["state"] for each in keys("list")] == ["revoked"]
    assert keys("prune") == {"keys": 1}
