"""An upstream that breaks off never looks like one that has finished."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import aiohttp
import anthropic
import openai
import pytest
from aiohttp import web

from tests.gateway.streams import FINISHED_AFTER, PATHS, STREAMS, events

if TYPE_CHECKING:
    from gateway.surfaces import Surface
    from tests.gateway.conftest import RawClient, ScriptedUpstream

CUTS = [0, 1, 30, 170, 230]  # between events, inside names, inside JSON


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "clean end"])
@pytest.mark.parametrize("surface", STREAMS)
async def test_an_unfinished_stream_ends_with_the_protocols_error(
    client: RawClient, upstream: ScriptedUpstream, surface: Surface, *, cut: bool
) -> None:
    sent = STREAMS[surface][: FINISHED_AFTER[surface] - 1]
    upstream.streams(*sent, cut=cut)
    reply = await client.ask("POST", PATHS[surface], b"{}")
    assert reply.body.startswith(b"".join(sent))
    *before, (name, data) = events(reply.body)
    assert before == events(b"".join(sent))
    assert "The upstream closed the connection" in data
    assert name == ("" if surface == "openai-chat" else "error")


async def test_a_byte_order_mark_is_no_part_of_an_event_that_breaks_off(
    client: RawClient, upstream: ScriptedUpstream
) -> None:
    upstream.streams(b'\xef\xbb\xbfdata: {"id":"c","choi', cut=True)
    reply = await client.ask("POST", "/v1/chat/completions", b"{}")
    [(_, data)] = events(reply.body.removeprefix(b"\xef\xbb\xbf"))
    assert "The upstream closed the connection" in json.loads(data)["error"]["message"]


async def test_a_stream_that_is_cut_after_its_end_is_finished(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.streams(*STREAMS["openai-responses"], cut=True)
    assert (await client.ask("POST", "/v1/responses", b"{}")).body == b"".join(STREAMS["openai-responses"])


async def test_a_compressed_stream_that_breaks_off_is_never_ended(
    client: RawClient, upstream: ScriptedUpstream
) -> None:
    async def script(request: web.Request) -> web.StreamResponse:
        headers = {"content-type": "text/event-stream", "content-encoding": "gzip"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(gzip.compress(b"".join(STREAMS["openai-chat"][:3])))
        return response

    upstream.script = script
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.ask("POST", "/v1/chat/completions", b"{}")


async def test_a_body_that_is_cut_short_stays_cut_short(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.streams(b'{"id":', cut=True, content_type="application/json")
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.ask("POST", "/v1/messages", b"{}")


@pytest.mark.parametrize("status", [200, 500])
async def test_a_body_of_which_nothing_came_is_a_bad_gateway(
    client: RawClient, upstream: ScriptedUpstream, status: int
) -> None:
    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"content-type": "application/json"})
        await response.prepare(request)
        if request.transport:
            request.transport.close()
        return response

    upstream.script = script
    reply = await client.ask("POST", "/v1/messages", b"{}")
    assert (reply.status, reply.json["error"]["type"]) == (502, "api_error")


async def test_an_upstream_that_cannot_be_reached_is_a_bad_gateway(
    client: RawClient, upstream: ScriptedUpstream
) -> None:
    async def script(request: web.Request) -> web.StreamResponse:
        if request.transport:
            request.transport.close()
        return web.Response()

    upstream.script = script
    reply = await client.ask("POST", "/v1/chat/completions", b"{}")
    assert (reply.status, reply.json["error"]["type"]) == (502, "server_error")
    assert "sk-upstream" not in reply.body.decode()


@pytest.mark.parametrize("inside", CUTS)
async def test_the_openai_sdk_raises_on_a_cut_chat_stream(
    openai_client: openai.AsyncOpenAI, upstream: ScriptedUpstream, inside: int
) -> None:
    first, second, third, *_ = STREAMS["openai-chat"]
    upstream.streams(first, second, third[:inside], cut=True)
    stream = await openai_client.chat.completions.create(model="gpt-x", messages=[], stream=True)
    with pytest.raises(openai.APIError, match="closed the connection"):
        _ = [chunk async for chunk in stream]


@pytest.mark.parametrize("inside", CUTS)
async def test_the_openai_sdk_yields_the_error_of_a_cut_responses_stream(
    openai_client: openai.AsyncOpenAI, upstream: ScriptedUpstream, inside: int
) -> None:
    first, second, *_ = STREAMS["openai-responses"]
    upstream.streams(first, second[:-9][:inside], cut=True)
    stream = await openai_client.responses.create(model="gpt-x", input="x", stream=True)
    *_, last = [event async for event in stream]
    assert (last.type, last.sequence_number) == ("error", 1)


@pytest.mark.parametrize("inside", CUTS)
async def test_the_anthropic_sdk_raises_on_a_cut_stream(
    anthropic_client: anthropic.AsyncAnthropic, upstream: ScriptedUpstream, inside: int
) -> None:
    first, second, third, fourth, *_ = STREAMS["anthropic-messages"]
    upstream.streams(first, second, third, fourth[:inside], cut=True)
    with pytest.raises(anthropic.APIStatusError, match="closed the connection"):
        async with anthropic_client.messages.stream(model="claude-x", max_tokens=9, messages=[]) as stream:
            await stream.get_final_message()
