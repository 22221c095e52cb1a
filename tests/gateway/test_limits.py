"""Limits as clients meet them: what passes, and what is refused and how."""

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

from gateway import Gateway
from gateway.config import ConfigError
from gateway.keys import KeyStore
from gateway.limits import Limit
from tests.gateway.conftest import RawClient, ok
from tests.gateway.limited import (
    ASKED,
    DEADLINE,
    Keys,
    added,
    answered,
    holding,
    message,
    until_served,
    with_more,
)
from tests.gateway.streams import MESSAGES, PATHS

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.config import Settings
    from tests.gateway.conftest import ScriptedUpstream


@pytest.fixture
def config(config: Path, upstream: ScriptedUpstream) -> Path:
    return with_more(config, upstream)


@pytest.fixture
def limited(client: RawClient, store: KeyStore) -> Keys:
    return Keys(client, store)


async def test_who_is_not_limited_is_no_subject(settings: Settings, store: KeyStore) -> None:
    assert settings.limits.subjects(store.mint("unlimited").key) == ()
    [subject] = settings.limits.subjects(store.mint("slow", limits=Limit(requests_per_minute=5)).key)
    assert (subject.kind, subject.limit) == ("key", Limit(requests_per_minute=5))


async def test_a_burst_gets_exactly_the_limit_through(limited: Keys, upstream: ScriptedUpstream) -> None:
    client, began = limited(requests_per_minute=5), time.monotonic()
    replies = await asyncio.gather(*(message(client) for _ in range(12)))
    took = time.monotonic() - began
    assert sorted(reply.status for reply in replies) == [200] * 5 + [429] * 7
    assert len(upstream.received) == 5
    refused = next(reply for reply in replies if reply.status == 429)
    assert refused.json["error"]["type"] == "rate_limit_error"
    assert 60 - took <= int(refused.values("retry-after")[0]) <= 60
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


async def test_an_sdk_waits_for_as_long_as_it_is_told_and_gets_through(
    limited: Keys, upstream: ScriptedUpstream, gateway: Gateway
) -> None:
    client, statuses, refused = limited(streams=1), list[int](), asyncio.Event()
    released = holding(upstream, MESSAGES[0])

    async def seen(response: Any) -> None:
        statuses.append(response.status_code)
        refused.set()

    http = openai.DefaultAsyncHttpxClient(event_hooks={"response": [seen]})
    sdk = openai.AsyncOpenAI(api_key=client.key, base_url=f"{gateway.url}/v1", max_retries=1, http_client=http)
    async with asyncio.timeout(DEADLINE), sdk:
        running = await client.session.post(f"{client.url}/v1/messages", data=b"{}", headers={"x-api-key": client.key})
        began, asking = time.monotonic(), asyncio.ensure_future(sdk.models.with_raw_response.list())
        await refused.wait()
        released.set()
        await running.read()
        upstream.script = ok
        await asking
    assert statuses == [429, 200]
    assert time.monotonic() - began >= 1


async def test_a_place_is_free_when_its_client_has_left(limited: Keys, upstream: ScriptedUpstream) -> None:
    client = limited(streams=1)
    holding(upstream, MESSAGES[0])
    async with asyncio.timeout(DEADLINE):
        running = await client.session.post(f"{client.url}/v1/messages", data=b"{}", headers={"x-api-key": client.key})
        running.close()
        await upstream.abandoned.wait()
        upstream.script = ok
        assert (await until_served(client)).status == 200


@pytest.mark.parametrize("status", [400, 429, 500])
async def test_a_place_is_free_when_the_upstream_has_refused(
    limited: Keys, upstream: ScriptedUpstream, status: int
) -> None:
    client = limited(streams=1)
    upstream.says(b"{}", status=status)
    assert [(await message(client)).status for _ in range(3)] == [status] * 3


async def test_googles_callers_see_no_limits_of_the_account(limited: Keys, upstream: ScriptedUpstream) -> None:
    upstream.says(b"{}", x_ratelimit_limit_requests="9999")
    shown = await limited(streams=5).ask("POST", "/v1beta/models/gemini-2.5-flash:generateContent", b"{}")
    assert (shown.status, shown.values("x-ratelimit-limit-requests")) == (200, [])


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
