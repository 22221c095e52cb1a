"""What else a row of the audit says, and what it must not be made to say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from aiohttp import ClientSession, web

from gateway import Gateway, Settings, load
from gateway.keys import KeyStore, VirtualKey
from gateway.rows import MOST_CHARACTERS
from tests.gateway.conftest import OPENAI_KEY, RawClient, ScriptedUpstream

if TYPE_CHECKING:
    from pathlib import Path

ALIAS = """
[[models]]
name = "fast"
provider = "openai"
protocol = "openai-chat"
upstream_name = "gpt-5-mini"
"""
Rows = Callable[[], list[dict[str, Any]]]
CHAT = "/v1/chat/completions"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SESSION = "0b5ad7f2-24b9-4b47-a34e-2b7c0f1f1f11"
SONNET = {
    "model": "claude-sonnet-4-5",
    "usage": {
        "input_tokens": 600,
        "cache_read_input_tokens": 300,
        "cache_creation_input_tokens": 100,
        "output_tokens": 200,
    },
}


@pytest.fixture
def rows(settings: Settings, key: str, audited: Rows) -> Callable[..., Any]:
    """The rows of some requests, asked one after the other of a gateway that has stopped then."""

    async def ask(*requests: tuple[Any, ...], anonymous: bool = False) -> list[dict[str, Any]]:
        async with Gateway(settings) as gateway, ClientSession() as session:
            client = RawClient(session, gateway.url, key)
            for request in requests:
                await client.ask(*request, anonymous=anonymous)
        return audited()

    return ask


def add(config: Path, more: str) -> None:
    config.write_text(config.read_text() + more)


async def test_a_row_names_the_run_and_whose_it_is(
    rows: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, store: KeyStore
) -> None:
    found = KeyStore.find

    def find(self: KeyStore, plaintext: str) -> VirtualKey | None:
        stored = found(self, plaintext)
        return stored and replace(stored, run="run-7", session="s-1", subject="kim", team="fjord")

    monkeypatch.setattr(KeyStore, "find", find)
    [row] = await rows(("POST", CHAT, b"{}"))
    assert [row[name] for name in ("run", "session", "subject", "team")] == ["run-7", "s-1", "kim", "fjord"]


@pytest.mark.parametrize(
    ("said", "trace"),
    [
        ([f"00-{TRACE}-{SPAN}-01"], TRACE),
        ([f"00-{TRACE}-{SPAN}-00"], TRACE),
        ([f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like"], TRACE),
        ([f"00-{TRACE}-{SPAN}-01-more"], None),
        ([f"ff-{TRACE}-{SPAN}-01"], None),
        ([f"00-{'0' * 32}-{SPAN}-01"], None),
        ([f"00-{TRACE}-{'0' * 16}-01"], None),
        ([f"00-{TRACE.upper()}-{SPAN}-01"], None),
        ([f"00-{TRACE}-{SPAN}-01"] * 2, None),
        ([], None),
    ],
)
async def test_a_row_names_the_callers_trace(rows: Callable[..., Any], said: list[str], trace: str | None) -> None:
    [row] = await rows(("POST", CHAT, b"{}", [("traceparent", value) for value in said]))
    assert row["trace_id"] == trace


@pytest.mark.parametrize(("said", "known"), [(SESSION, SESSION), ("gw-a-key-instead", None), (f"{SESSION} more", None)])
async def test_a_row_names_the_agents_session(rows: Callable[..., Any], said: str, known: str | None) -> None:
    [row] = await rows(("POST", "/v1/messages", b"{}", [("x-claude-code-session-id", said)]))
    assert row["agent_session"] == known


@pytest.mark.parametrize("body", [SONNET, SONNET | {"model": "claude-sonnet-4-5-20250929"}])
async def test_a_call_has_a_price(rows: Callable[..., Any], upstream: ScriptedUpstream, body: dict[str, Any]) -> None:
    """600 and 300 read and 100 written at 3, 0.30 and 3.75 dollars a million, 200 out at 15."""
    upstream.says(json.dumps(body).encode())
    [row] = await rows(("POST", "/v1/messages", b'{"model": "claude-sonnet-4-5"}'))
    assert (row["cost_usd"], row["price_status"]) == (0.005265, "priced")


async def test_a_streamed_call_has_a_price_and_a_first_piece(
    rows: Callable[..., Any], upstream: ScriptedUpstream
) -> None:
    usage = {"model": "gpt-5-mini", "choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 1000}}
    upstream.streams(f"data: {json.dumps(usage)}\n\n".encode(), b"data: [DONE]\n\n")
    [row] = await rows(("POST", CHAT, b'{"model": "gpt-5-mini", "stream": true}'))
    assert (row["cost_usd"], row["price_status"], row["end"]) == (0.00225, "priced", "complete")
    assert row["ttft_ms"] == row["ttfb_ms"] > 0


async def test_counts_that_contradict_each_other_have_no_price(
    rows: Callable[..., Any], upstream: ScriptedUpstream
) -> None:
    usage = {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 6}}
    upstream.says(json.dumps({"model": "gpt-5-mini", "usage": usage}).encode())
    [row] = await rows(("POST", CHAT, b'{"model": "gpt-5-mini"}'))
    assert (row["cost_usd"], row["price_status"], row["usage"]["cache_read"]) == (None, "unpriced", 6)


async def test_an_aliased_call_is_priced_by_the_providers_name(
    config: Path, upstream: ScriptedUpstream, key: str, audited: Rows
) -> None:
    add(config, ALIAS)
    upstream.says(b'{"model": "gpt-5-mini-2025-08-07", "usage": {"prompt_tokens": 1000, "completion_tokens": 1000}}')
    async with Gateway(load(config)) as gateway, ClientSession() as session:
        await RawClient(session, gateway.url, key).ask("POST", CHAT, b'{"model": "fast", "messages": []}')
    [row] = audited()
    assert (row["client_model"], row["upstream_model"], row["cost_usd"]) == ("fast", "gpt-5-mini", 0.00225)


async def test_a_refusal_is_named_by_its_rule(rows: Callable[..., Any]) -> None:
    asked = await rows(("GET", CHAT), ("POST", "/nowhere"), ("POST", "/v1/responses/x/cancel", b"{}"))
    assert [(row["status"], row["decision"], row["rule"]) for row in asked] == [
        (405, "deny", "method_not_supported"),
        (404, "deny", "unknown_url"),
        (200, "allow", None),
    ]


async def test_an_upstream_that_is_not_there_is_an_attempt_too(
    rows: Callable[..., Any], upstream: ScriptedUpstream
) -> None:
    async def script(request: web.Request) -> web.StreamResponse:
        assert request.transport
        request.transport.abort()
        return web.Response()

    upstream.script = script
    [row] = await rows(("POST", CHAT, b"{}"))
    assert (row["status"], row["decision"], row["rule"]) == (502, "allow", "upstream_error")
    [attempt] = row["attempts"]
    assert (attempt["status"], attempt["error"]) == (None, "ServerDisconnectedError")


async def test_a_key_is_not_written_wherever_a_client_puts_it(
    rows: Callable[..., Any], key: str, settings: Settings, upstream: ScriptedUpstream
) -> None:
    upstream.says(json.dumps({"model": OPENAI_KEY, "usage": {}}).encode(), x_request_id=f"id {OPENAI_KEY}")
    coded = "".join(f"%{byte:02x}" for byte in key.encode())
    asked = [
        ("POST", f"/v1/responses/{key}/cancel", b"{}"),
        ("POST", f"/v1/responses/{coded}/cancel", b"{}"),
        ("GET", f"/{quote(key)}"),
        ("POST", CHAT, json.dumps({"model": key}).encode()),
        ("POST", f"/v1beta/models/{key}:generateContent", b"{}"),
        ("POST", CHAT, b"{}", [("x-claude-code-session-id", key), ("traceparent", key)]),
    ]
    assert len(await rows(*asked)) == len(asked)
    assert settings.audit
    assert settings.audit.path is not None
    text = settings.audit.path.read_text()
    assert not [secret for secret in (key, coded, OPENAI_KEY) if secret in text]


async def test_a_wrong_key_is_not_written_either(rows: Callable[..., Any]) -> None:
    wrong = "gw-somebody-elses"
    asked = ("POST", f"/v1/{wrong}", json.dumps({"model": wrong}).encode(), [("x-api-key", wrong)])
    [row] = await rows(asked, anonymous=True)
    assert wrong not in json.dumps(row)
    assert row["path"] == "[redacted]"


async def test_a_prompt_has_no_room_where_a_name_belongs(rows: Callable[..., Any]) -> None:
    question = "why " * 4000
    [row] = await rows(("POST", CHAT, json.dumps({"model": question}).encode()))
    assert len(row["model"]) == len(row["client_model"]) == MOST_CHARACTERS
