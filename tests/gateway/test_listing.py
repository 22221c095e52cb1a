"""`gateway audit`, as its reader sees it."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession
from click.testing import CliRunner, Result

from gateway import Gateway, load
from gateway.cli import main
from gateway.sinks import Entry, Sink, sinks_of, timestamp
from tests.gateway.conftest import RawClient, ScriptedUpstream

if TYPE_CHECKING:
    from pathlib import Path

Shown = Callable[..., Result]
KINDS = {"lines": 'path = "audit.jsonl"', "table": 'database = "audit.db"', "both": 'path = "a"\ndatabase = "b"'}


@pytest.fixture(params=KINDS)
def config(request: pytest.FixtureRequest, config: Path) -> Path:
    config.write_text(config.read_text().replace('path = "audit.jsonl"', KINDS[request.param]))
    return config


@pytest.fixture
def shown(config: Path) -> Shown:
    return lambda *arguments: CliRunner().invoke(main, ["audit", "--config", str(config), *arguments])


@pytest.fixture
def sinks(config: Path) -> list[Sink]:
    return sinks_of(load(config).audit)


def wrote(sinks: list[Sink], *rows: dict[str, Any]) -> None:
    for sink in sinks:
        sink.open()
        sink.write(deque(map(Entry.of, rows)))
        sink.close()


def without_audit(config: Path) -> None:
    config.write_text(re.sub(r"\[audit\][^[]*", "", config.read_text()))


async def test_calls_are_found_again(config: Path, key: str, upstream: ScriptedUpstream, shown: Shown) -> None:
    upstream.says(b'{"model": "gpt-5-mini", "usage": {"prompt_tokens": 1000, "completion_tokens": 1000}}')
    async with Gateway(load(config)) as gateway, ClientSession() as session:
        client = RawClient(session, gateway.url, key)
        await client.ask("POST", "/v1/chat/completions", b'{"model": "gpt-5-mini"}')
        await client.ask("GET", "/nowhere")
    heading, call, refusal = shown().stdout.splitlines()
    assert heading.split()[:4] == ["time", "status", "key", "run"]
    assert call.split()[2:-2] == [
        "200",
        "tester",
        "-",
        "openai-chat",
        "gpt-5-mini",
        "openai",
        "1000",
        "1000",
        "0.002250",
    ]
    assert refusal.split()[2] == "404"
    assert refusal.endswith("refused unknown_url")
    [row] = map(json.loads, shown("--json", "--status", "4xx", "--key", "tester").stdout.splitlines())
    assert (row["status"], row["path"]) == (404, "/nowhere")


async def test_rows_are_chosen(sinks: list[Sink], shown: Shown) -> None:
    now = time.time()
    wrote(
        sinks,
        {"ts": timestamp(now - 7200), "run": "r1", "status": 200, "model": "gpt-x"},
        {"ts": timestamp(now - 60), "run": "r2", "status": 429, "key": "f00d"},
        {"ts": timestamp(now), "run": "r2", "status": 200, "client_model": "fast"},
    )

    def runs(*arguments: str) -> list[str]:
        return [json.loads(line)["run"] for line in shown("--json", *arguments).stdout.splitlines()]

    assert runs() == ["r1", "r2", "r2"]
    assert runs("--since", "1h") == runs("--run", "r2") == runs("--limit", "2") == ["r2", "r2"]
    assert runs("--model", "gpt-x") == ["r1"]
    assert runs("--model", "fast") == runs("--key", "f00d") == runs("--status", "429") == ["r2"]
    assert runs("--status", "5xx") == []


async def test_a_models_name_does_not_move_the_readers_cursor(sinks: list[Sink], shown: Shown) -> None:
    wrote(sinks, {"ts": timestamp(0), "client_model": "\x1b[2Jfast\nfaster\u202e"})
    _, line = shown().stdout.splitlines()
    assert "?[2Jfast?faster?" in line


async def test_nothing_is_there_yet(shown: Shown) -> None:
    assert shown("--json").stdout == ""


@pytest.mark.parametrize(
    "arguments", [("--status", "6xx"), ("--status", "many"), ("--limit", "0"), ("--since", "soon")]
)
async def test_what_cannot_be_asked_for_is_told(shown: Shown, arguments: tuple[str, ...]) -> None:
    assert shown(*arguments).exit_code == 2


async def test_an_audit_that_cannot_be_read_is_told(tmp_path: Path, shown: Shown) -> None:
    for name in ("audit.jsonl", "audit.db", "b"):
        (tmp_path / name).mkdir()
    result = shown()
    assert result.exit_code == 1
    assert "cannot read" in result.stderr


async def test_no_audit_is_kept(config: Path, shown: Shown) -> None:
    without_audit(config)
    result = shown()
    assert result.exit_code == 1
    assert "has no [audit]" in result.stderr
