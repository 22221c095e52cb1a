"""The command line, as a user sees it: a process, its output, its exit code."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from gateway.cli import main
from tests.gateway.conftest import OPENAI_KEY, ScriptedUpstream
from tests.gateway.streams import STREAMS
from tests.gateway.test_withdrawal import begins

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

DEADLINE = 120


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def rewrite(config: Path, change: Callable[[str], str]) -> None:
    config.write_text(change(config.read_text()))


def the_row(config: Path) -> Any:
    [line] = (config.parent / "audit.jsonl").read_text().splitlines()
    return json.loads(line)


@pytest.fixture
def keys(config: Path) -> Callable[..., Result]:
    return lambda command, *arguments: run("keys", command, "--config", str(config), *arguments)


async def test_a_good_configuration_is_ok(config: Path) -> None:
    result = run("check", str(config))
    assert (result.exit_code, result.stdout) == (0, f"{config}: ok\n")


async def test_a_bad_configuration_is_told_line_by_line(config: Path) -> None:
    rewrite(config, lambda _: "[listen]\nport = 'x'\n[keys]\n")
    result = run("check", str(config))
    assert result.exit_code == 2
    assert [line.split(":")[1] for line in result.stderr.splitlines()] == [
        " listen.port",
        " keys.database",
        " providers",
    ]


async def test_a_key_is_shown_once(keys: Callable[..., Result]) -> None:
    plaintext = keys("mint", "--name", "ci").stdout.strip()
    assert plaintext.startswith("gw-")
    for shown in (keys("list"), keys("show", "ci"), keys("list", "--json"), keys("show", "ci", "--json")):
        assert shown.exit_code == 0
        assert "ci" in shown.stdout
        assert plaintext not in shown.stdout


async def test_a_key_may_be_held_to_a_family_that_is_there(config: Path, keys: Callable[..., Result]) -> None:
    rewrite(config, lambda text: text.replace('id = "anthropic"', 'id = "anthropic"\nfamily = "claude"'))
    minted = json.loads(keys("mint", "--name", "agent", "--family", "claude", "--json").stdout)
    assert minted["family"] == "claude"
    refused = keys("mint", "--name", "agent", "--family", "gemini")
    assert refused.exit_code == 2
    assert "no provider is of the family 'gemini'" in refused.stderr


async def test_a_key_is_minted_for_machines(keys: Callable[..., Result]) -> None:
    options = ("--name", "ci", "--expires-in", "2h", "--surface", "openai-chat", "--json")
    minted = json.loads(keys("mint", *options).stdout)
    shown = json.loads(keys("show", minted["fingerprint"], "--json").stdout)
    assert minted == {"key": minted["key"], **shown}
    assert (shown["state"], shown["surfaces"]) == ("valid", ["openai-chat"])


@pytest.mark.parametrize(("command", "state"), [("revoke", "revoked"), ("expire", "expired")])
async def test_a_key_is_ended(keys: Callable[..., Result], command: str, state: str) -> None:
    plaintext = keys("mint", "--name", "ci").stdout.strip()
    assert state in keys(command, plaintext).stdout
    assert json.loads(keys("list", "--json").stdout)[0]["state"] == state


async def test_a_key_that_is_not_there_is_an_error(keys: Callable[..., Result]) -> None:
    result = keys("revoke", "nobody")
    assert (result.exit_code, result.stderr) == (1, "Error: no such key\n")


@pytest.mark.parametrize("duration", ["soon", "-1", "1w", ""])
async def test_a_duration_must_be_one(keys: Callable[..., Result], duration: str) -> None:
    assert keys("mint", "--name", "ci", "--expires-in", duration).exit_code == 2


async def test_keys_can_be_kept_where_no_provider_key_is(
    keys: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_OPENAI_KEY")
    assert keys("mint", "--name", "ci").exit_code == 0


@asynccontextmanager
async def serving(config: Path, *arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "serve", "--config", str(config), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TEST_OPENAI_KEY": OPENAI_KEY},
    )
    assert process.stdout
    try:
        async with asyncio.timeout(DEADLINE):
            line = (await process.stdout.readline()).decode()
            yield process, line.removeprefix("listening on ").strip()
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_lets_running_calls_finish(
    config: Path, upstream: ScriptedUpstream, keys: Callable[..., Result], signum: signal.Signals
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def script(_: web.Request) -> web.Response:
        asked.set()
        await answer.wait()
        return web.json_response({"model": "late"})

    upstream.script = script
    headers = {"x-api-key": keys("mint", "--name", "ci").stdout.strip()}
    async with serving(config, "--port", "0") as (process, url), aiohttp.ClientSession(headers=headers) as session:
        call = asyncio.create_task(session.post(f"{url}/v1/messages", data=b"{}"))
        await asked.wait()
        process.send_signal(signum)
        await refused(url)
        answer.set()
        assert await (await call).json() == {"model": "late"}
    assert process.returncode == 0
    assert process.stderr
    assert await process.stderr.read() == b""
    assert the_row(config)["end"] == "complete"


async def refused(url: str) -> None:
    """Until nothing listens any more."""
    host, port = url.removeprefix("http://").split(":")
    while True:
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except ConnectionError:
            return
        writer.close()


async def test_a_call_that_outlives_the_grace_period_is_cut(
    config: Path, upstream: ScriptedUpstream, keys: Callable[..., Result]
) -> None:
    rewrite(config, lambda text: text.replace("grace_seconds = 1", "grace_seconds = 0.05"))
    asked = asyncio.Event()

    async def script(_: web.Request) -> web.Response:
        asked.set()
        return await asyncio.Future()

    upstream.script = script
    headers = {"x-api-key": keys("mint", "--name", "ci").stdout.strip()}
    async with serving(config) as (process, url), aiohttp.ClientSession(headers=headers) as session:
        call = asyncio.create_task(session.post(f"{url}/v1/messages", data=b"{}"))
        await asked.wait()
        process.terminate()
        with pytest.raises(aiohttp.ClientError):
            await call
    assert process.returncode == 0
    assert the_row(config)["end"] == "error"


async def test_a_key_revoked_by_the_command_line_stops_in_the_running_server(
    config: Path, keys: Callable[..., Result]
) -> None:
    headers = {"x-api-key": keys("mint", "--name", "ci").stdout.strip()}
    async with serving(config) as (process, url), aiohttp.ClientSession(headers=headers) as session:
        assert await status(session, url) == 200
        keys("revoke", "ci")
        assert await status(session, url) == 401
        process.terminate()


async def test_a_run_that_is_ended_by_the_command_line_takes_its_streams_with_it(
    config: Path, upstream: ScriptedUpstream, keys: Callable[..., Result]
) -> None:
    sent = STREAMS["anthropic-messages"][0]
    begins(upstream, sent)
    headers = {"x-api-key": keys("mint", "--name", "ci", "--run", "7").stdout.strip()}
    async with serving(config) as (process, url), aiohttp.ClientSession(headers=headers) as session:
        response = await session.post(f"{url}/v1/messages", data=b"{}")
        assert await response.content.readexactly(len(sent)) == sent
        assert keys("delete", "--run", "7").stdout == "deleted: 1\n"
        assert b"This gateway key has been deleted." in await response.content.read()
        await upstream.abandoned.wait()
        process.terminate()
    assert the_row(config)["end"] == "withdrawn"


async def test_a_unix_socket_is_served(config: Path, tmp_path: Path, keys: Callable[..., Result]) -> None:
    path = tmp_path / "gw.sock"
    headers = {"x-api-key": keys("mint", "--name", "ci").stdout.strip()}
    connector = aiohttp.UnixConnector(str(path))
    async with (
        serving(config, "--uds", str(path)) as (process, url),
        aiohttp.ClientSession(connector=connector, headers=headers) as session,
    ):
        assert url == f"unix://{path}"
        assert await status(session, "http://gateway") == 200
        process.terminate()


async def status(session: aiohttp.ClientSession, url: str) -> int:
    async with session.post(f"{url}/v1/messages", data=b"{}") as reply:
        return reply.status


async def test_a_port_in_use_is_one_clear_line(config: Path, upstream: ScriptedUpstream) -> None:
    port = upstream.url.rpartition(":")[2]
    async with serving(config, "--port", port) as (process, line):
        assert process.stderr
        error = (await process.stderr.read()).decode()
    assert (line, process.returncode) == ("", 1)
    assert error.startswith("Error: cannot start: ")
    assert len(error.splitlines()) == 1


async def test_help_names_the_commands() -> None:
    output: Any = run("--help").stdout
    assert all(command in output for command in ("serve", "keys", "check"))
