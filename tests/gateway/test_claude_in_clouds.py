"""Clients of other protocols at Claude in a cloud: bodies in the cloud's envelope, betas by a map, pings in silence."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import anthropic
import pytest
from aiohttp import web

from gateway import Gateway
from gateway.config import Mapping, Routing, Translation
from gateway.eventstream import CONTENT_TYPE, exception
from tests.gateway import test_clouds
from tests.gateway.test_clouds import AWS_SECRET, EVENTS, FRAMES, MESSAGE, NAMES, SAID, VERTEX_TOKEN, is_signed, sse

if TYPE_CHECKING:
    from collections.abc import Callable

    import openai

    from gateway import Settings
    from gateway.keys import KeyStore
    from tests.gateway.conftest import RawClient, ScriptedUpstream

config = test_clouds.config
BEDROCK_PATH = "/bedrock/model/us.anthropic.claude-v1%3A0/invoke"
VERTEX_PATH = "/vertex/v1/projects/our-project/locations/us-east5/publishers/anthropic/models"
# What the hub has no place for: in a cloud it arrives all the same.
RICH: dict[str, Any] = {
    "max_tokens": 5,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "tools": [
        {"type": "tool_search_tool_regex", "name": "s"},
        {"name": "t", "input_schema": {}, "defer_loading": True},
    ],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "a", "signature": "s1"},
                {"type": "tool_use", "id": "t1", "name": "t", "input": {}},
                {"type": "thinking", "thinking": "b", "signature": "s2"},
                {"type": "tool_use", "id": "t2", "name": "t", "input": {}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": i} for i in ("t1", "t2")]},
    ],
}

EXTRA = {
    "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
    "never_seen": {"deep": [1.0, None, "\u00e6"]},
}


def asked(upstream: ScriptedUpstream) -> Any:
    return json.loads(upstream.received[-1].body)


async def ask(client: RawClient, model: str, *betas: str, **more: Any) -> Any:
    headers = [("anthropic-beta", value) for value in betas]
    body = json.dumps({"model": model, "max_tokens": 5, "messages": SAID, **more}).encode()
    return await client.ask("POST", "/v1/messages", body, headers)


async def test_a_messages_client_asks_bedrock(
    anthropic_client: anthropic.AsyncAnthropic, upstream: ScriptedUpstream, key: str
) -> None:
    upstream.says(json.dumps(MESSAGE).encode(), x_amzn_requestid="amzn-1")
    message = await anthropic_client.messages.create(model="claude-aws", **RICH, extra_body=EXTRA)
    assert message.model == "claude-aws"
    assert message.content[0].type == "text"
    assert message._request_id == "amzn-1"
    (received,) = upstream.received
    assert received.target == BEDROCK_PATH
    assert is_signed(received, upstream)
    assert asked(upstream) == {"anthropic_version": "2026-10-21", **RICH, **EXTRA}
    assert received.values("accept") == ["application/json"]
    assert key not in str(received)
    assert AWS_SECRET not in str(received)


async def test_a_messages_client_asks_vertex(
    anthropic_client: anthropic.AsyncAnthropic, upstream: ScriptedUpstream, key: str
) -> None:
    upstream.says(json.dumps(MESSAGE).encode())
    message = await anthropic_client.messages.create(model="claude-gcp", **RICH, extra_body=EXTRA)
    assert message.model == "claude-gcp"
    (received,) = upstream.received
    assert received.target == f"{VERTEX_PATH}/claude-4@2026:rawPredict"
    assert received.values("authorization") == [f"Bearer {VERTEX_TOKEN}"]
    assert asked(upstream) == {"anthropic_version": "2026-10-21", **RICH, **EXTRA}
    assert not received.values("anthropic-version")
    assert key not in str(received)


@pytest.mark.parametrize(
    ("model", "version"), [("claude-aws", "bedrock-2023-05-31"), ("claude-gcp", "vertex-2023-10-16")]
)
async def test_the_oldest_version_has_a_name_of_its_own_in_each_cloud(
    client: RawClient, upstream: ScriptedUpstream, model: str, version: str
) -> None:
    upstream.says(json.dumps(MESSAGE).encode())
    await client.ask("POST", "/v1/messages", json.dumps({"model": model}).encode())
    assert asked(upstream)["anthropic_version"] == version


async def test_bedrocks_frames_become_events(
    anthropic_client: anthropic.AsyncAnthropic, upstream: ScriptedUpstream, gateway: Gateway, audited: Callable[[], Any]
) -> None:
    upstream.streams(*FRAMES, content_type=CONTENT_TYPE)
    async with anthropic_client.messages.stream(model="claude-aws", **RICH, extra_body=EXTRA) as stream:
        events = [event.type async for event in stream if event.type in NAMES]
        message = await stream.get_final_message()
    assert events == NAMES
    assert message.model == "claude-aws"
    assert message.usage.output_tokens == 9
    assert upstream.received[0].target == f"{BEDROCK_PATH}-with-response-stream"
    assert "stream" not in asked(upstream)
    await gateway.__aexit__()
    (row,) = audited()
    assert (row["end"], row["provider"], row["surface"]) == ("complete", "bedrock", "anthropic-messages")
    assert row["usage"] == {"input": 7, "output": 9, "cache_read": 4, "cache_write": 0, "reasoning": 0}


async def test_events_arrive_byte_for_byte_but_for_model_and_metrics(
    client: RawClient, upstream: ScriptedUpstream
) -> None:
    upstream.streams(*(bytes([byte]) for byte in b"".join(FRAMES)), content_type=CONTENT_TYPE)
    reply = await ask(client, "claude-aws", stream=True)
    assert reply.values("content-type") == ["text/event-stream; charset=utf-8"]
    expected = b"".join(map(sse, EVENTS[:-1])).replace(b'"claude-real"', b'"claude-aws"')
    assert reply.body == expected + b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


async def test_vertex_streams_and_is_told_so(
    anthropic_client: anthropic.AsyncAnthropic, upstream: ScriptedUpstream
) -> None:
    upstream.streams(*map(sse, EVENTS))
    async with anthropic_client.messages.stream(model="claude-gcp", **RICH, extra_body=EXTRA) as stream:
        assert await stream.get_final_text() == "Hei."
    assert upstream.received[0].target == f"{VERTEX_PATH}/claude-4@2026:streamRawPredict"
    assert asked(upstream)["stream"] is True


@pytest.mark.parametrize("cut", [0, 1, 30])
@pytest.mark.parametrize("closed", [True, False])
async def test_a_stream_that_breaks_off_ends_with_an_error(
    client: RawClient, upstream: ScriptedUpstream, cut: int, *, closed: bool
) -> None:
    upstream.streams(*FRAMES[:2], FRAMES[2][:cut], cut=closed, content_type=CONTENT_TYPE)
    reply = await ask(client, "claude-aws", stream=True)
    assert reply.body.count(b"event: error") == 1
    assert json.loads(reply.body.split(b"data: ")[-1])["error"]["type"] == "api_error"


async def test_a_damaged_frame_is_an_error_and_not_believed(client: RawClient, upstream: ScriptedUpstream) -> None:
    damaged = FRAMES[2][:-20] + b"\x00" + FRAMES[2][-19:]
    upstream.streams(FRAMES[0], FRAMES[1], damaged, *FRAMES[3:], content_type=CONTENT_TYPE)
    reply = await ask(client, "claude-aws", stream=True)
    assert b"Hei." not in reply.body
    assert reply.body.count(b"event: error") == 1
    assert b"message_stop" not in reply.body


@pytest.mark.parametrize("protocol", ["messages", "chat"])
async def test_an_exception_amid_a_stream_is_the_clients_own_error(
    client: RawClient, upstream: ScriptedUpstream, protocol: str
) -> None:
    upstream.streams(*FRAMES[:3], exception("throttlingException", "Slow down."), content_type=CONTENT_TYPE)
    path = "/v1/messages" if protocol == "messages" else "/v1/chat/completions"
    body = {"model": "claude-aws", "max_tokens": 5, "messages": SAID, "stream": True}
    reply = await client.ask("POST", path, json.dumps(body).encode())
    last = json.loads([line for line in reply.body.split(b"data: ") if line.startswith(b"{")][-1].split(b"\n")[0])
    assert last["error"]["message"] == "Slow down."
    assert last["error"]["type"] == "rate_limit_error"
    assert b"message_stop" not in reply.body


@pytest.mark.parametrize("model", ["claude-aws", "claude-gcp"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_chat_client_talks_to_claude_in_a_cloud(
    openai_client: openai.AsyncOpenAI, upstream: ScriptedUpstream, model: str, *, stream: bool
) -> None:
    if stream:
        frames = FRAMES if model == "claude-aws" else [sse(event) for event in EVENTS]
        upstream.streams(*frames, content_type=CONTENT_TYPE if model == "claude-aws" else "text/event-stream")
        chunks = await openai_client.chat.completions.create(model=model, messages=SAID, stream=True, temperature=0.5)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])
    else:
        upstream.says(json.dumps(MESSAGE).encode())
        answer = await openai_client.chat.completions.create(model=model, messages=SAID, temperature=0.5)
        text = answer.choices[0].message.content or ""
    assert text == "Hei."
    body = asked(upstream)
    assert body.pop("anthropic_version") in {"bedrock-2023-05-31", "vertex-2023-10-16"}
    assert body.pop("stream", None) == (True if stream and model == "claude-gcp" else None)
    assert body == {
        "max_tokens": 4096,
        "temperature": 0.5,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    }


async def test_betas_go_where_the_map_says(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.says(json.dumps(MESSAGE).encode())
    named = ("interleaved-thinking-2025-05-14, never-seen-1", "ours-2026-01-01,context-1m-2025-08-07")
    reply = await ask(client, "claude-aws", *named)
    assert asked(upstream)["anthropic_beta"] == ["interleaved-thinking-2025-05-14", "theirs-1"]
    assert not upstream.received[0].values("anthropic-beta")
    assert reply.values("x-gateway-dropped") == ["anthropic-beta=never-seen-1, anthropic-beta=context-1m-2025-08-07"]
    reply = await ask(client, "claude-gcp", *named)
    assert upstream.received[1].values("anthropic-beta") == ["interleaved-thinking-2025-05-14,context-1m-2025-08-07"]
    assert "anthropic_beta" not in asked(upstream)
    assert reply.values("x-gateway-dropped") == ["anthropic-beta=never-seen-1, anthropic-beta=ours-2026-01-01"]


async def test_one_name_at_the_provider_is_given_once(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.says(json.dumps(MESSAGE).encode())
    await ask(client, "claude-aws", "advanced-tool-use-2025-11-20", "tool-search-tool-2025-10-19")
    assert asked(upstream)["anthropic_beta"] == ["tool-search-tool-2025-10-19"]


async def test_every_other_beta_may_be_let_through(settings: Settings, upstream: ScriptedUpstream, key: str) -> None:
    providers = [
        each.model_copy(update={"betas": {"*": "*"}}) if each.id == "bedrock" else each for each in settings.providers
    ]
    upstream.says(json.dumps(MESSAGE).encode())
    async with (
        Gateway(settings.model_copy(update={"providers": tuple(providers)})) as gateway,
        anthropic.AsyncAnthropic(api_key=key, base_url=gateway.url, max_retries=0) as sdk,
    ):
        await sdk.beta.messages.create(model="claude-aws", max_tokens=5, messages=SAID, betas=["never-seen-1"])
    assert asked(upstream)["anthropic_beta"] == ["never-seen-1"]


async def test_strict_refuses_a_beta_that_would_be_lost(
    settings: Settings, upstream: ScriptedUpstream, key: str
) -> None:
    strict = settings.model_copy(update={"translation": Translation(mode="strict")})
    async with (
        Gateway(strict) as gateway,
        anthropic.AsyncAnthropic(api_key=key, base_url=gateway.url, max_retries=0) as sdk,
    ):
        with pytest.raises(anthropic.BadRequestError, match="never-seen-1"):
            await sdk.beta.messages.create(model="claude-aws", max_tokens=5, messages=SAID, betas=["never-seen-1"])
    assert not upstream.received


@pytest.mark.parametrize(
    ("model", "said", "seen"),
    [
        ("claude-aws", (400, {"message": "prompt is too long"}), (400, "invalid_request_error")),
        ("claude-aws", (429, {"message": "Too many requests"}), (429, "rate_limit_error")),
        ("claude-aws", (403, {"message": "The security token is invalid."}), (502, "api_error")),
        ("claude-aws", (424, {"message": "The model failed."}), (500, "api_error")),
        ("claude-aws", (404, {"Message": "No such model."}), (404, "not_found_error")),
        ("claude-gcp", (429, {"error": {"code": 429, "message": "Quota", "status": "X"}}), (429, "rate_limit_error")),
        (
            "claude-gcp",
            (404, [{"error": {"code": 404, "message": "No", "status": "X"}}]),
            (404, "not_found_error"),
        ),
        (
            "claude-gcp",
            (400, {"type": "error", "error": {"type": "x", "message": "N"}}),
            (400, "invalid_request_error"),
        ),
    ],
)
async def test_errors_of_the_clouds_come_in_the_callers_envelope(
    client: RawClient, upstream: ScriptedUpstream, model: str, said: tuple[int, Any], seen: tuple[int, str]
) -> None:
    status, body = said
    upstream.says(json.dumps(body).encode(), status, x_amzn_errortype="SomeException:http://internal/", retry_after="3")
    reply = await ask(client, model, stream=True)
    assert (reply.status, reply.json["error"]["type"]) == seen
    first = body[0] if isinstance(body, list) else body
    words = first.get("error", first)
    assert reply.json["error"]["message"] == words.get("message", words.get("Message"))
    assert reply.json["type"] == "error"
    assert reply.values("retry-after") == ["3"]


async def test_tokens_are_counted_in_bedrock(
    anthropic_client: anthropic.AsyncAnthropic, upstream: ScriptedUpstream
) -> None:
    upstream.says(b'{"inputTokens": 12}')
    counted = await anthropic_client.messages.count_tokens(model="claude-aws", messages=SAID)
    assert counted.input_tokens == 12
    assert upstream.received[0].target == "/bedrock/model/us.anthropic.claude-v1%3A0/count-tokens"
    whole = json.loads(b64decode(asked(upstream)["input"]["invokeModel"]["body"]))
    assert whole == {"max_tokens": 1, "anthropic_version": "2026-10-21", "messages": SAID}


async def test_tokens_are_counted_in_vertex(
    anthropic_client: anthropic.AsyncAnthropic, upstream: ScriptedUpstream
) -> None:
    upstream.says(b'{"input_tokens": 12}')
    counted = await anthropic_client.messages.count_tokens(model="claude-gcp", messages=SAID)
    assert counted.input_tokens == 12
    assert upstream.received[0].target == f"{VERTEX_PATH}/count-tokens:rawPredict"
    assert asked(upstream) == {"anthropic_version": "2026-10-21", "model": "claude-4@2026", "messages": SAID}


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"no", b'{"inputTokens": "many"}'])
async def test_a_count_that_is_none_is_no_answer(client: RawClient, upstream: ScriptedUpstream, answer: bytes) -> None:
    upstream.says(answer)
    body = json.dumps({"model": "claude-aws", "messages": SAID}).encode()
    assert (await client.ask("POST", "/v1/messages/count_tokens", body)).status == 502


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
async def test_silence_is_filled_with_pings(
    settings: Settings, upstream: ScriptedUpstream, store: KeyStore, path: str
) -> None:
    """The provider goes on only when the client has seen a ping."""
    seen_early, seen = asyncio.Event(), asyncio.Event()

    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": CONTENT_TYPE})
        await response.prepare(request)
        await seen_early.wait()
        await response.write(FRAMES[0] + FRAMES[1][:20])
        await seen.wait()
        await response.write(FRAMES[1][20:] + b"".join(FRAMES[2:]))
        return response

    upstream.script = script
    quick = settings.model_copy(update={"translation": Translation(ping_seconds=0.01)})
    body = {"model": "claude-aws", "max_tokens": 5, "messages": SAID, "stream": True}
    received = b""
    async with Gateway(quick) as gateway, aiohttp.ClientSession() as session:
        headers = {"x-api-key": store.mint("pinged").plaintext}
        async with session.post(gateway.url + path, json=body, headers=headers) as response:
            async for piece in response.content.iter_any():
                received += piece
                if b": ping" in received:
                    seen_early.set()
                start = received.find(b"message_start") if "messages" in path else received.find(b"data: ")
                if start >= 0 and b"ping" in received[start:]:
                    seen.set()
    assert received.startswith(b": ping\n\n")
    if path == "/v1/messages":
        assert b'event: ping\ndata: {"type": "ping"}\n\n' in received
        assert b'event: ping\ndata: {"type":"message' not in received
        assert received.rstrip().endswith(b'data: {"type":"message_stop"}')
    else:
        assert b"event: ping" not in received
        assert received.rstrip().endswith(b"data: [DONE]")


async def test_a_client_that_leaves_in_the_silence_ends_the_call(
    settings: Settings, upstream: ScriptedUpstream, key: str
) -> None:
    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": CONTENT_TYPE})
        await response.prepare(request)
        await response.write(FRAMES[0])
        await asyncio.Event().wait()
        return response

    upstream.script = script
    quick = settings.model_copy(update={"translation": Translation(ping_seconds=0.01)})
    async with Gateway(quick) as gateway, aiohttp.ClientSession() as session:
        body = {"model": "claude-aws", "max_tokens": 5, "messages": SAID, "stream": True}
        with suppress(aiohttp.ClientError):
            async with session.post(f"{gateway.url}/v1/messages", json=body, headers={"x-api-key": key}) as response:
                await response.content.readuntil(b"ping")
        await upstream.abandoned.wait()


async def test_clients_of_a_cloud_are_passed_through_only(client: RawClient, config: Any) -> None:
    """No model of another protocol is served under a cloud's path."""
    assert config
    reply = await client.ask("POST", "/model/claude-gcp/invoke", b"{}")
    assert (reply.status, list(reply.json)) == (400, ["message"])
    assert reply.values("x-amzn-errortype") == ["ValidationException"]


@pytest.mark.parametrize(
    ("cloud", "path"),
    [
        ("bedrock", "/v1/messages"),
        ("bedrock", "/v1/messages/count_tokens"),
        ("bedrock", "/v1/chat/completions"),
        ("vertex", "/v1/messages"),
        ("vertex", "/v1/chat/completions"),
    ],
)
async def test_no_clients_name_for_a_model_leads_up_the_clouds_path(
    settings: Settings, upstream: ScriptedUpstream, key: str, cloud: str, path: str
) -> None:
    routing = Routing(mappings=(Mapping(value="cloud", provider=cloud),))
    headers = {"x-api-key": key, "x-provider": "cloud"}
    async with (
        Gateway(settings.model_copy(update={"routing": routing})) as gateway,
        aiohttp.ClientSession(headers=headers) as session,
    ):
        for model in ("../x", "../../admin", "a/../b", "a\\..\\b"):
            body = {"model": model, "max_tokens": 5, "messages": SAID}
            async with session.post(gateway.url + path, json=body) as response:
                assert response.status == 400
    assert not upstream.received
