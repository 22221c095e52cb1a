"""A key that ends while its calls are running, ended by another connection to the store, as another process would."""

from __future__ import annotations

import asyncio
import json
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiohttp
import anthropic
import openai
import pytest
from aiohttp import web

from gateway import Gateway, Settings, eventstream
from gateway.keys import Owner
from tests.gateway.conftest import ok
from tests.gateway.streams import PATHS, STREAMS, events

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway.keys import KeyStore
    from gateway.surfaces import Surface
    from tests.gateway.conftest import RawClient, ScriptedUpstream

DEADLINE = 30
MORE = """
[[providers]]
id = "gemini"
surfaces = ["gemini"]
base_url = "{upstream}/gemini"
credential = {{ file = "anthropic.key" }}
auth = "x-goog-api-key"
[[providers]]
id = "bedrock"
surfaces = ["bedrock"]
base_url = "{upstream}/bedrock"
credential = {{ file = "anthropic.key" }}
[[models]]
name = "translated"
provider = "anthropic"
protocol = "anthropic-messages"
"""
ENDS: dict[str, Callable[[KeyStore, str], object]] = {
    "revoked": lambda store, key: store.revoke(store.named(key)),
    "expired": lambda store, key: store.expire(store.named(key), time.time()),
    "deleted": lambda store, key: store.delete(store.named(key)),
}


@pytest.fixture
def config(config: Path, upstream: ScriptedUpstream) -> Path:
    config.write_text(config.read_text() + MORE.format(upstream=upstream.url))
    return config


def begins(upstream: ScriptedUpstream, *pieces: bytes, content_type: str = "text/event-stream") -> None:
    """A stream that is silent for ever after these pieces."""

    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": content_type})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        return await asyncio.Future()

    upstream.script = script


async def begun(client: RawClient, path: str, sent: bytes, expected: bytes) -> aiohttp.ClientResponse:
    response = await client.session.post(f"{client.url}{path}", data=sent, headers={"x-api-key": client.key})
    assert await response.content.readexactly(len(expected)) == expected
    return response


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("surface", STREAMS)
async def test_a_running_stream_ends_with_the_protocols_error_and_so_does_its_upstream_call(
    client: RawClient, upstream: ScriptedUpstream, store: KeyStore, surface: Surface, how: str
) -> None:
    sent = b"".join(STREAMS[surface][:2])
    begins(upstream, sent)
    async with asyncio.timeout(DEADLINE):
        response = await begun(client, PATHS[surface], b"{}", sent)
        ENDS[how](store, client.key)
        rest = await response.content.read()
        await upstream.abandoned.wait()
    *before, (name, data) = events(sent + rest)
    assert before == events(sent)
    error = json.loads(data)
    said = error if surface == "openai-responses" else error["error"]
    assert said["message"] == f"This gateway key has {'been ' if how != 'expired' else ''}{how}."
    assert name == ("" if surface == "openai-chat" else "error")
    if surface == "anthropic-messages":
        assert error["error"]["type"] == "authentication_error"
    else:
        assert said["code"] == "invalid_api_key"


async def test_a_gemini_stream_ends_with_googles_error(
    client: RawClient, upstream: ScriptedUpstream, store: KeyStore
) -> None:
    sent = b'data: {"candidates": [{"content": {"parts": [{"text": "Hei"}]}}]}\r\n\r\ndata: {"cand'
    begins(upstream, sent)
    async with asyncio.timeout(DEADLINE):
        response = await begun(client, "/v1beta/models/x:streamGenerateContent?alt=sse", b"{}", sent)
        store.revoke(store.named(client.key))
        *_, (_, data) = events(sent + await response.content.read())
    assert json.loads(data)["error"]["status"] == "UNAUTHENTICATED"


async def test_a_stream_of_frames_ends_with_an_exception(
    client: RawClient, upstream: ScriptedUpstream, store: KeyStore
) -> None:
    headers = {":message-type": "event", ":event-type": "contentBlockDelta", ":content-type": "application/json"}
    sent = eventstream.write_frame(eventstream.Frame(headers, b'{"delta": {"text": "Hei"}}'))
    begins(upstream, sent, content_type=eventstream.CONTENT_TYPE)
    async with asyncio.timeout(DEADLINE):
        response = await begun(client, "/model/x/converse-stream", b"{}", sent)
        store.revoke(store.named(client.key))
        [frame] = eventstream.FrameReader().feed(await response.content.read())
    assert frame.headers[":exception-type"] == "validationException"
    assert b"revoked" in frame.payload


@pytest.mark.parametrize("surface", ["openai-chat", "openai-responses"])
async def test_a_translated_stream_ends_in_the_clients_protocol(
    client: RawClient, upstream: ScriptedUpstream, store: KeyStore, surface: Surface
) -> None:
    begins(upstream, *STREAMS["anthropic-messages"][:4])
    said: dict[str, Any] = {"model": "translated", "stream": True, "max_tokens": 9}
    said |= {"input": "Hi"} if surface == "openai-responses" else {"messages": [{"role": "user", "content": "Hi"}]}
    async with asyncio.timeout(DEADLINE):
        response = await begun(client, PATHS[surface], json.dumps(said).encode(), b"")
        seen = b""
        while "Grüße".encode() not in seen:
            seen += await response.content.readany()
        store.revoke(store.named(client.key))
        *_, (_, data) = events(seen + await response.content.read())
        await upstream.abandoned.wait()
    error = json.loads(data)
    assert error.get("error", error)["message"] == "This gateway key has been revoked."
    assert error.get("error", error)["code"] == "invalid_api_key"


async def test_the_sdks_raise(
    openai_client: openai.AsyncOpenAI,
    anthropic_client: anthropic.AsyncAnthropic,
    upstream: ScriptedUpstream,
    store: KeyStore,
) -> None:
    begins(upstream, *STREAMS["openai-chat"][:3])
    stream = await openai_client.chat.completions.create(model="gpt-x", messages=[], stream=True)
    await anext(stream)
    begins(upstream, *STREAMS["anthropic-messages"][:4])
    other = await anthropic_client.messages.create(model="claude-x", max_tokens=9, messages=[], stream=True)
    await anext(other)
    store.revoke(store.named(openai_client.api_key))
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(openai.APIError, match="revoked"):
            _ = [chunk async for chunk in stream]
        with pytest.raises(anthropic.APIStatusError, match="revoked"):
            _ = [event async for event in other]


async def test_a_key_that_runs_out_by_the_clock_ends_its_stream(
    client: RawClient, upstream: ScriptedUpstream, store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.key = store.mint("short", lifetime=60).plaintext
    sent = STREAMS["openai-chat"][1]
    begins(upstream, sent)
    async with asyncio.timeout(DEADLINE):
        response = await begun(client, PATHS["openai-chat"], b"{}", sent)
        monkeypatch.setattr("gateway.watch.time", SimpleNamespace(time=lambda: time.time() + 60))
        assert b"has expired" in await response.content.read()


async def test_a_call_without_an_answer_yet_is_refused(
    client: RawClient, upstream: ScriptedUpstream, store: KeyStore
) -> None:
    asked = asyncio.Event()

    async def script(_: web.Request) -> web.Response:
        asked.set()
        return await asyncio.Future()

    upstream.script = script
    call = asyncio.create_task(client.ask("POST", "/v1/messages", b"{}"))
    async with asyncio.timeout(DEADLINE):
        await asked.wait()
        store.revoke(store.named(client.key))
        reply = await call
        await upstream.abandoned.wait()
    assert (reply.status, reply.json["error"]["type"]) == (401, "authentication_error")
    assert "revoked" in reply.json["error"]["message"]


async def test_a_body_in_the_middle_is_cut_off(client: RawClient, upstream: ScriptedUpstream, store: KeyStore) -> None:
    begins(upstream, b'{"half":', content_type="application/json")
    async with asyncio.timeout(DEADLINE):
        response = await begun(client, "/v1/messages", b"{}", b'{"half":')
        store.revoke(store.named(client.key))
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.read()
        await upstream.abandoned.wait()
    response.close()


@pytest.mark.parametrize("path", [PATHS["openai-chat"], PATHS["anthropic-messages"]], ids=["translated", "straight"])
async def test_a_client_that_does_not_read_keeps_no_upstream_call(
    client: RawClient, upstream: ScriptedUpstream, store: KeyStore, path: str
) -> None:
    deltas = STREAMS["anthropic-messages"][3] * 1000
    stalled = asyncio.Event()

    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for piece in STREAMS["anthropic-messages"][:3]:
            await response.write(piece)
        while True:
            try:
                async with asyncio.timeout(0.5):
                    await response.write(deltas)
            except TimeoutError:
                stalled.set()

    upstream.script = script
    said = {"model": "translated", "stream": True, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    async with asyncio.timeout(DEADLINE):
        response = await begun(client, path, json.dumps(said).encode(), b"")
        await stalled.wait()
        store.revoke(store.named(client.key))
        await upstream.abandoned.wait()
    response.close()


async def test_a_stream_that_was_over_is_not_told_of_anything(
    client: RawClient, upstream: ScriptedUpstream, store: KeyStore
) -> None:
    sent = b"".join(STREAMS["openai-responses"])
    begins(upstream, sent)
    async with asyncio.timeout(DEADLINE):
        response = await begun(client, PATHS["openai-responses"], b"{}", sent)
        store.revoke(store.named(client.key))
        assert await response.content.read() == b""


async def test_what_happens_to_other_keys_ends_no_stream(
    client: RawClient, upstream: ScriptedUpstream, store: KeyStore
) -> None:
    going = asyncio.Event()
    first, second, *rest = STREAMS["openai-chat"]

    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(first)
        await going.wait()
        for piece in (second, *rest):
            await response.write(piece)
        return response

    upstream.script = script
    ended = store.mint("ended", run="r").plaintext
    async with asyncio.timeout(DEADLINE):
        response = await begun(client, PATHS["openai-chat"], b"{}", first)
        client.key, own = ended, client.key
        other = await begun(client, PATHS["openai-chat"], b"{}", first)
        store.mint("new")
        assert store.delete_owned(Owner(run="r")) == 1
        assert b"deleted" in await other.content.read()
        going.set()
        assert await response.content.read() == b"".join((second, *rest))
    assert store.named(own).state(time.time()) == "valid"


@pytest.fixture
async def lenient(settings: Settings) -> AsyncIterator[Gateway]:
    keys = settings.keys.model_copy(update={"running_streams": "finish"})
    async with Gateway(settings.model_copy(update={"keys": keys})) as running:
        yield running


async def test_running_streams_may_be_let_finish(
    lenient: Gateway, client: RawClient, upstream: ScriptedUpstream, store: KeyStore
) -> None:
    going = asyncio.Event()
    first, *rest = STREAMS["openai-chat"]

    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(first)
        await going.wait()
        for piece in rest:
            await response.write(piece)
        return response

    upstream.script = script
    strict, client.url = client.url, lenient.url
    async with asyncio.timeout(DEADLINE):
        response = await begun(client, PATHS["openai-chat"], b"{}", first)
        client.url = strict
        watched = await begun(client, PATHS["openai-chat"], b"{}", first)
        store.revoke(store.named(client.key))
        assert b"revoked" in await watched.content.read()  # by now the lenient gateway could have known too
        going.set()
        assert await response.content.read() == b"".join(rest)
        client.url, upstream.script = lenient.url, ok
        assert (await client.ask("POST", "/v1/chat/completions", b"{}")).status == 401


async def test_the_audit_tells_how_it_ended(
    client: RawClient,
    gateway: Gateway,
    upstream: ScriptedUpstream,
    store: KeyStore,
    audited: Callable[[], list[dict[str, Any]]],
) -> None:
    sent = STREAMS["openai-chat"][1]
    begins(upstream, sent)
    async with asyncio.timeout(DEADLINE):
        response = await begun(client, PATHS["openai-chat"], b"{}", sent)
        store.revoke(store.named(client.key))
        await response.content.read()
    await gateway.__aexit__()
    assert [(row["end"], row["status"]) for row in audited()] == [("withdrawn", 200)]


async def test_many_streams_end_together(client: RawClient, upstream: ScriptedUpstream, store: KeyStore) -> None:
    sent = STREAMS["openai-chat"][1]
    begins(upstream, sent)
    running = []
    async with asyncio.timeout(DEADLINE):
        for number in range(100):
            client.key = store.mint("k", run="ends" if number % 2 else "goes on").plaintext
            running.append(await begun(client, PATHS["openai-chat"], b"{}", sent))
        assert store.revoke_owned(Owner(run="ends")) == 50
        for response in running[1::2]:
            assert b"revoked" in await response.content.read()
    assert not any(response.content.is_eof() or response.content.total_bytes > len(sent) for response in running[::2])
    for response in running:
        response.close()
