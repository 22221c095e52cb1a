"""Budgets as clients meet them: what is charged, and when it is spent."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from gateway import Gateway, Settings
from tests.gateway.limited import (
    ASKED,
    CENTS,
    DEADLINE,
    MODEL,
    Keys,
    added,
    answered,
    charged,
    holding,
    message,
    spent,
    until_served,
    with_more,
)
from tests.gateway.streams import MESSAGES, PATHS

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

    from gateway.keys import KeyStore
    from tests.gateway.conftest import RawClient, ScriptedUpstream


@pytest.fixture
def config(config: Path, upstream: ScriptedUpstream) -> Path:
    return with_more(config, upstream)


@pytest.fixture
def limited(client: RawClient, store: KeyStore) -> Keys:
    return Keys(client, store)


async def test_a_budget_is_exact(
    limited: Keys, upstream: ScriptedUpstream, store: KeyStore, settings: Settings, gateway: Gateway
) -> None:
    client = limited(budget_usd="0.0400")
    upstream.says(answered(**CENTS))
    statuses = [(await message(client)).status for _ in range(6)]
    assert statuses == [200] * 4 + [429] * 2  # four cost 4.002 cents: the last one began with 0.9985 left
    assert await charged(gateway, settings, client, store) == Decimal("0.04002")
    assert len(upstream.received) == 4


async def test_a_spent_budget_is_told_so_that_no_client_waits_for_it(
    limited: Keys, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    midnight = (int(time.time()) // 86400 + 1) * 86400
    monkeypatch.setattr("gateway.limiter.time", SimpleNamespace(time=lambda: midnight - 3600))
    client = limited(budget_usd="0.01", period_seconds=86400)
    upstream.says(answered(**CENTS))
    await message(client)
    refused = await message(client)
    assert refused.status == 429
    assert refused.json["error"]["type"] == "billing_error"
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(midnight))
    assert refused.values("x-should-retry") == ["false"]
    assert refused.values("x-gateway-budget-reset") == [at]
    assert at in refused.json["error"]["message"]
    assert refused.values("retry-after") == ["3600"]
    to_openai = await client.ask("POST", PATHS["openai-chat"], json.dumps({**ASKED, "model": "gpt-5-mini"}).encode())
    assert (to_openai.json["error"]["type"], to_openai.json["error"]["code"]) == ("insufficient_quota",) * 2
    assert (to_openai.values("x-should-retry"), to_openai.values("retry-after")) == (["false"], [])


async def test_a_spent_budget_is_spent_on_every_route(limited: Keys, upstream: ScriptedUpstream) -> None:
    client = limited(budget_usd="0")
    for path, model in [
        ("/v1/messages", MODEL),
        ("/v1/messages", "alias"),
        (PATHS["openai-chat"], "alias"),
        (PATHS["openai-chat"], "gpt-5-mini"),
        (PATHS["openai-responses"], "gpt-5-mini"),
        ("/v1/responses/compact", "gpt-5-mini"),
        ("/v1beta/models/gemini-2.5-flash:generateContent?model=other", "x"),
        ("/v1beta/models/alias:streamGenerateContent", "x"),
    ]:
        refused = await client.ask(
            "POST", path, json.dumps({**ASKED, "model": model, "contents": [], "input": "Hi"}).encode()
        )
        assert refused.status == 429, path
    assert not upstream.received


async def test_what_has_no_price_is_not_for_keys_with_a_budget(limited: Keys, upstream: ScriptedUpstream) -> None:
    client = limited(budget_usd="1")
    for more in ({"model": "never-seen"}, {"model": None}):
        refused = await message(client, **more)
        assert (refused.status, refused.json["error"]["type"]) == (403, "permission_error")
    assert (await client.ask("POST", "/v1/messages/batches", b"{}")).status == 403
    assert not upstream.received
    assert (await client.ask("GET", "/v1/messages/batches", headers=[("anthropic-version", "x")])).status == 200


async def test_a_fallback_without_a_price_is_not_tried(
    limited: Keys, config: Path, client: RawClient, upstream: ScriptedUpstream
) -> None:
    model = '[[models]]\nname = "{}"\nprovider = "anthropic"\nprotocol = "anthropic-messages"\n'
    more = model.format("unheard-of") + model.format("sure") + 'upstream_name = "claude-sonnet-4-5"\n'
    settings = added(config, more + 'fallback = ["unheard-of"]')
    upstream.says(b"{}", status=500)
    async with Gateway(settings) as gateway:
        assert (await message(replace(client, url=gateway.url), model="sure")).status == 502
        assert len(upstream.received) == 2
        assert (await message(replace(limited(budget_usd=1), url=gateway.url), model="sure")).status == 500
        assert len(upstream.received) == 3


async def test_what_has_no_price_may_be_let_pass(
    limited: Keys, config: Path, client: RawClient, upstream: ScriptedUpstream, store: KeyStore
) -> None:
    settings = added(config, '[limits]\nunpriced = "pass"')
    upstream.says(answered(**CENTS).replace(MODEL.encode(), b"never-seen"))
    async with Gateway(settings) as gateway:
        free = replace(limited(budget_usd="0.01"), url=gateway.url)
        assert (await message(free, model="never-seen")).status == 200
        assert (await free.ask("POST", "/v1/messages/batches", b"{}")).status == 200
        assert await charged(gateway, settings, free, store) == 0
        spent_one = replace(limited(budget_usd=0), url=gateway.url)
        assert (await message(spent_one, model="never-seen")).status == 429


async def test_streams_are_charged_as_they_report(
    limited: Keys, upstream: ScriptedUpstream, store: KeyStore, settings: Settings, gateway: Gateway
) -> None:
    client = limited(budget_usd="1")
    upstream.streams(*MESSAGES)
    assert (await message(client, stream=True)).body == b"".join(MESSAGES)
    assert (await message(client, model="alias", stream=True)).status == 200
    reported = [json.loads(event.split(b"data: ")[1]) for event in MESSAGES if b"message_delta" in event][-1]["usage"]
    cost = (7 * 3 + 5 * Decimal("0.3") + reported["output_tokens"] * 15) / 1_000_000
    assert await charged(gateway, settings, client, store) == 2 * cost


async def test_a_stream_that_is_given_up_is_charged_for_what_was_seen(
    limited: Keys, upstream: ScriptedUpstream, store: KeyStore, settings: Settings, gateway: Gateway
) -> None:
    client = limited(budget_usd="1", streams=1)
    text = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x" * 299}}
    sent = MESSAGES[0] + f"event: content_block_delta\ndata: {json.dumps(text)}\n\n".encode()
    holding(upstream, sent)
    async with asyncio.timeout(DEADLINE):
        body = json.dumps(ASKED).encode()
        running = await client.session.post(f"{client.url}/v1/messages", data=body, headers={"x-api-key": client.key})
        await running.content.readexactly(len(sent))
        running.close()
        upstream.says(b"{}", status=500)
        await until_served(client)
    assert await charged(gateway, settings, client, store) == (7 * 3 + 5 * Decimal("0.3") + 100 * 15) / 1_000_000


async def test_a_call_that_is_abandoned_before_its_answer_pays_the_question(
    limited: Keys, upstream: ScriptedUpstream, store: KeyStore, settings: Settings, gateway: Gateway
) -> None:
    client = limited(budget_usd="1", streams=1)

    asked = asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        asked.set()
        return await asyncio.Future()

    upstream.script = silent
    async with asyncio.timeout(DEADLINE):
        asking = asyncio.create_task(message(client, system="why? " * 600))
        await asked.wait()
        asking.cancel()
        await upstream.abandoned.wait()
        upstream.says(b"{}", status=500)
        await until_served(client)
    assert Decimal("0.003") < await charged(gateway, settings, client, store) < Decimal("0.005")


async def test_failures_cost_nothing(
    limited: Keys, upstream: ScriptedUpstream, store: KeyStore, settings: Settings, gateway: Gateway
) -> None:
    client = limited(budget_usd="1")
    upstream.says(answered(**CENTS), status=529)
    await message(client)
    assert await charged(gateway, settings, client, store) == 0


async def test_chat_streams_that_tell_no_usage_are_charged_by_their_text(
    limited: Keys, upstream: ScriptedUpstream, store: KeyStore, settings: Settings, gateway: Gateway
) -> None:
    client = limited(budget_usd="1")
    chunk = {"choices": [{"index": 0, "delta": {"content": "z" * 300}}]}
    upstream.streams(f"data: {json.dumps(chunk)}\n\n".encode() * 10, b"data: [DONE]\n\n")
    await client.ask("POST", PATHS["openai-chat"], json.dumps({**ASKED, "model": "gpt-5-mini"}).encode())
    cost = await charged(gateway, settings, client, store)
    assert Decimal("0.002") <= cost < Decimal("0.0021")  # 1,000 tokens at $2 a million, and the question


async def test_a_budget_is_shared_by_the_keys_of_a_run_and_by_replicas(
    limited: Keys, config: Path, upstream: ScriptedUpstream, settings: Settings
) -> None:
    shared = added(config, '[limits.run]\nbudget_usd = "0.03"')
    upstream.says(answered(**CENTS))
    async with Gateway(shared) as one, Gateway(shared) as two:
        clients = [replace(limited(run="7"), url=gateway.url) for gateway in (one, two, two, two)]
        statuses = [(await message(client)).status for client in clients]
        other = replace(limited(run="8"), url=one.url)
        assert (await message(other)).status == 200
    assert statuses == [200, 200, 200, 429]
    assert spent(settings, "run:7") == Decimal("0.030015")


async def test_two_hundred_streams_at_once_overshoot_a_budget_by_less_than_one_call(
    limited: Keys, upstream: ScriptedUpstream, store: KeyStore, settings: Settings, gateway: Gateway
) -> None:
    client = limited(budget_usd="0.05")  # a call may cost 500 * $15/M = 0.75 cents, and its question
    final = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 500}}
    upstream.streams(*MESSAGES[:2], f"event: message_delta\ndata: {json.dumps(final)}\n\n".encode(), MESSAGES[-1])
    async with asyncio.timeout(60):
        replies = await asyncio.gather(*(message(client, stream=True) for _ in range(200)))
    refused = [reply for reply in replies if reply.status == 429]
    assert len(refused) > 150
    cost = await charged(gateway, settings, client, store)
    assert Decimal("0.04") < cost < Decimal("0.05") + Decimal("0.0077")
    assert len(upstream.received) == 200 - len(refused)
