"""Replicas that count in one Redis."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from gateway import Gateway, Settings, load
from gateway.keys import KeyStore
from gateway.limits import Limit
from tests.absent import absent
from tests.gateway.limited import CENTS, added, answered, holding, message
from tests.gateway.streams import MESSAGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.databases import Server
    from tests.gateway.conftest import RawClient, ScriptedUpstream

PATIENCE_SECONDS = 60


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Behind the socket `redis.sock`."""
    program = shutil.which("redis-server") or absent("no redis-server: apt-get install redis-server")
    path = tmp_path / "redis.sock"
    options = ("--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(tmp_path))
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as process:
        connect(path)
        yield process
        process.kill()


def connect(path: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as tried:
                return tried.connect(str(path))
        except OSError:
            assert time.monotonic() < until, "redis-server does not listen"


@pytest.fixture
async def shared(config: Path, tmp_path: Path) -> Settings:
    return added(config, f'[limits]\nstorage = "redis+unix://{tmp_path}/redis.sock?db=0"')


async def test_replicas_share_what_is_counted(
    redis: subprocess.Popen[bytes], shared: Settings, client: RawClient, store: KeyStore, upstream: ScriptedUpstream
) -> None:
    assert redis.poll() is None
    requests = store.mint("requests", limits=Limit(requests_per_minute=5)).plaintext
    tokens = store.mint("tokens", limits=Limit(tokens_per_minute=100)).plaintext
    async with Gateway(shared) as one, Gateway(shared) as two:
        urls = [one.url, two.url] * 6
        clients = [replace(client, key=requests, url=url) for url in urls]
        replies = await asyncio.gather(*(message(each) for each in clients))
        assert sorted(reply.status for reply in replies) == [200] * 5 + [429] * 7
        upstream.says(answered(input_tokens=60, output_tokens=50))
        assert (await message(replace(client, key=tokens, url=one.url))).status == 200
    async with Gateway(shared) as three:
        refused = await message(replace(client, key=tokens, url=three.url))
        assert refused.status == 429
        assert 1 <= int(refused.values("retry-after")[0]) <= 60


async def test_who_cannot_be_counted_is_not_let_through(
    redis: subprocess.Popen[bytes], shared: Settings, client: RawClient, store: KeyStore, upstream: ScriptedUpstream
) -> None:
    limited = store.mint("limited", limits=Limit(requests_per_minute=5, tokens_per_minute=5)).plaintext
    async with Gateway(shared) as gateway:
        assert (await message(replace(client, key=limited, url=gateway.url))).status == 200
        redis.kill()
        redis.wait()
        refused = await message(replace(client, key=limited, url=gateway.url))
        assert (refused.status, refused.json["error"]["type"]) == (503, "api_error")
        assert (await message(replace(client, url=gateway.url))).status == 200
    assert len(upstream.received) == 2


async def test_replicas_on_one_server_share_budgets_and_places(
    config: Path, server: Server, client: RawClient, upstream: ScriptedUpstream
) -> None:
    shared = at_server(config, server)
    with KeyStore(server) as store:
        budget = store.mint("budget", limits=Limit(budget_usd=Decimal("0.03"))).plaintext
        place = store.mint("place", limits=Limit(streams=1)).plaintext
    async with Gateway(shared) as one, Gateway(shared) as two:
        upstream.says(answered(**CENTS))
        replies = [await message(replace(client, key=budget, url=url)) for url in (one.url, *[two.url] * 3)]
        assert [reply.status for reply in replies] == [200, 200, 200, 429]
        released = holding(upstream, MESSAGES[0])
        headers = {"x-api-key": place}
        async with client.session.post(f"{one.url}/v1/messages", data=b"{}", headers=headers) as running:
            assert (await message(replace(client, key=place, url=two.url))).status == 429
            released.set()
            await running.read()
    async with Gateway(shared) as three:
        upstream.says(answered(**CENTS))
        assert (await message(replace(client, key=place, url=three.url))).status == 200
        assert (await message(replace(client, key=budget, url=three.url))).status == 429


def at_server(config: Path, server: Server) -> Settings:
    assert server.password is not None
    config.with_name("password").write_text(server.password)
    where = f'database = "{server.url}"\npassword = {{ file = "password" }}'
    config.write_text(config.read_text().replace('database = "keys.sqlite3"', where))
    return load(config)
