"""What passes, untouched, in both directions."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.gateway.conftest import ANTHROPIC_KEY, OPENAI_KEY, RawClient, ScriptedUpstream
from tests.gateway.streams import PATHS, STREAMS

if TYPE_CHECKING:
    import anthropic
    import openai

    from gateway.surfaces import Surface

DEADLINE = 30


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("POST", "/v1/chat/completions", "/openai/v1/chat/completions"),
        ("POST", "/v1/responses", "/openai/v1/responses"),
        ("POST", "/v1/responses/compact", "/openai/v1/responses/compact"),
        ("POST", "/v1/responses/input_tokens", "/openai/v1/responses/input_tokens"),
        ("GET", "/v1/responses/resp_1?include=a&include=b", "/openai/v1/responses/resp_1?include=a&include=b"),
        ("DELETE", "/v1/responses/resp_1", "/openai/v1/responses/resp_1"),
        ("POST", "/v1/responses/resp_1/cancel", "/openai/v1/responses/resp_1/cancel"),
        ("GET", "/v1/responses/r%2F1/input_items", "/openai/v1/responses/r%2F1/input_items"),
        ("POST", "/v1/messages?beta=true&x=%7Ea+b", "/anthropic/v1/messages?beta=true&x=%7Ea+b"),
        ("POST", "/v1/messages/count_tokens", "/anthropic/v1/messages/count_tokens"),
        ("GET", "/v1/models", "/openai/v1/models"),
        ("GET", "/v1/models/ft:gpt-x:org::1", "/openai/v1/models/ft:gpt-x:org::1"),
    ],
)
async def test_method_path_and_query_reach_the_provider(
    client: RawClient, upstream: ScriptedUpstream, method: str, path: str, target: str
) -> None:
    reply = await client.ask(method, path, b"{}" if method == "POST" else None)
    assert (reply.status, reply.json) == (200, {"ok": True})
    assert [(request.method, request.target) for request in upstream.received] == [(method, target)]


async def test_model_lists_go_to_the_vendor_that_the_caller_speaks_to(
    client: RawClient, upstream: ScriptedUpstream
) -> None:
    await client.ask("GET", "/v1/models?limit=1000", headers=[("anthropic-version", "2026-10-21")])
    assert upstream.received[0].target == "/anthropic/v1/models?limit=1000"


@pytest.mark.parametrize("body", [b'{ "b":1,\n"a" : "\\u00e9\xc3\xa9" }', b"", b"not json \xff", b"x" * 1_500_000])
async def test_a_request_body_is_not_touched(client: RawClient, upstream: ScriptedUpstream, body: bytes) -> None:
    await client.ask("POST", "/v1/messages", body, [("Content-Type", "application/json")])
    assert upstream.received[0].body == body
    assert upstream.received[0].values("content-length") == [str(len(body))]


async def test_a_compressed_request_stays_compressed(client: RawClient, upstream: ScriptedUpstream) -> None:
    body = gzip.compress(b"{}")
    await client.ask("POST", "/v1/messages", body, [("Content-Encoding", "gzip")])
    assert upstream.received[0].body == body
    assert upstream.received[0].values("content-encoding") == ["gzip"]


async def test_headers_pass_in_order_and_nothing_is_added(client: RawClient, upstream: ScriptedUpstream) -> None:
    sent = [
        ("anthropic-beta", "never-seen-2031-01-01,b"),
        ("X-Custom", "1"),
        ("X-Custom", "2"),
        ("anthropic-version", "2026-10-21"),
        ("openai-beta", "x=y"),
        ("traceparent", "00-1-2-01"),
        ("idempotency-key", "i"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Request-Id", "mine"),
    ]
    await client.ask("POST", "/v1/messages", b"{}", sent)
    own = {"host", "content-length", "x-api-key"}
    received = [(name.lower(), value) for name, value in upstream.received[0].headers]
    assert [pair for pair in received if pair[0] not in own] == [(name.lower(), value) for name, value in sent]


async def test_hop_by_hop_fields_and_credentials_stay_here(client: RawClient, upstream: ScriptedUpstream) -> None:
    stopped = [
        ("Connection", "keep-alive, X-Named"),
        ("X-Named", "1"),
        ("Keep-Alive", "5"),
        ("TE", "trailers"),
        ("Proxy-Authorization", "Basic x"),
        ("Cookie", "a=b"),
        ("api-key", "k"),
        ("x-goog-api-key", "k"),
        ("xi-api-key", "k"),
        ("x-mine", f"again {client.key}"),
    ]
    await client.ask("POST", f"/v1/chat/completions?a=1&key={client.key}&b=%20", b"{}", stopped)
    [received] = upstream.received
    assert {name.lower() for name, _ in received.headers} == {"host", "content-length", "authorization"}
    assert received.values("authorization") == [f"Bearer {OPENAI_KEY}"]
    assert received.target == "/openai/v1/chat/completions?a=1&b=%20"


async def test_each_provider_gets_its_own_credential_in_its_own_header(
    client: RawClient, upstream: ScriptedUpstream
) -> None:
    await client.ask("POST", "/v1/messages", b"{}")
    [received] = upstream.received
    assert received.values("x-api-key") == [ANTHROPIC_KEY]
    assert received.values("authorization") == []


async def test_response_headers_pass_and_connection_matters_do_not(
    client: RawClient, upstream: ScriptedUpstream
) -> None:
    async def script(_: web.Request) -> web.Response:
        headers = [("X-A", "1"), ("x-a", "2"), ("request-id", "req_up"), ("Set-Cookie", "s=1"), ("Server", "up")]
        hop_by_hop = [("Connection", "X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "9")]
        response = web.Response(body=b"{}", status=201, reason="Made", headers=None)
        response.headers.extend([*headers, *hop_by_hop])
        return response

    upstream.script = script
    reply = await client.ask("POST", "/v1/messages", b"{}")
    assert reply.status == 201
    assert [value for name, value in reply.headers if name.lower() == "x-a"] == ["1", "2"]
    assert reply.values("request-id") == ["req_up"]
    assert reply.values("server") == ["up"]
    assert len(reply.values("x-gateway-request-id")) == 1
    assert not {"set-cookie", "x-hop", "keep-alive", "transfer-encoding"} & {name.lower() for name, _ in reply.headers}


async def test_a_compressed_answer_stays_compressed(client: RawClient, upstream: ScriptedUpstream) -> None:
    body = gzip.compress(b'{"model": "m"}')
    upstream.says(body, content_encoding="gzip")
    reply = await client.ask("POST", "/v1/messages", b"{}")
    assert (reply.body, reply.values("content-encoding")) == (body, ["gzip"])


@pytest.mark.parametrize("status", [400, 401, 404, 413, 429, 500, 503, 529])
async def test_an_upstreams_error_passes_unchanged(client: RawClient, upstream: ScriptedUpstream, status: int) -> None:
    body = b'{"type":"error", "error":{"type":"x","message":"m"}}'
    upstream.says(body, status, retry_after="7", request_id="req_up")
    reply = await client.ask("POST", "/v1/messages", b"{}")
    assert (reply.status, reply.body) == (status, body)
    assert (reply.values("retry-after"), reply.values("request-id")) == (["7"], ["req_up"])
    assert len(upstream.received) == 1


@pytest.mark.parametrize("coding", ["identity", "gzip"])
async def test_an_upstream_that_quotes_its_credential_is_redacted(
    client: RawClient, upstream: ScriptedUpstream, coding: str
) -> None:
    body = json.dumps({"error": f"bad key {OPENAI_KEY}"}).encode()
    upstream.says(gzip.compress(body) if coding == "gzip" else body, 401, content_encoding=coding, x_key=OPENAI_KEY)
    reply = await client.ask("POST", "/v1/chat/completions", b"{}")
    assert (reply.status, reply.json) == (401, {"error": "bad key [redacted]"})
    assert reply.values("x-key") == ["[redacted]"]


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_stream_that_quotes_the_credential_is_redacted(
    client: RawClient, upstream: ScriptedUpstream, size: int
) -> None:
    begun, twice = OPENAI_KEY[:9], OPENAI_KEY * 2
    stream = f'data: {{"a": "{begun}"}}\n\ndata: {{"error": "bad {twice}"}}\n\ndata: [DONE]\n\n{begun}'.encode()
    upstream.streams(*(stream[at : at + size] for at in range(0, len(stream), size)))
    reply = await client.ask("POST", "/v1/chat/completions", b"{}")
    assert reply.body == stream.replace(OPENAI_KEY.encode(), b"[redacted]")


async def test_an_error_that_cannot_be_searched_is_not_shown(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.says(b"?", 401, content_encoding="compress")
    assert (await client.ask("POST", "/v1/messages", b"{}")).status == 502


async def test_not_modified_is_an_answer_and_not_a_redirect(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.says(b"", 304, etag='"1"')
    reply = await client.ask("GET", "/v1/models", headers=[("If-None-Match", '"1"')])
    assert (reply.status, reply.values("etag")) == (304, ['"1"'])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_neither_followed_nor_shown(
    client: RawClient, upstream: ScriptedUpstream, status: int
) -> None:
    upstream.says(b"", status, location="/elsewhere")
    reply = await client.ask("POST", "/v1/messages", b"{}")
    assert (reply.status, reply.json["error"]["type"]) == (502, "api_error")
    assert reply.values("location") == []
    assert len(upstream.received) == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_nothing_is_ever_asked_twice(client: RawClient, upstream: ScriptedUpstream, method: str) -> None:
    await client.ask(method, "/v1/responses/resp_1")

    async def drop(request: web.Request) -> web.StreamResponse:
        if request.transport:
            request.transport.close()
        return web.Response()

    upstream.script = drop
    reply = await client.ask(method, "/v1/responses/resp_2")
    assert (reply.status, reply.json["error"]["code"]) == (502, "upstream_error")
    assert len(upstream.received) == 2


@pytest.mark.parametrize("surface", STREAMS)
async def test_a_stream_is_relayed_byte_for_byte(
    client: RawClient, upstream: ScriptedUpstream, surface: Surface
) -> None:
    stream = b"".join(STREAMS[surface])
    upstream.streams(*(stream[start : start + 7] for start in range(0, len(stream), 7)))
    reply = await client.ask("POST", PATHS[surface], b"{}")
    assert reply.body == stream


async def test_each_event_arrives_before_the_next_one_is_sent(client: RawClient, upstream: ScriptedUpstream) -> None:
    gate = asyncio.Semaphore(0)
    pieces = STREAMS["anthropic-messages"]

    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await gate.acquire()
            await response.write(piece)
        return response

    upstream.script = script
    headers = {"Authorization": f"Bearer {client.key}"}
    async with asyncio.timeout(DEADLINE), client.session.post(f"{client.url}/v1/messages", headers=headers) as reply:
        for piece in pieces:
            gate.release()
            assert await reply.content.readexactly(len(piece)) == piece


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_client_that_goes_away_takes_the_upstream_call_with_it(
    client: RawClient, upstream: ScriptedUpstream, *, streamed: bool
) -> None:
    asked = asyncio.Event()

    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        if streamed:
            await response.prepare(request)
            await response.write(b": on its way\n\n")
        asked.set()
        return await asyncio.Future()

    upstream.script = script
    call = asyncio.create_task(client.ask("POST", "/v1/messages", b"{}"))
    async with asyncio.timeout(DEADLINE):
        await asked.wait()
        call.cancel()
        await upstream.abandoned.wait()


async def test_the_openai_sdk_gets_what_the_upstream_said(
    openai_client: openai.AsyncOpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.streams(*STREAMS["openai-chat"])
    stream = await openai_client.chat.completions.create(model="gpt-x", messages=[], stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    assert text == 'Grüße "\\\u1234 🙂again'
    assert upstream.received[0].values("authorization") == [f"Bearer {OPENAI_KEY}"]


async def test_the_anthropic_sdk_gets_what_the_upstream_said(
    anthropic_client: anthropic.AsyncAnthropic, upstream: ScriptedUpstream
) -> None:
    upstream.streams(*STREAMS["anthropic-messages"])
    async with anthropic_client.messages.stream(model="claude-x", max_tokens=9, messages=[]) as stream:
        assert await stream.get_final_text() == 'Grüße "\\\u1234 🙂'
    assert upstream.received[0].values("x-api-key") == [ANTHROPIC_KEY]
