"""What Prometheus is told, as it reads it: on a listener of its own, and no series that a client made up."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession, web
from prometheus_client.parser import text_string_to_metric_families

from gateway import Gateway, load, metrics
from tests.gateway.conftest import ANTHROPIC_KEY, OPENAI_KEY, RawClient, ScriptedUpstream
from tests.gateway.streams import PATHS, STREAMS
from tests.gateway.test_cli import rewrite

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CHAT = "/v1/chat/completions"
MORE = """
[metrics]
port = 0
models = ["gpt-5-mini"]
[[models]]
name = "claude-by-chat"
provider = "anthropic"
protocol = "anthropic-messages"
upstream_name = "claude-sonnet-4-5"
"""
ANSWER = {"model": "gpt-5-mini", "usage": {"prompt_tokens": 1000, "completion_tokens": 1000}}
ANSWER["usage"]["prompt_tokens_details"] = {"cached_tokens": 400}  # type: ignore[index]


@dataclass(frozen=True)
class Observed:
    """A gateway that is asked, and what its metrics say of it."""

    client: RawClient
    url: str

    async def text(self, accept: str = "text/plain") -> str:
        async with self.client.session.get(self.url, headers={"Accept": accept}) as response:
            assert response.status == 200
            return await response.text()

    async def samples(self) -> dict[str, dict[tuple[str, ...], float]]:
        """By name, then by the labels' values in the order of their names."""
        found: dict[str, dict[tuple[str, ...], float]] = {}
        for family in text_string_to_metric_families(await self.text()):
            for sample in family.samples:
                labels = tuple(value for _, value in sorted(sample.labels.items()))
                found.setdefault(sample.name, {})[labels] = sample.value
        return found


@pytest.fixture
async def observed(config: Path, key: str) -> AsyncIterator[Observed]:
    rewrite(config, lambda text: text + MORE)
    async with Gateway(load(config)) as gateway, ClientSession() as session:
        assert gateway.metrics_url
        yield Observed(RawClient(session, gateway.url, key), gateway.metrics_url)


async def test_a_call_is_counted_with_its_tokens_and_its_price(observed: Observed, upstream: ScriptedUpstream) -> None:
    upstream.says(json.dumps(ANSWER).encode())
    await observed.client.ask("POST", CHAT, b'{"model": "gpt-5-mini"}')
    found = await observed.samples()
    assert found[metrics.REQUESTS] == {("gpt-5-mini", "openai-chat", "openai", CHAT, "2xx"): 1}
    assert found[metrics.TOKENS] == {
        ("none", "input", "gpt-5-mini", "openai"): 600,
        ("read", "input", "gpt-5-mini", "openai"): 400,
        ("none", "output", "gpt-5-mini", "openai"): 1000,
    }
    assert found[metrics.COST] == {("gpt-5-mini", "openai"): pytest.approx(0.00216)}
    assert found[metrics.ATTEMPTS] == {("2xx", "openai"): 1}
    assert found[f"{metrics.DURATION}_count"] == {("openai-chat", "openai", "false"): 1}
    assert metrics.UNPRICED not in found


async def test_streams_and_what_was_left_out_of_them_are_counted(
    observed: Observed, upstream: ScriptedUpstream
) -> None:
    upstream.streams(*STREAMS["anthropic-messages"])
    body = {"model": "claude-by-chat", "stream": True, "seed": 3, "messages": [{"role": "user", "content": "hi"}]}
    await observed.client.ask("POST", CHAT, json.dumps(body).encode())
    upstream.streams(STREAMS["anthropic-messages"][0], cut=True)
    await observed.client.ask("POST", PATHS["anthropic-messages"], b"{}")
    found = await observed.samples()
    assert found[metrics.DROPPED] == {("openai-chat>anthropic-messages",): 1}
    assert found[metrics.ABORTS] == {("upstream",): 1}
    assert found[f"{metrics.FIRST_BYTE}_count"] == {
        ("openai-chat", "anthropic", "true"): 1,
        ("anthropic-messages", "anthropic", "true"): 1,
    }


async def test_what_runs_is_counted_while_it_runs(observed: Observed, upstream: ScriptedUpstream) -> None:
    over = asyncio.Event()

    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b": hello\n\n")
        await over.wait()
        return response

    upstream.script = script
    client = observed.client
    headers = {"Authorization": f"Bearer {client.key}"}
    async with client.session.post(f"{client.url}{CHAT}", headers=headers, data=b"{}") as response:
        await response.content.readline()
        found = await observed.samples()
        assert found[metrics.ACTIVE] == found[metrics.STREAMS] == {(): 1}
        over.set()
        await response.read()
    found = await observed.samples()
    assert found[metrics.ACTIVE] == found[metrics.STREAMS] == {(): 0}


async def test_refusals_are_counted_by_their_rule(observed: Observed) -> None:
    await observed.client.ask("POST", CHAT, b"{}", anonymous=True)
    await observed.client.ask("GET", CHAT)
    found = await observed.samples()
    assert found[metrics.REFUSALS] == {("invalid_api_key",): 1, ("method_not_supported",): 1}


async def test_nothing_that_a_client_makes_up_becomes_a_series(observed: Observed, upstream: ScriptedUpstream) -> None:
    def made_up(number: int) -> list[tuple[Any, ...]]:
        name = f"made-up-{number}"
        return [
            ("POST", CHAT, json.dumps({"model": name}).encode()),
            ("POST", CHAT, json.dumps({"model": "claude-by-chat", "messages": [], name: 1}).encode()),
            ("POST", f"/v1beta/models/{name}:generateContent", b"{}"),
            ("POST", f"/{name}", b"{}"),
            (f"MADEUP{number}", CHAT),
            ("GET", f"/v1/responses/{name}", None, [("x-provider", name), ("user-agent", name)]),
        ]

    upstream.says(json.dumps(ANSWER | {"model": "made-up-by-the-provider"}).encode())
    sizes = []
    for number in range(3):
        for request in made_up(number):
            await observed.client.ask(*request)
        sizes.append(len((await observed.text()).splitlines()))
    text = (await observed.text()).lower()
    assert sizes[0] == sizes[1] == sizes[2]
    assert not [
        secret for secret in ("made-up", "madeup", observed.client.key, OPENAI_KEY, ANTHROPIC_KEY) if secret in text
    ]


async def test_open_metrics_are_for_whom_asks_for_them(observed: Observed) -> None:
    await observed.client.ask("POST", CHAT, b"{}")
    text = await observed.text("application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")
    assert f"# TYPE {metrics.REQUESTS.removesuffix('_total')} counter" in text


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/openmetrics-text; version=x",
        "text/plain; version=9; escaping=none",
        "text/plain;version=",
    ],
)
async def test_who_asks_oddly_is_answered_all_the_same(observed: Observed, accept: str) -> None:
    assert metrics.ACTIVE in await observed.text(accept)


async def test_nothing_else_is_there(observed: Observed) -> None:
    session, base = observed.client.session, observed.url.removesuffix("/metrics")
    statuses = []
    for asked in ("GET /", f"GET {CHAT}", "GET /metrics/x", "POST /metrics", "HEAD /metrics"):
        method, path = asked.split()
        async with session.request(method, base + path) as response:
            statuses.append(response.status)
    assert statuses == [404, 404, 404, 405, 200]
    assert (await observed.client.ask("GET", "/metrics")).status == 404


async def test_rows_that_were_lost_are_counted(observed: Observed, config: Path) -> None:
    audit = config.parent / "audit.jsonl"
    audit.unlink()
    audit.mkdir()
    await observed.client.ask("POST", CHAT, b"{}")
    async with asyncio.timeout(30):
        while (await observed.samples())[metrics.ROWS_LOST] != {(): 1}:
            pass


async def test_without_metrics_there_is_no_listener(gateway: Gateway) -> None:
    assert gateway.metrics_url is None


@pytest.mark.parametrize("count", ["1e999", "1" + "0" * 4000, "-5", "NaN"])
async def test_counts_that_are_none_break_neither_the_call_nor_what_is_told_of_it(
    observed: Observed, upstream: ScriptedUpstream, config: Path, count: str
) -> None:
    body = f'{{"model": "gpt-5-mini", "usage": {{"prompt_tokens": {count}}}}}'.encode()
    upstream.says(body)
    assert (await observed.client.ask("POST", CHAT, b"{}")).body == body
    assert len((await observed.samples())[metrics.REQUESTS]) == 1
