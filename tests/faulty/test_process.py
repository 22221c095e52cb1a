"""The process of relays: starts, prints where it listens, and ends with whoever started it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from select import select
from typing import TYPE_CHECKING

import httpx2
import pytest

from conformance.faulty import FaultyDidNotStartError, FaultyProcess
from conformance.secrets import mint
from conformance.surface import Provider

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = {name: mint(name) for name in ("client", *Provider)}
NOWHERE = "http://127.0.0.1:9"


def test_it_announces_itself_and_is_gone_afterwards(tmp_path: Path) -> None:
    with FaultyProcess(NOWHERE, SECRETS, tmp_path / "log") as relays:
        assert httpx2.get(f"{relays.url}/healthz", trust_env=False).status_code == 200
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{relays.url}/healthz", trust_env=False)


def test_an_upstream_that_is_not_there_is_a_502_in_the_callers_protocol(tmp_path: Path) -> None:
    key = {"authorization": f"Bearer {SECRETS['client'].value}"}
    with (
        FaultyProcess(NOWHERE, SECRETS, tmp_path / "log") as relays,
        httpx2.Client(base_url=relays.url, trust_env=False) as http,
    ):
        claude = http.post("/v1/messages", json={}, headers=key)
        chat = http.post("/v1/chat/completions", json={}, headers=key)
    assert (claude.status_code, claude.json()["error"]["type"]) == (502, "api_error")
    assert (chat.status_code, chat.json()["error"]["type"]) == (502, "server_error")


async def test_an_upstream_that_hangs_up_is_called_once(tmp_path: Path) -> None:
    """aiohttp's client would repeat a GET by itself."""
    calls = 0

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.close()
        await writer.wait_closed()

    key = {"authorization": f"Bearer {SECRETS['client'].value}"}
    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        with FaultyProcess(
            f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", SECRETS, tmp_path / "log"
        ) as relays:
            async with httpx2.AsyncClient(base_url=relays.url, trust_env=False) as http:
                answer = await http.get("/v1/models", headers=key)
    assert (answer.status_code, calls) == (502, 1)


def test_a_process_that_cannot_start_says_why(tmp_path: Path) -> None:
    relays = FaultyProcess(NOWHERE, SECRETS, tmp_path / "log")
    relays._command.append("--no-such-option")
    with pytest.raises(FaultyDidNotStartError, match="no-such-option"), relays:
        assert relays.url


_PARENT = """
import sys
from pathlib import Path
from conformance.faulty import FaultyProcess
from conformance.secrets import mint
from conformance.surface import Provider
secrets = {name: mint(name) for name in ("client", *Provider)}
with FaultyProcess("http://127.0.0.1:9", secrets, Path(sys.argv[1])) as relays:
    assert relays.url
    print(relays._process.pid, flush=True)
    sys.stdin.read()
"""


def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, tmp_path / "log"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        child = os.pidfd_open(pid)
        parent.send_signal(signal.SIGKILL)
        ended, _, _ = select([child], [], [], 30)
        os.close(child)
    assert ended


def test_one_fault_can_be_the_process_of_its_own(tmp_path: Path) -> None:
    relays = FaultyProcess(NOWHERE, SECRETS, tmp_path / "log")
    relays._command += ["--fault", "refuses-with-400"]
    with relays:
        assert httpx2.get(f"{relays.url}/v1/models", trust_env=False).status_code == 400
