"""The upstream's process starts, tells where it listens, and never outlives whoever started it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from conformance.upstream import (
    Delivery,
    Reply,
    Upstream,
    UpstreamAddress,
    UpstreamDidNotStartError,
    UpstreamProcess,
)
from tests.upstream.conftest import KEYS
from tests.upstream.raw import chat, connected

PARENT = """
import json, sys
from dataclasses import asdict
from conformance.upstream import UpstreamProcess
print(json.dumps(asdict(UpstreamProcess({}).start())), flush=True)
sys.stdin.read()
"""


async def test_it_serves_until_its_context_ends() -> None:
    with UpstreamProcess(KEYS) as address:
        async with Upstream(address) as upstream:
            script = await upstream.answers(Reply(text="x"))
            assert await script.journal() == []
    assert not _listens(address.url)
    assert not _listens(address.control_url)


def test_it_ends_cleanly_and_stops_only_once() -> None:
    upstream = UpstreamProcess(KEYS)
    upstream.start()
    process = upstream._process
    assert process
    upstream.stop()
    upstream.stop()
    assert process.returncode == 0


def test_secrets_are_not_in_its_arguments() -> None:
    upstream = UpstreamProcess(KEYS, control_secret="control-secret")
    assert upstream.start().control_secret == "control-secret"
    process = upstream._process
    assert process
    try:
        shown = " ".join(str(argument) for argument in process.args)  # type: ignore[union-attr]  # a list, as we gave it
        assert not [secret for secret in (*KEYS.values(), "control-secret") if secret in shown]
    finally:
        upstream.stop()


def test_a_port_that_is_taken_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UpstreamDidNotStartError, match="exit code 1"):
        UpstreamProcess(KEYS, port=taken.getsockname()[1]).start()
    said = capfd.readouterr().err
    assert "address already in use" in said
    assert "Traceback" not in said


def test_it_ends_when_its_parent_is_killed() -> None:
    """The parent's standard error is inherited by the upstream: it ends when both have gone."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert parent.stdout
    address = UpstreamAddress(**json.loads(parent.stdout.readline()))
    assert _listens(address.url)
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate(timeout=60)
    assert not _listens(address.url)


def test_it_needs_neither_pytest_nor_the_sdks() -> None:
    loaded = "import conformance.upstream.__main__, sys; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout
    assert not {"pytest", "openai", "anthropic", "hypothesis"} & set(modules.split())


async def test_deliveries_are_the_same_on_its_own_event_loop() -> None:
    with UpstreamProcess(KEYS) as address:
        async with Upstream(address) as upstream:
            await _cut(upstream)
            await _pieces(upstream)
            await _left(upstream)


async def _cut(upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="x", delivery=Delivery(cut_after=2)))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt, stream=True, version="1.0"))
        with pytest.raises(ConnectionResetError):
            await line.reader.read()
    assert (await script.received()).sent.count(b"data: ") == 2


async def _pieces(upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="x", delivery=Delivery(chunk_bytes=1)))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt, stream=True))
        await line.head()
        assert {len(chunk) for chunk in await line.chunks()} == {1}


async def _left(upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="x", delivery=Delivery(hold_headers=True)))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt, stream=True))
        await script.arrived()
    assert await script.caller_left()


async def test_an_interrupt_is_for_the_parent_to_judge() -> None:
    upstream = UpstreamProcess(KEYS)
    async with Upstream(upstream.start()) as checks:
        assert upstream._process
        upstream._process.send_signal(signal.SIGINT)
        assert await checks.journal() == []
    upstream.stop()


async def test_it_stops_at_once_though_an_answer_is_held() -> None:
    upstream = UpstreamProcess(KEYS)
    async with Upstream(upstream.start()) as checks:
        script = await checks.answers(Reply(text="x", delivery=Delivery(hold_headers=True)))
        async with connected(checks.url) as line:
            await line.send(chat(script.prompt))
            await script.arrived()
            process = upstream._process
            upstream.stop()
            assert process
            assert process.returncode == 0
            assert await line.reader.read() == b""


def _listens(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rsplit(":", 1)[1]))) == 0
