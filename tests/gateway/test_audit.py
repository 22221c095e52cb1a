"""One row for each call, with everything but the secrets and the prompts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession, web

from gateway import Gateway, Settings, prices
from gateway.audit import AuditLog
from gateway.sinks import Lines
from tests.gateway.conftest import ANTHROPIC_KEY, OPENAI_KEY, RawClient, ScriptedUpstream
from tests.gateway.streams import PATHS, STREAMS

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.surfaces import Surface

Rows = Callable[[], list[dict[str, Any]]]
Asked = Callable[..., Any]
USAGE = {"input": 12, "output": 9, "cache_read": 5, "cache_write": 0}
REASONING: dict[Surface, int] = {"openai-chat": 0, "openai-responses": 3, "anthropic-messages": 0}


@pytest.fixture
def one_row(settings: Settings, key: str, audited: Rows) -> Asked:
    """What one call leaves in the audit of a gateway that has stopped."""

    async def ask(*args: Any, **kwargs: Any) -> dict[str, Any]:
        async with Gateway(settings) as gateway, ClientSession() as session:
            await RawClient(session, gateway.url, key).ask(*args, **kwargs)
        [row] = audited()
        return row

    return ask


async def test_a_row_says_who_asked_what_of_whom_and_how_it_went(
    one_row: Asked, upstream: ScriptedUpstream, key: str, store: Any
) -> None:
    upstream.says(b'{"model": "gpt-x-1", "usage": {"prompt_tokens": 3}}', x_request_id="req_up")
    row = await one_row("POST", "/v1/chat/completions?a=1", b'{"model": "gpt-x", "secret": "prompt"}')
    assert row.pop("ts").endswith("+00:00")
    assert row.pop("request_id").startswith("req_")
    assert row.pop("duration_ms") >= row.pop("ttfb_ms") > row["attempts"][0].pop("ms") > 0
    assert row == {
        "key": store.named(key).fingerprint,
        "key_name": "tester",
        **dict.fromkeys(["trace_id", "run", "session", "subject", "team", "agent_session"]),
        "surface": "openai-chat",
        "method": "POST",
        "path": "/v1/chat/completions",
        "route": "/v1/chat/completions",
        "provider": "openai",
        "protocol": "openai-chat",
        "upstream_host": "127.0.0.1",
        "tried": ["openai"],
        "attempts": [{"provider": "openai", "status": 200, "error": None}],
        "dropped": [],
        "model": "gpt-x-1",
        "client_model": "gpt-x",
        "upstream_model": "gpt-x",
        "upstream_request_id": "req_up",
        "status": 200,
        "stream": False,
        "ttft_ms": None,
        "usage": {"input": 3, "output": 0, "cache_read": 0, "cache_write": 0, "reasoning": 0},
        "cost_usd": None,
        "price_status": "unpriced",
        "price_source": prices.SOURCE,
        "bytes_in": 38,
        "bytes_out": 51,
        "secrets_injected": ["TEST_OPENAI_KEY"],
        "decision": "allow",
        "rule": None,
        "end": "complete",
        "aborted_by": None,
    }


@pytest.mark.parametrize("surface", STREAMS)
async def test_a_streams_usage_is_read(one_row: Asked, upstream: ScriptedUpstream, surface: Surface) -> None:
    upstream.streams(*STREAMS[surface])
    row = await one_row("POST", PATHS[surface], b"{}")
    assert row["usage"] == USAGE | {"reasoning": REASONING[surface]}
    assert (row["stream"], row["end"], row["status"]) == (True, "complete", 200)
    assert row["model"] in {"gpt-x", "claude-x"}


@pytest.mark.parametrize("coding", ["gzip", "br"])
@pytest.mark.parametrize("surface", STREAMS)
async def test_usage_is_read_in_compressed_streams(
    one_row: Asked, upstream: ScriptedUpstream, surface: Surface, coding: str
) -> None:
    stream = b"".join(STREAMS[surface])
    packed = import_module("gzip" if coding == "gzip" else "brotli").compress(stream)
    upstream.says(packed, content_encoding=coding, content_type="text/event-stream")
    row = await one_row("POST", PATHS[surface], b"{}")
    assert (row["usage"], row["end"]) == (USAGE | {"reasoning": REASONING[surface]}, "complete")


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[1]",
        b'"text"',
        b'{"usage": 3}',
        b'{"usage": {"prompt_tokens": "many"}}',
        b'{"usage": {"prompt_tokens_details": 7}}',
        b'{"choices": null, "usage": null}',
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
async def test_an_answer_that_cannot_be_metered_is_relayed_all_the_same(
    one_row: Asked, upstream: ScriptedUpstream, body: bytes, content_type: str
) -> None:
    upstream.says(b"data: " + body if "stream" in content_type else body, content_type=content_type)
    row = await one_row("POST", "/v1/chat/completions", b'{"model": "gpt-x"}')
    assert (row["status"], row["usage"], row["model"]) == (200, None, "gpt-x")


async def test_a_body_that_is_not_coded_as_it_says_is_relayed_all_the_same(
    one_row: Asked, upstream: ScriptedUpstream, client: RawClient
) -> None:
    upstream.says(b'{"not": "gzip"}', content_encoding="gzip")
    assert (await client.ask("POST", "/v1/messages", b"{}")).body == b'{"not": "gzip"}'


async def test_a_refusal_leaves_a_row(one_row: Asked) -> None:
    row = await one_row("POST", "/v1/messages", b"{}", [("x-api-key", "gw-wrong")], anonymous=True)
    assert (row["status"], row["decision"], row["rule"], row["end"]) == (401, "deny", "invalid_api_key", "refused")
    assert (row["key"], row["surface"], row["secrets_injected"]) == (None, None, [])


async def test_an_upstreams_error_and_a_broken_stream_leave_rows(
    settings: Settings, key: str, upstream: ScriptedUpstream, audited: Rows
) -> None:
    async with Gateway(settings) as gateway, ClientSession() as session:
        client = RawClient(session, gateway.url, key)
        upstream.says(b"{}", 429)
        await client.ask("POST", "/v1/messages", b'{"model": "claude-x"}')
        upstream.streams(b"data: {}\n\n", cut=True)
        await client.ask("POST", "/v1/messages", b"{}")
        upstream.says(b"", 302)
        await client.ask("POST", "/v1/messages", b"{}")
    rows = audited()
    assert [(row["status"], row["end"]) for row in rows] == [(429, "complete"), (200, "upstream-cut"), (502, "error")]
    assert [row["aborted_by"] for row in rows] == [None, "upstream", None]
    assert rows[0]["model"] == "claude-x"


async def test_a_client_that_goes_away_leaves_a_row(
    settings: Settings, key: str, upstream: ScriptedUpstream, audited: Rows
) -> None:
    async def script(_: web.Request) -> web.StreamResponse:
        call.cancel()
        return await asyncio.Future()

    upstream.script = script
    async with Gateway(settings) as gateway, ClientSession() as session:
        call = asyncio.create_task(RawClient(session, gateway.url, key).ask("POST", "/v1/messages", b"{}"))
        await upstream.abandoned.wait()
    [row] = audited()
    assert (row["end"], row["aborted_by"], row["status"]) == ("client-abort", "client", None)
    assert [(each["status"], each["error"]) for each in row["attempts"]] == [(None, "unanswered")]


async def test_a_client_that_hangs_up_after_the_end_has_had_it_all(
    settings: Settings, key: str, upstream: ScriptedUpstream, audited: Rows
) -> None:
    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: [DONE]\n\n")
        return await asyncio.Future()

    upstream.script = script
    async with Gateway(settings) as gateway, ClientSession() as session:
        headers = {"x-api-key": key}
        async with session.post(f"{gateway.url}/v1/chat/completions", headers=headers) as response:
            await response.content.readexactly(len(b"data: [DONE]\n\n"))
        await upstream.abandoned.wait()
    [row] = audited()
    assert row["end"] == "complete"


async def test_no_secret_and_no_prompt_is_ever_written(
    settings: Settings, key: str, upstream: ScriptedUpstream
) -> None:
    upstream.says(f"{OPENAI_KEY} {ANTHROPIC_KEY}".encode(), 401)
    async with Gateway(settings) as gateway, ClientSession() as session:
        client = RawClient(session, gateway.url, key)
        for path in PATHS.values():
            await client.ask("POST", f"{path}?key={key}", b'{"messages": "a deep question"}', [("x-api-key", key)])
    assert settings.audit
    assert settings.audit.path is not None
    text = settings.audit.path.read_text()
    assert not [secret for secret in (key, OPENAI_KEY, ANTHROPIC_KEY, "question") if secret in text]
    assert len(text.splitlines()) == len(PATHS)


async def test_too_many_rows_are_written_by_whoever_brings_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.audit.MOST_ROWS_WAITING", 2)
    path = tmp_path / "audit.jsonl"
    async with AuditLog([Lines(path, 1000, 1)]) as audit:
        for number in range(2):
            audit.record({"number": number})
        assert [json.loads(line)["number"] for line in path.read_text().splitlines()] == [0, 1]


async def test_an_audit_that_cannot_be_written_breaks_no_call(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "audit.jsonl"
    async with AuditLog([Lines(path, 1000, 1)]) as audit:
        path.unlink()
        path.mkdir()
        audit.record({})
    assert "1 rows were lost" in caplog.text
