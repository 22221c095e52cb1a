"""Limits as clients meet them: what passes, what is refused and how, and what is charged."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest
from aiohttp import web

from gateway import Gateway, Settings, load
from gateway.config import ConfigError
from gateway.keys import KeyStore
from gateway.limits import Limit, dollars
from gateway.spend import SpendStore
from tests.gateway.conftest import RawClient, Reply, ok
from tests.gateway.streams import MESSAGES, PATHS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateway.conftest import ScriptedUpstream

DEADLINE = 10
MODEL = "claude-sonnet-4-5"  # $3 and $15 a million
CENTS = {"input_tokens": 1000, "output_tokens": 467}  # 1.0005 cents
ASKED = {"model": MODEL, "max_tokens": 500, "messages": [{"role": "user", "content": "Hi"}]}
MORE = """
routes = ["batches"]
[[providers]]
id = "gemini"
surfaces = ["gemini"]
base_url = "{upstream}/gemini"
credential = {{ file = "anthropic.key" }}
auth = "x-goog-api-key"
[[models]]
name = "alias"
provider = "anthropic"
protocol = "anthropic-messages"
upstream_name = "claude-sonnet-4-5"
"""


@pytest.fixture
def config(config: Path, upstream: ScriptedUpstream) -> Path:
    config.write_text(config.read_text() + MORE.format(upstream=upstream.url))
    return config


def added(config: Path, more: str) -> Settings:
    config.write_text(f"{config.read_text()}\n{more}\n")
    return load(config)


class Keys:
    """Clients of the gateway with keys of these limits."""

    def __init__(self, client: RawClient, store: KeyStore) -> None:
        self._client = client
        self._store = store

    def __call__(self, run: str | None = None, team: str | None = None, **limits: Any) -> RawClient:
        return replace(
            self._client, key=self._store.mint("limited", run=run, team=team, limits=Limit(**limits)).plaintext
        )


@pytest.fixture
def limited(client: RawClient, store: KeyStore) -> Keys:
    return Keys(client, store)


async def message(client: RawClient, **more: Any) -> Reply:
    return await client.ask("POST", "/v1/messages", json.dumps({**ASKED, **more}).encode())


def answered(**usage: int) -> bytes:
    return json.dumps(
        {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": [], "usage": usage}
    ).encode()


async def charged(gateway: Gateway, settings: Settings, client: RawClient, store: KeyStore) -> Decimal:
    """When all that has been ordered is written."""
    await gateway._limiter._booking.hold("another", [])
    return spent(settings, f"key:{store.named(client.key).digest.hex()}")


def spent(settings: Settings, subject: str) -> Decimal:
    store = SpendStore(settings.keys.place)
    try:
        return dollars(store.spent(subject, 0))
    finally:
        store.close()


def holding(upstream: ScriptedUpstream, *pieces: bytes) -> asyncio.Event:
    """Streams that say these pieces, and then nothing until the event is set."""
    released = asyncio.Event()

    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        await released.wait()
        return response

    upstream.script = script
    return released


async def test_a_burst_gets_exactly_the_limit_through(limited: Keys, upstream: ScriptedUpstream) -> None:
    client = limited(requests_per_minute=5)
    replies = await asyncio.gather(*(message(client) for _ in range(12)))
    assert sorted(reply.status for reply in replies) == [200] * 5 + [429] * 7
    assert len(upstream.received) == 5
    refused = next(reply for reply in replies if reply.status == 429)
    assert refused.json["error"]["type"] == "rate_limit_error"
    assert 55 <= int(refused.values("retry-after")[0]) <= 60
    assert refused.values("x-should-retry") == ["true"]
    assert refused.values("anthropic-ratelimit-requests-limit") == ["5"]
    assert refused.values("anthropic-ratelimit-requests-remaining") == ["0"]
    assert refused.values("anthropic-ratelimit-requests-reset")[0].endswith("Z")


@pytest.mark.parametrize(
    ("path", "kind", "code"),
    [
        (PATHS["openai-chat"], "rate_limit_error", "rate_limit_exceeded"),
        (PATHS["openai-responses"], "rate_limit_error", "rate_limit_exceeded"),
        ("/v1beta/models/gemini-2.5-flash:generateContent", None, 429),
    ],
)
async def test_a_refusal_is_in_the_callers_envelope(
    limited: Keys, path: str, kind: str | None, code: str | int
) -> None:
    client = limited(requests_per_minute=1)
    await client.ask("POST", path, b"{}")
    refused = await client.ask("POST", path, b"{}")
    assert refused.status == 429
    error = refused.json["error"]
    assert (error.get("type"), error["code"]) == (kind, code)
    if kind is None:
        assert error["status"] == "RESOURCE_EXHAUSTED"
    else:
        assert refused.values("x-ratelimit-limit-requests") == ["1"]
        assert refused.values("x-ratelimit-remaining-requests") == ["0"]


async def test_the_sdks_say_what_it_is(limited: Keys, gateway: Gateway) -> None:
    key = limited(requests_per_minute=1).key
    async with (
        openai.AsyncOpenAI(api_key=key, base_url=f"{gateway.url}/v1", max_retries=0) as chat,
        anthropic.AsyncAnthropic(api_key=key, base_url=gateway.url, max_retries=0) as claude,
    ):
        await chat.models.with_raw_response.list()
        with pytest.raises(openai.RateLimitError, match="may use 1 requests a minute"):
            await chat.models.list()
        with pytest.raises(anthropic.RateLimitError, match="may use 1 requests a minute"):
            await claude.models.list()


async def test_every_route_counts(limited: Keys, upstream: ScriptedUpstream) -> None:
    client = limited(requests_per_minute=6)
    paths = [
        "/v1/messages/count_tokens",
        "/v1/messages?model=other",
        "/v1/messages/batches",
        "/v1/responses/abc",
        "/nowhere",
    ]
    for path in (*paths, "/v1/models"):
        await client.ask(
            "GET" if path in {"/v1/models", "/v1/responses/abc"} else "POST", path, json.dumps(ASKED).encode()
        )
    asked = len(upstream.received)
    for path in paths:
        assert (await client.ask("POST", path, b"{}")).status == 429
    assert (await message(client, model="alias")).status == 429
    assert (await client.ask("GET", "/v1/models")).status == 429
    assert len(upstream.received) == asked == 5


async def test_a_key_has_a_limit_of_its_own_and_a_team_one_for_all(
    limited: Keys, config: Path, store: KeyStore
) -> None:
    more = "[limits.team]\nrequests_per_minute = 3\n[limits.teams.big]\nrequests_per_minute = 9"
    async with Gateway(added(config, more)) as gateway:
        first, second, big = (replace(limited(team=team), url=gateway.url) for team in ("blue", "blue", "big"))
        alone = replace(limited(requests_per_minute=1), url=gateway.url)
        assert [(await message(client)).status for client in (first, second, first, second)] == [200, 200, 200, 429]
        assert "The team 'blue'" in (await message(first)).json["error"]["message"]
        assert [(await message(big)).status for _ in range(4)] == [200] * 4
        assert [(await message(alone)).status for _ in range(2)] == [200, 429]


async def test_tokens_are_counted_when_a_call_is_over(limited: Keys, upstream: ScriptedUpstream) -> None:
    client = limited(tokens_per_minute=1000)
    upstream.says(answered(input_tokens=300, cache_read_input_tokens=200, output_tokens=100))
    first = await message(client)
    assert first.values("anthropic-ratelimit-tokens-remaining") == ["1000"]
    assert (await message(client)).values("anthropic-ratelimit-tokens-remaining") == ["400"]
    refused = await message(client)
    assert refused.status == 429
    assert "1000 tokens a minute" in refused.json["error"]["message"]
    assert (await client.ask("POST", "/v1/messages/count_tokens", json.dumps(ASKED).encode())).status == 200
    assert len(upstream.received) == 3


async def test_a_good_answer_shows_the_keys_own_limits(
    limited: Keys, client: RawClient, upstream: ScriptedUpstream
) -> None:
    named: dict[str, Any] = {
        "x-ratelimit-limit-requests": "9999",
        "x-ratelimit-remaining-images": "7",
        "anthropic-ratelimit-unified-status": "ok",
    }
    upstream.says(b"{}", **named)
    shown = await limited(requests_per_minute=10).ask("POST", PATHS["openai-chat"], b"{}")
    assert shown.values("x-ratelimit-limit-requests") == ["10"]
    assert shown.values("x-ratelimit-remaining-requests") == ["9"]
    assert not shown.values("x-ratelimit-remaining-images") + shown.values("anthropic-ratelimit-unified-status")
    passed = await client.ask("POST", PATHS["openai-chat"], b"{}")
    assert passed.values("x-ratelimit-limit-requests") == ["9999"]
    upstream.says(b"{}", status=429, **named, retry_after="7")
    refused = await limited(requests_per_minute=10).ask("POST", PATHS["openai-chat"], b"{}")
    assert refused.values("x-ratelimit-limit-requests") == ["9999"]
    assert refused.values("retry-after") == ["7"]


async def test_a_place_is_free_when_its_stream_is_over(limited: Keys, upstream: ScriptedUpstream) -> None:
    client = limited(streams=1)
    released = holding(upstream, MESSAGES[0])
    async with asyncio.timeout(DEADLINE):
        running = await client.session.post(f"{client.url}/v1/messages", data=b"{}", headers={"x-api-key": client.key})
        refused = await message(client)
        assert refused.status == 429
        assert refused.values("retry-after") == ["1"]
        released.set()
        await running.read()
        assert (await message(client)).status == 200


async def test_a_place_is_free_when_its_client_has_left(limited: Keys, upstream: ScriptedUpstream) -> None:
    client = limited(streams=1)
    holding(upstream, MESSAGES[0])
    async with asyncio.timeout(DEADLINE):
        running = await client.session.post(f"{client.url}/v1/messages", data=b"{}", headers={"x-api-key": client.key})
        running.close()
        await upstream.abandoned.wait()
        upstream.script = ok
        assert (await until_served(client)).status == 200


async def until_served(client: RawClient) -> Reply:
    while (reply := await message(client)).status == 429:
        pass
    return reply


@pytest.mark.parametrize("status", [400, 429, 500])
async def test_a_place_is_free_when_the_upstream_has_refused(
    limited: Keys, upstream: ScriptedUpstream, status: int
) -> None:
    client = limited(streams=1)
    upstream.says(b"{}", status=status)
    assert [(await message(client)).status for _ in range(3)] == [status] * 3


async def test_a_budget_is_exact(
    limited: Keys, upstream: ScriptedUpstream, store: KeyStore, settings: Settings, gateway: Gateway
) -> None:
    client = limited(budget_usd="0.0400")
    upstream.says(answered(**CENTS))
    statuses = [(await message(client)).status for _ in range(6)]
    assert statuses == [200] * 4 + [429] * 2  # four cost 4.002 cents: the last one began with 0.9985 left
    assert await charged(gateway, settings, client, store) == Decimal("0.04002")
    assert len(upstream.received) == 4


async def test_a_spent_budget_is_told_so_that_no_client_waits_for_it(limited: Keys, upstream: ScriptedUpstream) -> None:
    client = limited(budget_usd="0.01", period_seconds=86400)
    upstream.says(answered(**CENTS))
    await message(client)
    refused = await message(client)
    assert refused.status == 429
    assert refused.json["error"]["type"] == "billing_error"
    midnight = (int(time.time()) // 86400 + 1) * 86400
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(midnight))
    assert refused.values("x-should-retry") == ["false"]
    assert refused.values("x-gateway-budget-reset") == [at]
    assert at in refused.json["error"]["message"]
    assert abs(int(refused.values("retry-after")[0]) - (midnight - time.time())) < 5
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
        clients = [replace(limited(run="7"), url=gateway.url) for gateway in (one, two)]
        statuses = [(await message(client)).status for client in clients * 2]
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


def test_a_keys_own_limits_come_before_the_default_ones() -> None:
    limit = Limit(requests_per_minute=3, budget_usd=Decimal("1.50"), period_seconds=86400)
    assert limit.over(Limit(streams=2, budget_usd=Decimal(9))) == limit.model_copy(update={"streams": 2})
    assert Limit(streams=5).over(Limit(budget_usd=Decimal(9), period_seconds=60)).period_seconds == 60
    assert Limit(budget_usd=Decimal(1)).over(Limit(budget_usd=Decimal(9), period_seconds=60)).period_seconds is None


def test_a_database_of_an_earlier_release_has_keys_without_limits(tmp_path: Path) -> None:
    with KeyStore(tmp_path / "keys.sqlite3") as store:
        old = store.mint("old")
        with sqlite3.connect(tmp_path / "keys.sqlite3") as database:
            database.execute("ALTER TABLE keys DROP COLUMN limits")
    with KeyStore(tmp_path / "keys.sqlite3") as store:
        assert store.find(old.plaintext) == old.key
        new = store.mint("new", limits=Limit(streams=2))
        assert store.find(new.plaintext) == new.key


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ('[limits]\nstorage = "memcached://x"', 'limits: storage: must be "memory", or the URL of a Redis'),
        ('[limits]\nstorage = "redis://:secret@x"', "limits: storage: must have no password"),
        ("[limits.key]\nperiod_seconds = 60", "limits.key: 'period_seconds' belongs to a 'budget_usd'"),
        ("[limits.team]\nrequests_per_minute = 0", "limits.team.requests_per_minute: Input should be greater than 0"),
    ],
)
async def test_mistakes_are_named(config: Path, said: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        added(config, said)
    assert any(found.startswith(problem) for found in raised.value.problems), raised.value.problems
    assert not any("secret" in found for found in raised.value.problems)
