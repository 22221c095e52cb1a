"""Money. What a call costs follows from the usage that the script gives and the prices that the target file names."""

from __future__ import annotations

from conformance.api import (
    BEDROCK,
    CHAT,
    MESSAGES,
    Client,
    Connect,
    Delivery,
    Hooks,
    Http,
    Mode,
    Reply,
    Tape,
    Upstream,
    Usage,
    check,
)
from conformance.suites.limits.limited import HAIR, counted, limited, refused, served

CALLS = 3
BOTH = (CHAT, MESSAGES)
CHEAP = Usage(input=400, output=150)
"""Well below a cent at any price: who rounds what a call costs is found out."""

CACHED = Usage(input=9_000, output=20, cache_read=8_000)
QUESTION = Usage(input=50_000, output=1)
ROUTES = ("chat/completions", "responses", "messages", "completions", "embeddings", "messages/batches", "batches")


async def _pays_for(usage: Usage, connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    """Two budgets: one that so many calls just use up, and one of which they leave a hair for one call more."""
    cost = hooks.cost(connect().door.model, usage)
    for budget, calls in ((CALLS * cost - HAIR, CALLS), (CALLS * cost + HAIR, CALLS + 1)):
        script = await upstream.answers(Reply(text="ok", usage=usage))
        client = connect(key=await limited(hooks, budget_usd=budget))
        ask = counted(client, script.prompt)
        for _ in range(calls):
            await served(client, ask)
        await refused(client, ask, f"on a budget of ${budget}, after {calls} calls that cost ${cost} each")
        assert len(await script.journal()) == calls, "a refused call reached the upstream"


@check(
    "limits/budget/exact",
    requirement="budgets-are-exact",
    feature="budgets",
    surfaces=BOTH,
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    direct=False,
    catches=("charges-nothing", "charges-no-streams", "charges-the-question-only", "charges-in-cents", "charges-a-fee"),
)
async def test_a_budget_pays_for_what_it_is_worth(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    await _pays_for(CHEAP, connect, upstream, hooks)


@check(
    "limits/budget/cached",
    requirement="cached-tokens-are-charged-once",
    feature="budgets",
    surfaces=BOTH,
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    direct=False,
    catches=("charges-cached-twice",),
)
async def test_tokens_from_a_cache_are_charged_once(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    await _pays_for(CACHED, connect, upstream, hooks)


@check(
    "limits/budget/cached-in-bedrock",
    requirement="cached-tokens-are-charged-once",
    feature="budgets",
    profile="translation",
    surfaces=(MESSAGES,),
    over=(BEDROCK,),
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    direct=False,
    catches=("charges-cached-twice",),
)
async def test_bedrock_counts_cached_tokens_twice_and_charges_them_once(
    connect: Connect, upstream: Upstream, hooks: Hooks
) -> None:
    await _pays_for(CACHED, connect, upstream, hooks)


@check(
    "limits/budget/spent",
    requirement="spent-budgets-are-not-retried",
    feature="budgets",
    surfaces=BOTH,
    direct=False,
    catches=("asks-to-retry-spent-budgets",),
)
async def test_the_sdk_does_not_ask_again_when_the_budget_is_spent(
    connect: Connect, upstream: Upstream, hooks: Hooks, tape: Tape
) -> None:
    script = await upstream.answers(Reply(text="ok", usage=CHEAP))
    key = await limited(hooks, budget_usd=hooks.cost(connect().door.model, CHEAP))
    await served(connect(key=key), script.prompt)
    before = len(tape.exchanges)
    failure = await refused(connect(key=key, retries=1), script.prompt, "on a spent budget")
    assert len(tape.exchanges) == before + 1, f"the SDK has asked again after {failure}"


@check(
    "limits/budget/every-way",
    requirement="limits-on-every-way",
    feature="budgets",
    surfaces=BOTH,
    modes=(Mode.HTTP,),
    direct=False,
    catches=("budgets-one-surface",),
)
async def test_no_other_route_spends_what_is_spent(
    connect: Connect, upstream: Upstream, hooks: Hooks, http: Http, client: Client
) -> None:
    script = await upstream.answers(Reply(text="ok", usage=CHEAP))
    key = await limited(hooks, budget_usd=hooks.cost(client.door.model, CHEAP))
    await served(connect(key=key), script.prompt)
    root = client.door.url.removesuffix("/v1")
    headers = (("authorization", f"Bearer {key}"), ("anthropic-version", "2023-06-01"))
    for path in ROUTES:
        body = {**client.body(script.prompt), "input": script.prompt, "prompt": script.prompt}
        await http.send("POST", f"{root}/v1/{path}", headers=headers, body=body)
        assert len(await script.journal()) == 1, f"POST /v1/{path} spent what was not there"


@check(
    "limits/budget/left",
    requirement="streams-that-are-left-are-charged",
    feature="budgets",
    surfaces=(MESSAGES,),
    modes=(Mode.ASYNC_STREAM,),
    direct=False,
    catches=("charges-only-whole-calls", "charges-no-streams"),
)
async def test_who_leaves_a_stream_pays_for_what_was_reported(
    connect: Connect, upstream: Upstream, hooks: Hooks
) -> None:
    left = await upstream.answers(Reply(text=("one ", "two "), usage=QUESTION, delivery=Delivery(gated=True)))
    more = await upstream.answers()
    client = connect()
    key = await limited(hooks, budget_usd=hooks.cost(client.door.model, Usage(input=QUESTION.input - 1, output=0)))
    leaving = connect(key=key)
    async with leaving.stream(left.prompt) as stream:
        await stream.next_text()
    await left.caller_left()
    await refused(leaving, more.prompt, "though the question of a stream that was left has used up the budget")
    assert not await more.journal(), "the refused call reached the upstream"
