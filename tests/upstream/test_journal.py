"""The journal holds what was on the wire, and knows who left."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING

import pytest

from conformance.upstream import Delivery, Reply, Upstream
from tests.upstream import test_anthropic_messages, test_openai_chat, test_openai_responses
from tests.upstream.conftest import KEYS
from tests.upstream.raw import CHAT, chat, connected, request

if TYPE_CHECKING:
    import anthropic
    import openai

BEARER = f"Authorization: Bearer {KEYS['openai']}\r\n"


async def test_a_request_is_kept_as_it_was_on_the_wire(upstream: Upstream) -> None:
    script = await upstream.answers()
    extra = "X-ODD-Case: 1\r\nx-odd-case: 2 , 3\r\naCCept: */*\r\nX-Latin: \xe4\r\n"
    sent = chat(script.prompt, path=f"{CHAT}?b=2&a=%2f+%20&b", extra=extra)
    sent = sent.replace("\xe4".encode(), b"\xe4")
    async with connected(upstream.url) as line:
        await line.send(sent)
        await line.body()
    kept = await script.received()
    assert (kept.method, kept.provider, kept.token) == ("POST", "openai", script.token)
    assert (kept.path, kept.query) == (CHAT, "b=2&a=%2f+%20&b")
    assert kept.params == [("b", "2"), ("a", "/  "), ("b", "")]
    assert [name for name, _ in kept.headers] == [
        "Host",
        "Content-Length",
        "Authorization",
        "X-ODD-Case",
        "x-odd-case",
        "aCCept",
        "X-Latin",
    ]
    assert kept.values("x-latin") == ["\xe4"]
    assert kept.tokens("x-odd-case") == ["1", "2", "3"]
    assert sent.endswith(b"\r\n\r\n" + kept.body)
    assert kept.arrived_at > 0


async def test_an_answer_is_kept_as_it_was_on_the_wire(upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="x", headers=(("X-Scripted", "1"), ("x-request-id", "mine"))))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt, stream=True))
        head = await line.head()
        body = b"".join(await line.chunks())
    kept = await script.received()
    assert kept.status == 200
    assert [f"{name}: {value}".encode() for name, value in kept.sent_headers] == head[1:]
    assert kept.sent == body
    assert head.count(b"x-request-id: mine") == 1
    assert b"X-Scripted: 1" in head


async def test_requests_are_numbered_and_answered_in_turn(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="first"), Reply(text="then"))
    said = [
        (await gpt.chat.completions.create(**test_openai_chat.asked(script))).choices[0].message.content
        for _ in range(3)
    ]
    assert said == ["first", "then", "then"]
    assert [call.number for call in await script.journal()] == [1, 2, 3]


async def test_a_request_that_is_refused_at_the_door_is_journaled(upstream: Upstream) -> None:
    script = await upstream.answers()
    async with connected(upstream.url) as line:
        await line.send(request(CHAT, json.dumps({"x": script.prompt}).encode()))
        await line.body()
    refused = await script.received()
    assert refused.status == 401
    assert json.loads(refused.sent)["error"]["type"] == "invalid_request_error"


async def test_a_token_is_found_wherever_it_is(upstream: Upstream) -> None:
    script = await upstream.answers()
    nested = json.dumps({"model": "m", "input": json.dumps({"deep": script.prompt})}).encode()
    squeezed = gzip.compress(nested)
    async with connected(upstream.url) as line:
        for call in (
            request(CHAT, nested, extra=BEARER),
            request(CHAT, squeezed, extra=f"{BEARER}Content-Encoding: gzip\r\n"),
            request(f"/openai/v1/models?x={script.token}", b"", method="GET", extra=BEARER),
            request(f"/openai/v1/models/{script.token}", b"", method="GET", extra=BEARER),
            request(f"/nowhere/{script.token}", b"", method="PATCH"),
        ):
            await line.send(call)
            await line.body()
    calls = await script.journal()
    assert [call.status for call in calls] == [200, 200, 200, 404, 404]
    assert calls[1].body == squeezed


async def test_the_first_registered_token_wins(upstream: Upstream) -> None:
    one, two = await upstream.answers(), await upstream.answers()
    async with connected(upstream.url) as line:
        await line.send(chat(f"case-000000000000 {two.token} {one.token}", path=f"{CHAT}?x={one.token}"))
        await line.body()
    assert await one.journal() == []
    assert len(await two.journal()) == 1


async def test_a_request_without_a_known_token_gets_a_plain_answer(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    answer = await gpt.responses.create(model="m", input="case-ffffffffffff")
    assert answer.status == "completed"
    [stranger] = await upstream.journal()
    assert stranger.token is None
    assert stranger.finished


@pytest.mark.parametrize(
    "delivery",
    [Delivery(hold_headers=True), Delivery(gated=True), Delivery(stall_after=1), Delivery(stall_after=0)],
    ids=["before headers", "at a gate", "stalled", "stalled at once"],
)
async def test_a_caller_that_leaves_is_seen_at_once(upstream: Upstream, delivery: Delivery) -> None:
    script = await upstream.answers(Reply(text=("one", "two"), delivery=delivery))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt, stream=True))
        [call] = await script.arrived()
        assert call.client_left_at is None
    assert await script.caller_left()
    [call] = await script.journal()
    assert not call.finished
    assert call.client_left_at
    assert call.client_left_at >= call.arrived_at


async def test_who_leaves_with_a_complete_answer_has_not_left_early(
    claude: anthropic.AsyncAnthropic, gpt: openai.AsyncOpenAI, upstream: Upstream
) -> None:
    """The OpenAI SDK closes the connection as soon as it has read [DONE]."""
    script = await upstream.answers(Reply(text="x"))
    await test_openai_chat.chunks(gpt, script)
    await test_openai_responses.events(gpt, script)
    await test_anthropic_messages.events(claude, script)
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt, stream=True))
        await line.reader.readuntil(b"[DONE]")
    calls = await upstream.journal(script.token, until="finished", count=4, patience=30)
    assert [(call.finished, call.client_left_at) for call in calls] == [(True, None)] * 4


async def test_two_cases_do_not_see_each_other(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    scripts = [await upstream.answers(Reply(text=f"answer {number}")) for number in range(8)]
    answers = await asyncio.gather(
        *(gpt.chat.completions.create(**test_openai_chat.asked(script)) for script in scripts)
    )
    assert [answer.choices[0].message.content for answer in answers] == [f"answer {n}" for n in range(8)]
    assert [len(await script.journal()) for script in scripts] == [1] * 8


async def test_no_more_than_8_mib_of_an_answer_are_kept(upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="x" * (9 * 1024 * 1024)))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt))
        sent = await line.body()
    kept = (await script.received()).sent
    assert kept == sent[: 8 * 1024 * 1024]


async def test_a_body_past_the_limit_is_refused(upstream: Upstream) -> None:
    script = await upstream.answers()
    size = 64 * 1024 * 1024 + 1
    head = f"POST {CHAT} HTTP/1.1\r\nHost: u\r\nContent-Length: {size}\r\n{BEARER}Expect: 100-continue\r\n\r\n"
    async with connected(upstream.url) as line:
        await line.send(head.encode())
        assert await line.head() == [b"HTTP/1.1 100 Continue"]
        await line.send(script.prompt.encode() + b" " * (size - len(script.prompt)))
        assert (await line.head())[0] == b"HTTP/1.1 413 Request Entity Too Large"
    assert (await script.received()).status == 413
