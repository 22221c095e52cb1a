"""Spans as a collector gets them: whose trace, how they hang together, and nothing that was said."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession, web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes, http_attributes
from opentelemetry.trace import SpanKind, StatusCode

from gateway import ConfigError, Gateway, conventions, load
from tests.gateway.conftest import ANTHROPIC_KEY, OPENAI_KEY, RawClient, ScriptedUpstream
from tests.gateway.streams import PATHS, STREAMS
from tests.gateway.test_cli import rewrite

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext

CHAT = "/v1/chat/completions"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
MORE = """
[telemetry]
endpoint = "{collector}"
names = "{names}"
[[models]]
name = "fast"
provider = "openai"
protocol = "openai-chat"
upstream_name = "gpt-5-mini"
fallback = ["slow"]
[[models]]
name = "slow"
provider = "anthropic"
protocol = "anthropic-messages"
upstream_name = "claude-sonnet-4-5"
"""
ANSWER = {"model": "gpt-5-mini", "usage": {"prompt_tokens": 1000, "completion_tokens": 1000}}
Asked = Callable[..., Any]


def with_telemetry(config: Path, collector: str = "http://127.0.0.1:9", names: str = "released") -> None:
    rewrite(config, lambda text: text + MORE.format(collector=collector, names=names))


@pytest.fixture
def spans(config: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The spans of some requests, in the order of their ends."""

    async def ask(*requests: tuple[Any, ...], names: str = "released") -> list[ReadableSpan]:
        memory = InMemorySpanExporter()
        monkeypatch.setattr("gateway.telemetry.exporter", lambda _: memory)
        with_telemetry(config, names=names)
        async with Gateway(load(config)) as gateway, ClientSession() as session:
            for request in requests:
                await RawClient(session, gateway.url, key).ask(*request)
        return list(memory.get_finished_spans())

    return ask


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def parents(spans: list[ReadableSpan]) -> list[int]:
    return [span.parent.span_id if span.parent else 0 for span in spans]


def contexts(spans: list[ReadableSpan]) -> list[SpanContext]:
    return [context for span in spans if (context := span.get_span_context())]


def ids(spans: list[ReadableSpan]) -> list[int]:
    return [context.span_id for context in contexts(spans)]


def traces(spans: list[ReadableSpan]) -> set[str]:
    return {f"{context.trace_id:032x}" for context in contexts(spans)}


async def test_a_call_is_three_spans(spans: Asked, upstream: ScriptedUpstream, audited: Callable[[], Any]) -> None:
    upstream.says(json.dumps(ANSWER).encode())
    found = await spans(("POST", CHAT, b'{"model": "gpt-5-mini"}'))
    http, work, request = found
    assert [span.name for span in (request, work, http)] == [f"POST {CHAT}", "chat gpt-5-mini", "POST"]
    assert [span.kind for span in (request, work, http)] == [SpanKind.SERVER, SpanKind.CLIENT, SpanKind.CLIENT]
    assert parents([request, work, http]) == [0, *ids([request, work])]
    assert request.start_time <= work.start_time <= http.start_time <= http.end_time <= work.end_time
    assert attributes(work) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "llm_gateway.provider": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.request.stream": False,
        "gen_ai.response.model": "gpt-5-mini",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 1000,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.cache_creation.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "server.address": "127.0.0.1",
        "llm_gateway.cost_usd": 0.00225,
    }
    [row] = audited()
    assert traces(found) == {row["trace_id"]}
    assert attributes(request)["llm_gateway.request.id"] == row["request_id"]


async def test_a_callers_trace_goes_on(spans: Asked, audited: Callable[[], Any]) -> None:
    found = await spans(("POST", CHAT, b"{}", [("traceparent", f"00-{TRACE}-{SPAN}-01")]))
    assert traces(found) == {TRACE}
    assert parents(found)[-1] == int(SPAN, 16)
    assert audited()[0]["trace_id"] == TRACE


async def test_a_trace_that_is_not_sampled_leaves_no_spans(spans: Asked, audited: Callable[[], Any]) -> None:
    assert not await spans(("POST", CHAT, b"{}", [("traceparent", f"00-{TRACE}-{SPAN}-00")]))
    assert audited()[0]["trace_id"] == TRACE


async def test_each_provider_that_was_tried_is_a_span(spans: Asked, upstream: ScriptedUpstream) -> None:
    async def script(request: web.Request) -> web.Response:
        return web.Response(status=503) if "openai" in request.path else web.json_response({"type": "message"})

    upstream.script = script
    first, second, _, request = await spans(("POST", CHAT, b'{"model": "fast", "messages": []}'))
    assert [attributes(span)["llm_gateway.provider"] for span in (first, second)] == ["openai", "anthropic"]
    assert [attributes(span)["http.response.status_code"] for span in (first, second)] == [503, 200]
    assert attributes(first)["error.type"] == "503"
    assert (first.status.status_code, second.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert attributes(request)["http.response.status_code"] == 502


async def test_a_stream_that_breaks_off_ends_in_an_error(spans: Asked, upstream: ScriptedUpstream) -> None:
    upstream.streams(STREAMS["anthropic-messages"][0], cut=True)
    _, work, _ = await spans(("POST", PATHS["anthropic-messages"], b'{"model": "claude-x"}'))
    found = attributes(work)
    assert found["gen_ai.response.finish_reasons"] == ("error",)
    assert found["error.type"] == "aborted-by-upstream"
    assert found["gen_ai.response.time_to_first_chunk"] > 0
    assert work.status.status_code == StatusCode.ERROR


async def test_a_refusal_is_one_span(spans: Asked) -> None:
    [span] = await spans(("PURGE", "/coffee"))
    assert span.name == "HTTP"
    found = attributes(span)
    assert (found["http.request.method"], found["http.response.status_code"]) == ("_OTHER", 404)
    assert (found["llm_gateway.decision"], found["llm_gateway.rule"]) == ("deny", "unknown_url")
    assert span.status.status_code == StatusCode.UNSET


async def test_what_is_no_models_work_is_http_only(spans: Asked) -> None:
    http, request = await spans(("GET", "/v1/models"))
    assert parents([http]) == ids([request])
    assert not [name for name in attributes(http) if name.startswith("gen_ai.")]


@pytest.mark.parametrize(("release", "name"), [("released", "cache_creation"), ("latest", "cache_write")])
async def test_names_are_those_of_the_release(
    spans: Asked, upstream: ScriptedUpstream, release: str, name: str
) -> None:
    upstream.says(json.dumps(ANSWER).encode())
    _, work, _ = await spans(("POST", CHAT, b"{}"), names=release)
    assert [each for each in attributes(work) if "cache_" in each] == [
        "gen_ai.usage.cache_read.input_tokens",
        f"gen_ai.usage.{name}.input_tokens",
    ]


def test_released_names_are_those_of_the_package() -> None:
    theirs = {value for names in (gen_ai_attributes, http_attributes) for value in map(str, vars(names).values())}
    ours = [value for value in vars(conventions).values() if isinstance(value, str) and value.startswith("gen_ai.")]
    assert len(ours) > 8
    assert {*ours, conventions.MOVING["released"].cache_write_tokens, conventions.METHOD} <= theirs


async def test_nothing_that_was_said_and_no_key_is_in_a_span(
    spans: Asked, upstream: ScriptedUpstream, key: str
) -> None:
    said = {"choices": [{"message": {"content": "an answer"}}], "note": f"{OPENAI_KEY} {ANTHROPIC_KEY}"}
    upstream.says(json.dumps(ANSWER | said).encode())
    body = b'{"model": "fast", "messages": [{"role": "user", "content": "a question"}]}'
    found = await spans(("POST", f"{CHAT}?key={key}", body), ("POST", f"/v1/{key}", body, [("x-secret", key)]))
    text = "".join(span.to_json() for span in found)
    assert "fast" in text
    assert not [hidden for hidden in ("question", "answer", key, OPENAI_KEY, ANTHROPIC_KEY) if hidden in text]


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[str, list[ExportTraceServiceRequest]]]:
    received: list[ExportTraceServiceRequest] = []

    async def handle(request: web.BaseRequest) -> web.Response:
        assert request.path == "/v1/traces"
        received.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response(content_type="application/x-protobuf")

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", received
    await runner.cleanup()


async def test_a_collector_gets_them_over_otlp(config: Path, key: str) -> None:
    async with collector() as (url, received):
        with_telemetry(config, url)
        async with Gateway(load(config)) as gateway, ClientSession() as session:
            await RawClient(session, gateway.url, key).ask("POST", CHAT, b"{}")
    [batch] = received[0].resource_spans
    named = {each.key: each.value.string_value for each in batch.resource.attributes}
    assert named["service.name"] == "llm-gateway"
    assert len(batch.scope_spans[0].spans) == 3


async def test_a_collector_that_is_not_there_harms_nobody(config: Path, key: str) -> None:
    with_telemetry(config)
    async with asyncio.timeout(15), Gateway(load(config)) as gateway, ClientSession() as session:
        assert (await RawClient(session, gateway.url, key).ask("POST", CHAT, b"{}")).status == 200


async def test_spans_need_their_extra(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_telemetry(config)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    with pytest.raises(ConfigError, match=r"telemetry: needs OpenTelemetry's SDK: .*\[otel\]"):
        load(config)
