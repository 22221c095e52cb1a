"""The tape holds every byte that passed, and delays none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from conformance.drivers import EVERY_MODE, Http, Mode, Tape
from conformance.drivers.tape import Exchange
from conformance.surface import CORE, Surface
from conformance.upstream import Delivery, Reply

if TYPE_CHECKING:
    from conformance.upstream import Upstream
    from tests.drivers.conftest import Knock

SPLIT = Reply(text="naïve ☕ 日本語", delivery=Delivery(chunk_bytes=3, comments=True, line_end="\r\n"))
PACKED = Reply(text="packed " * 50, delivery=Delivery(encoding="gzip"))


@pytest.mark.parametrize("reply", [SPLIT, PACKED], ids=["split", "gzip"])
@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("surface", CORE)
async def test_the_tape_holds_what_the_upstream_received_and_sent(
    knock: Knock, upstream: Upstream, surface: Surface, mode: Mode, reply: Reply
) -> None:
    script = await upstream.answers(reply)
    await knock(surface, mode, tape := Tape()).ask(script.prompt)
    received = await script.received()
    [exchange] = tape.exchanges
    assert (exchange.method, exchange.sent, exchange.status) == (received.method, received.body, 200)
    assert received.sent == bytes(exchange.body) if exchange.complete else received.sent.startswith(exchange.body)
    assert exchange.complete or mode.streams, "SDKs may leave at [DONE]"
    assert not exchange.error
    assert exchange.headers == received.headers
    sent = {(name.lower(), value) for name, value in received.sent_headers}
    assert sent <= {(name.lower(), value) for name, value in exchange.answer_headers}
    assert "".join(reply.whole_text.split()) in "".join(said(exchange).split()) or mode.streams


def said(exchange: Exchange) -> str:
    return json.dumps(exchange.json, ensure_ascii=False) if exchange.content.startswith(b"{") else ""


@pytest.mark.parametrize("mode", [Mode.ASYNC_STREAM, Mode.SYNC_STREAM])
async def test_a_call_that_is_left_stays_as_far_as_it_came(knock: Knock, upstream: Upstream, mode: Mode) -> None:
    script = await upstream.answers(Reply(text=("one ", "two "), delivery=Delivery(gated=True)))
    async with knock(Surface.OPENAI_CHAT, mode, tape := Tape()).stream(script.prompt) as stream:
        assert await stream.next_text() == "one "
        assert b"one " in tape.last.body
    assert await script.caller_left()
    assert not tape.last.complete
    assert b"two " not in tape.last.body


async def test_exchanges_stand_in_the_order_in_which_they_began(knock: Knock, upstream: Upstream) -> None:
    tape = Tape()
    for mode in (Mode.ASYNC, Mode.SYNC, Mode.ASYNC_STREAM):
        script = await upstream.answers(Reply(text=mode))
        await knock(Surface.OPENAI_CHAT, mode, tape).ask(script.prompt)
    assert [
        mode.encode() in exchange.content
        for mode, exchange in zip((Mode.ASYNC, Mode.SYNC, Mode.ASYNC_STREAM), tape.exchanges, strict=True)
    ] == [True, True, True]


async def test_plain_http_sends_just_the_headers_it_is_given(upstream: Upstream) -> None:
    script = await upstream.answers()
    http = Http(tape := Tape())
    headers = [("x-one", "1"), ("X-One", "2"), ("authorization", "Bearer sk-openai-upstream")]
    url = f"{upstream.url}/openai/v1/chat/completions"
    body = {"model": "m", "messages": [{"role": "user", "content": script.prompt}]}
    answer = await http.send("POST", url, headers=headers, body=body)
    await http.aclose()
    assert (answer.status, answer.json["choices"][0]["message"]["content"]) == (200, "ok")
    names = [name.lower() for name, _ in (await script.received()).headers]
    assert sorted(set(names) - {"host", "content-length", "connection"}) == ["authorization", "content-type", "x-one"]
    assert (await script.received()).values("x-one") == ["1", "2"]
    assert tape.last is answer


@pytest.mark.parametrize("mode", [Mode.ASYNC, Mode.SYNC_STREAM])
async def test_headers_of_a_door_go_with_every_request(knock: Knock, upstream: Upstream, mode: Mode) -> None:
    script = await upstream.answers()
    await knock(Surface.OPENAI_CHAT, mode, tape := Tape(), headers=(("x-route", "north"),)).ask(script.prompt)
    assert (await script.received()).values("x-route") == ["north"]
    assert ("x-route", "north") in tape.last.headers


async def test_plain_http_takes_headers_for_every_request_too(upstream: Upstream) -> None:
    script = await upstream.answers()
    http = Http(Tape(), (("x-route", "north"),))
    body = {"model": "m", "messages": [{"role": "user", "content": script.prompt}]}
    headers = [("authorization", "Bearer sk-openai-upstream")]
    await http.send("POST", f"{upstream.url}/openai/v1/chat/completions", headers=headers, body=body)
    await http.aclose()
    assert (await script.received()).values("x-route") == ["north"]


async def test_plain_http_hangs_up_when_it_leaves(upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=("one ", "two "), delivery=Delivery(gated=True)))
    http = Http(Tape())
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": script.prompt}]}
    headers = [("authorization", "Bearer sk-openai-upstream")]
    url = f"{upstream.url}/openai/v1/chat/completions"
    async with http.open("POST", url, headers=headers, body=body) as (exchange, chunks):
        await anext(chunks)
        assert exchange.status == 200
    assert await script.caller_left()
    await http.aclose()


def test_an_empty_tape_says_that_nothing_was_sent() -> None:
    with pytest.raises(AssertionError, match="the client sent nothing"):
        _ = Tape().last


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000])
def test_an_answer_that_is_not_json_is_a_failure(body: bytes) -> None:
    with pytest.raises(AssertionError, match="an answer that is not JSON"):
        _ = Exchange("GET", "http://gateway", (), b"", 200, (), bytearray(body)).json


def test_headers_are_read_in_any_case() -> None:
    exchange = Exchange("GET", "http://gateway", (), b"", 200, (("X-A", "1"), ("x-a", "2")))
    assert exchange.values("X-a") == ["1", "2"]
    assert exchange.value("x-A") == "1"
    assert exchange.value("x-b") is None
