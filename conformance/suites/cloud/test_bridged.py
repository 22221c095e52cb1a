"""Claude on a cloud for clients of Anthropic's own API: betas that the cloud takes, pings that it does not send."""

from contextlib import suppress
from typing import Any

import anyio

from conformance.api import (
    BEDROCK,
    MESSAGES,
    VERTEX,
    Ask,
    Client,
    ClientFailedError,
    Delivery,
    Http,
    MessagesClient,
    Mode,
    ProviderError,
    Received,
    Reply,
    Tool,
    Upstream,
    assert_kept,
    check,
)

CLOUDS = (BEDROCK, VERTEX)
TAKEN, NEVER_SEEN = "interleaved-thinking-2025-05-14", "never-seen-2099-01-01"
SHORTENING = "context-management-2025-06-27"
LONGEST_SILENCE = 40.0
"""Seconds: a gateway that sends a ping every half a minute keeps every client waiting."""


@check(
    "translation/cloud/betas",
    requirement="cloud-betas-mapped",
    profile="translation",
    feature="betas",
    surfaces=(MESSAGES,),
    over=CLOUDS,
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("drops-beta",),
)
async def test_a_cloud_is_sent_the_betas_that_it_knows_and_no_others(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    answer = await client.ask(Ask(script.prompt, betas=(TAKEN, NEVER_SEEN)))
    assert answer.text == "ok"
    received = await script.received()
    betas = _betas(received)
    assert TAKEN in betas, f"{received.provider} knows {TAKEN}, and was not sent it"
    if received.provider in CLOUDS:
        assert NEVER_SEEN not in betas, f"{received.provider} refuses calls that name betas it does not know"


def _betas(received: Received) -> list[str]:
    return [*received.tokens("anthropic-beta"), *_claudes(received).get("anthropic_beta", [])]


def _claudes(received: Received) -> dict[str, Any]:
    """What is said to Claude itself: the body, but for Converse a part of it."""
    asked: dict[str, Any] = received.json
    return asked.get("additionalModelRequestFields") or {} if "/converse" in received.path else asked


@check(
    "translation/cloud/pings",
    requirement="cloud-pings-made",
    profile="translation",
    feature="streaming",
    surfaces=(MESSAGES,),
    over=(BEDROCK,),
    modes=(Mode.HTTP,),
    catches=("drops-pings",),
)
async def test_a_client_hears_pings_while_the_cloud_is_silent(client: Client, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers(Reply(text=("One ", "two."), delivery=Delivery(gated=True, pings=True)))
    headers = [("x-api-key", client.door.key), ("anthropic-version", "2023-06-01")]
    body = client.body(script.prompt) | {"stream": True}
    async with http.open("POST", client.url(), headers=headers, body=body) as (exchange, chunks):
        with suppress(TimeoutError), anyio.fail_after(LONGEST_SILENCE):
            async for _ in chunks:
                if b"event: ping" in exchange.body:
                    break
        assert b"event: ping" in exchange.body, f"no ping within {LONGEST_SILENCE:.0f} s of silence"


@check(
    "translation/cloud/request",
    requirement="cloud-request-bridged",
    profile="translation",
    feature="body",
    surfaces=(MESSAGES,),
    over=CLOUDS,
    modes=(Mode.HTTP,),
    catches=("strips-cache-control", "moves-thinking-first"),
)
async def test_what_a_cloud_has_in_common_with_anthropic_arrives_in_its_place(
    client: Client, upstream: Upstream, http: Http
) -> None:
    script = await upstream.answers()
    headers = [("x-api-key", client.door.key), ("anthropic-version", "2023-06-01")]
    body = client.body(script.prompt) | _SHARED
    body["messages"] = [*body["messages"], *_REPLAYED]
    answer = await http.send("POST", client.url(), headers=headers, body=body)
    assert answer.status == 200, f"refused with {answer.status}: {answer.content[:300]!r}"
    received = await script.received()
    if "/converse" in received.path:
        _assert_marked(received.json)
    else:
        kept = {name: received.json.get(name) for name in (*_SHARED, "messages")}
        assert_kept(kept, _SHARED | {"messages": body["messages"]}, where="the request at the cloud")


_FOR_AN_HOUR = {"type": "ephemeral", "ttl": "1h"}
_SHARED: dict[str, Any] = {
    "max_tokens": 4096,
    "system": [{"type": "text", "text": "You speak Norwegian only.", "cache_control": _FOR_AN_HOUR}],
    "tools": [{"name": "tide", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}],
    "thinking": {"type": "enabled", "budget_tokens": 1024},
}
_REPLAYED: list[Any] = [
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "First the tides.", "signature": "Zmlyc3Q="},
            {"type": "tool_use", "id": "toolu_1", "name": "tide", "input": {}},
            {"type": "thinking", "thinking": "Then the wind.", "signature": "c2Vjb25k"},
            {"type": "tool_use", "id": "toolu_2", "name": "tide", "input": {"day": 2}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1"},
            {"type": "tool_result", "tool_use_id": "toolu_2", "content": "high", "cache_control": _FOR_AN_HOUR},
        ],
    },
]


def _assert_marked(body: dict[str, Any]) -> None:
    """In Converse a mark is an entry of its own, behind what is cached."""
    said = {"tools": body["toolConfig"]["tools"], "messages": body["messages"][-1]["content"], "system": body["system"]}
    for where, entries in said.items():
        marks = [entry["cachePoint"] for entry in entries if "cachePoint" in entry]
        assert len(marks) == 1, f"{len(marks)} cache points stand beside the {where}: {entries}"
        assert where == "tools" or marks[0].get("ttl") == "1h", f"the hour of the mark in {where} is lost"


@check(
    "translation/cloud/context-management",
    requirement="cloud-context-bridged",
    profile="translation",
    feature="betas",
    surfaces=(MESSAGES,),
    over=CLOUDS,
    catches=("drops-context-management",),
)
async def test_how_the_context_is_kept_short_arrives_with_its_beta(client: Client, upstream: Upstream) -> None:
    edits = {"edits": [{"type": "clear_tool_uses_20250919"}]}
    script = await upstream.answers()
    ask = Ask(script.prompt, betas=(SHORTENING,), tools=(Tool("tide"),), fields={"context_management": edits})
    await client.ask(ask)
    received = await script.received()
    assert _claudes(received).get("context_management") == edits
    assert SHORTENING in _betas(received)


@check(
    "translation/cloud/count-tokens",
    requirement="cloud-counts-bridged",
    profile="translation",
    feature="count-tokens",
    surfaces=(MESSAGES,),
    over=CLOUDS,
    catches=("count-errors-become-500", "guesses-token-count"),
)
async def test_counting_for_a_cloud_is_right_or_refused(client: MessagesClient, upstream: Upstream) -> None:
    for reply in (Reply(input_tokens=4711), Reply(error=ProviderError(status=404))):
        script = await upstream.answers(reply)
        try:
            counted = await client.count_tokens(Ask(script.prompt))
        except ClientFailedError as error:
            status = error.failure.status or 0
            if 400 <= status < 500 or status == 501:
                continue
            raise
        assert (reply.error, counted) == (None, 4711), f"the client was told {counted}"
