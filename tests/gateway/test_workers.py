"""Several processes behind one port: who dies is replaced, who is stopped finishes, and what one knows all know."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import parser

from tests.gateway.streams import STREAMS
from tests.gateway.test_cli import DEADLINE, refused, rewrite, run, serving, status
from tests.gateway.test_withdrawal import begins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from prometheus_client import Metric

    from tests.gateway.conftest import ScriptedUpstream

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")

PARSED: Callable[[str], Iterable[Metric]] = parser.text_string_to_metric_families
THREE = ("--port", "0", "--workers", "3")
MESSAGES = "/v1/messages"
FIRST = STREAMS["anthropic-messages"][0]


def children(process: asyncio.subprocess.Process) -> set[int]:
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
    return {int(line) for line in found.stdout.split()}


def rows(config: Path) -> list[Any]:
    """Those that are there in full: a line may just be in the writing."""
    lines = (config.parent / "audit.jsonl").read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def mint(config: Path) -> dict[str, str]:
    return {"x-api-key": run("keys", "mint", "--config", str(config), "--name", "ci").stdout.strip()}


@pytest.fixture
def headers(config: Path) -> dict[str, str]:
    return mint(config)


def another_connection(headers: dict[str, str]) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(force_close=True))


async def test_a_worker_that_is_killed_in_mid_stream_takes_nothing_along_but_its_own_calls(
    config: Path, upstream: ScriptedUpstream, headers: dict[str, str]
) -> None:
    async with serving(config, *THREE) as (process, url), another_connection(headers) as session:
        assert [await status(session, url) for _ in range(9)] == [200] * 9
        before = children(process)
        assert len(before) == 3
        minted = [mint(config) for _ in range(3)]
        begins(upstream, FIRST)
        streams = [await session.post(f"{url}{MESSAGES}", data=b"{}") for _ in range(9)]
        for stream in streams:
            assert await stream.content.readexactly(len(FIRST)) == FIRST
        async with asyncio.timeout(DEADLINE):
            while len(await asyncio.to_thread(rows, config)) < 9:
                pass
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        for stream in streams:
            async with stream:
                with pytest.raises(aiohttp.ClientError):
                    await stream.content.read()
        upstream.script = None
        for each in (*minted, headers):
            async with another_connection(each) as other:
                assert await status(other, url) == 200
        async with asyncio.timeout(DEADLINE):
            while len(now := await asyncio.to_thread(children, process)) < 3:
                pass
        assert now.isdisjoint(before)
        process.terminate()
    assert process.returncode == 0
    assert process.stderr
    said = (await process.stderr.read()).decode().splitlines()
    assert sorted(said) == [f"worker {number} ended with -9; another one takes its place" for number in range(3)]
    assert [row["end"] for row in rows(config)] == ["complete"] * 13


async def test_no_two_calls_have_the_same_id(config: Path, upstream: ScriptedUpstream, headers: dict[str, str]) -> None:
    async with serving(config, *THREE) as (process, url), another_connection(headers) as session:
        assert [await status(session, url) for _ in range(30)] == [200] * 30
        process.terminate()
    ids = [row["request_id"] for row in rows(config)]
    assert len(set(ids)) == len(ids) == 30


async def test_a_stop_lets_running_calls_finish_in_all_of_them(
    config: Path, upstream: ScriptedUpstream, headers: dict[str, str]
) -> None:
    asked, answer = asyncio.Semaphore(0), asyncio.Event()

    async def script(_: web.Request) -> web.Response:
        asked.release()
        await answer.wait()
        return web.json_response({"model": "late"})

    upstream.script = script
    rewrite(config, lambda text: text.replace("grace_seconds = 1", "grace_seconds = 20"))
    async with serving(config, *THREE) as (process, url), another_connection(headers) as session:
        pids = children(process)
        calls = [asyncio.create_task(session.post(f"{url}{MESSAGES}", data=b"{}")) for _ in range(9)]
        for _ in calls:
            await asked.acquire()
        process.terminate()
        await refused(url)
        answer.set()
        assert [await (await call).json() for call in calls] == [{"model": "late"}] * 9
    assert process.returncode == 0
    assert process.stderr
    assert await process.stderr.read() == b""
    assert not any(alive(pid) for pid in pids)
    assert [row["end"] for row in rows(config)] == ["complete"] * 9


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_without_their_parent_they_stop_too(config: Path, headers: dict[str, str]) -> None:
    async with serving(config, *THREE) as (process, url), another_connection(headers) as session:
        assert await status(session, url) == 200
        process.kill()
        await process.wait()
        async with asyncio.timeout(DEADLINE):
            await refused(url)


async def test_what_cannot_start_is_told_and_not_tried_for_ever(config: Path, tmp_path: Path) -> None:
    (tmp_path / "keys.sqlite3").write_text("no database at all, but long enough to be looked at" * 100)
    async with serving(config, *THREE) as (process, line):
        assert process.stderr
        said = (await process.stderr.read()).decode()
    assert (line, process.returncode) == ("", 1)
    assert {each.partition(":")[0] for each in said.splitlines()} == {"Error"}
    assert "not a database" in said


async def test_a_port_in_use_is_one_clear_line(config: Path, upstream: ScriptedUpstream) -> None:
    port = upstream.url.rpartition(":")[2]
    async with serving(config, "--port", port, "--workers", "2") as (process, line):
        assert process.stderr
        error = (await process.stderr.read()).decode()
    assert (line, process.returncode) == ("", 1)
    assert error.startswith("Error: cannot start: ")
    assert len(error.splitlines()) == 1


async def test_they_share_a_unix_socket(config: Path, tmp_path: Path, headers: dict[str, str]) -> None:
    path = tmp_path / "gw.sock"
    async with (
        serving(config, "--uds", str(path), "--workers", "2") as (process, url),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path)), headers=headers) as session,
    ):
        assert url == f"unix://{path}"
        assert await status(session, "http://gateway") == 200
        process.terminate()
    assert not path.exists()


async def test_they_count_together(config: Path, upstream: ScriptedUpstream) -> None:
    minted = run("keys", "mint", "--config", str(config), "--name", "slow", "--rpm", "5")
    async with (
        serving(config, *THREE) as (process, url),
        another_connection({"x-api-key": minted.stdout.strip()}) as session,
    ):
        asked = await asyncio.gather(*(status(session, url) for _ in range(30)))
        process.terminate()
    assert sorted(asked) == [200] * 5 + [429] * 25
    assert len(upstream.received) == 5


async def test_keys_and_metrics_of_all_are_found_at_each(
    config: Path, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    credential = "management-credential-0123456789"
    monkeypatch.setenv("TEST_MANAGEMENT", credential)
    more = '[management]\ncredential = { env = "TEST_MANAGEMENT" }\nport = 0\n[metrics]\nport = 0\n'
    rewrite(config, lambda text: text + more)
    async with serving(config, *THREE) as (process, url), another_connection(headers) as session:
        assert process.stdout
        lines = [(await process.stdout.readline()).decode().strip() for _ in range(2)]
        manages, tells = (line.rpartition(" ")[2] for line in lines)
        assert [await status(session, url) for _ in range(30)] == [200] * 30
        async with asyncio.timeout(DEADLINE):
            while (counted := await requests_by_worker(session, tells)).keys() != {"0", "1", "2"}:
                assert await status(session, url) == 200
        assert sum(counted.values()) >= 30
        bearer = {"Authorization": f"Bearer {credential}"}
        async with session.get(f"{manages}/keys", headers=bearer) as reply:
            [shown] = (await reply.json())["keys"]
        async with session.post(f"{manages}/keys/{shown['fingerprint']}/revoke", headers=bearer) as reply:
            assert reply.status == 200
        assert [await status(session, url) for _ in range(9)] == [401] * 9
        process.terminate()


async def requests_by_worker(session: aiohttp.ClientSession, url: str) -> dict[str, float]:
    async with session.get(url) as reply:
        families = PARSED(await reply.text())
    return {
        sample.labels["worker"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name == "llm_gateway_requests_total"
    }
