"""Two gateways in containers on a PostgreSQL and a Redis: they know the same, and one that dies takes little along."""

from __future__ import annotations

import asyncio
import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from click.testing import CliRunner

from conformance.run.certify import certification
from conformance.secrets import mint
from conformance.surface import Provider
from conformance.target.running import free_port
from conformance.upstream import Delivery, Reply, Upstream
from conformance.upstream.process import UpstreamProcess
from gateway.cli import main
from tests.containers.fleet import PASSWORD, fleet
from tests.containers.samples import reference_as_two_replicas

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from testcontainers.core.container import DockerContainer

    from conformance.upstream import UpstreamAddress

pytestmark = pytest.mark.containers

DEADLINE = 30
CONFIGURATION = """
[keys]
DATABASE
[limits]
storage = "redis+unix://DIRECTORY/redis.sock"
[audit]
DATABASE
[[providers]]
id = "openai"
surfaces = ["openai-chat"]
base_url = "UPSTREAM/openai/v1"
credential = { env = "OPENAI_API_KEY" }
"""
DATABASE = """database = "postgresql://gateway@/gateway?host=DIRECTORY"
password = { env = "DATABASE_PASSWORD" }"""


def test_the_reference_gateway_as_two_replicas_is_certified(tmp_path: Path) -> None:
    target = tmp_path / "replicas.toml"
    target.write_text(reference_as_two_replicas(), encoding="utf-8")
    profiles = ["keys", "limits", "isolation"]
    report = certification(str(target), profiles, [], tmp_path / "out", None, workers=0, console=None)
    assert {check.id for check in report.checks if check.outcome not in {"pass", "not-applicable"}} == set()
    passed = {check.id for check in report.checks if check.outcome == "pass"}
    assert passed >= {
        *("keys/replicas/minted", "keys/replicas/revoked", "keys/replicas/expired", "limits/budget/exact"),
        *(f"limits/replicas/{name}" for name in ("requests", "burst", "streams", "budget")),
    }
    assert report.verdict == "conformant"


class Fleet:
    """`urls` are the gateways'."""

    def __init__(self, directory: Path, containers: list[DockerContainer], ports: list[int]) -> None:
        self._config = directory / "gateway.toml"
        self.containers = containers
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]

    def said(self, *arguments: str) -> str:
        """By a command that runs beside the fleet, on the same database."""
        result = CliRunner().invoke(main, [*arguments, "--config", str(self._config)])
        assert result.exit_code == 0, result.stderr
        return result.stdout.strip()

    def audit(self) -> list[Any]:
        return [json.loads(line) for line in self.said("audit", "--json").splitlines()]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Fleet, UpstreamAddress]]:
    """The fleet and the upstream that it asks."""
    keys = {str(name): mint(name).value for name in Provider}
    environment = {PASSWORD: mint("database").value, "OPENAI_API_KEY": keys["openai"]}
    monkeypatch.setenv(PASSWORD, environment[PASSWORD])
    with ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="fleet-")))
        upstream = opened.enter_context(UpstreamProcess(keys))
        text = CONFIGURATION.replace("DATABASE\n", f"{DATABASE}\n").replace("DIRECTORY", str(directory))
        (directory / "gateway.toml").write_text(text.replace("UPSTREAM", upstream.url), encoding="utf-8")
        ports = [first := free_port(), free_port(first)]
        containers = opened.enter_context(fleet(directory, ports, environment))
        yield Fleet(directory, containers, ports), upstream


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=DEADLINE)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield session


def asked(client: aiohttp.ClientSession, url: str, key: str, prompt: str) -> Any:
    body = {"model": "gpt-5-mini", "stream": True, "messages": [{"role": "user", "content": prompt}]}
    return client.post(f"{url}/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"})


async def status(client: aiohttp.ClientSession, url: str, key: str, prompt: str) -> int:
    async with asked(client, url, key, prompt) as answer:
        await answer.read()
        return int(answer.status)


async def begun(client: aiohttp.ClientSession, url: str, key: str, prompt: str) -> aiohttp.ClientResponse:
    """A stream of which the first word has come, and the second is held back."""
    answer: aiohttp.ClientResponse = await asked(client, url, key, prompt)
    seen = b""
    while b"eins" not in seen:
        seen += await answer.content.readany()
    return answer


async def test_a_key_minted_at_one_ends_at_the_other_with_its_streams(
    house: tuple[Fleet, UpstreamAddress], client: aiohttp.ClientSession
) -> None:
    at, address = house
    async with Upstream(address) as upstream:
        script = await upstream.answers(Reply(text="hello"))
        held = await upstream.answers(Reply(text=("eins", "zwei"), delivery=Delivery(gated=True)))
        key = await asyncio.to_thread(at.said, "keys", "mint", "--name", "agent", "--run", "7")
        assert [await status(client, url, key, script.prompt) for url in at.urls] == [200, 200]
        streams = [await begun(client, url, key, held.prompt) for url in at.urls]
        assert await asyncio.to_thread(at.said, "keys", "revoke", "--run", "7") == "revoked: 1"
        assert [await status(client, url, key, script.prompt) for url in at.urls] == [401, 401]
        for stream in streams:
            assert b"invalid_api_key" in await stream.read()
        assert await held.caller_left()
        assert len(await script.journal()) == 2


async def test_no_limit_is_passed_by_going_to_the_other(
    house: tuple[Fleet, UpstreamAddress], client: aiohttp.ClientSession
) -> None:
    at, address = house
    here, there = at.urls
    async with Upstream(address) as upstream:
        script = await upstream.answers(Reply(text="hello"))
        held = await upstream.answers(Reply(text=("eins", "zwei"), delivery=Delivery(gated=True)))
        slow = await asyncio.to_thread(at.said, "keys", "mint", "--name", "slow", "--rpm", "3")
        assert [await status(client, url, slow, script.prompt) for url in (here, there, here, there, here)] == [
            *(200, 200, 200),
            *(429, 429),
        ]
        one = await asyncio.to_thread(at.said, "keys", "mint", "--name", "one", "--streams", "1")
        running = await begun(client, here, one, held.prompt)
        assert await status(client, there, one, script.prompt) == 429
        await held.release(5)
        assert b"zwei" in await running.read()
        async with asyncio.timeout(DEADLINE):
            while await status(client, there, one, script.prompt) == 429:
                pass


async def test_one_that_is_killed_in_mid_stream_loses_no_key_and_no_row(
    house: tuple[Fleet, UpstreamAddress], client: aiohttp.ClientSession
) -> None:
    at, address = house
    here, there = at.urls
    async with Upstream(address) as upstream:
        script = await upstream.answers(Reply(text="hello"))
        held = await upstream.answers(Reply(text=("eins", "zwei"), delivery=Delivery(gated=True)))
        key = await asyncio.to_thread(at.said, "keys", "mint", "--name", "agent")
        assert [await status(client, here, key, script.prompt) for _ in range(5)] == [200] * 5
        async with asyncio.timeout(DEADLINE):
            while len(await asyncio.to_thread(at.audit)) < 5:
                pass
        dying, living = [await begun(client, url, key, held.prompt) for url in (here, there)]
        await asyncio.to_thread(at.containers[0].get_wrapped_container().kill, "SIGKILL")
        with pytest.raises(aiohttp.ClientError):
            await dying.read()
        later = await asyncio.to_thread(at.said, "keys", "mint", "--name", "later")
        for each in (key, later):
            assert await status(client, there, each, script.prompt) == 200
        await held.release(5)
        assert b"zwei" in await living.read()
        assert "later" in await asyncio.to_thread(at.said, "keys", "list")
        async with asyncio.timeout(DEADLINE):
            while len(rows := await asyncio.to_thread(at.audit)) < 8:
                pass
        assert [row["end"] for row in rows] == ["complete"] * 8
