"""Where the same gateway is served more than once, a key may use what it may once, not once at each."""

from __future__ import annotations

from contextlib import AsyncExitStack
from itertools import cycle, islice

from conformance.api import CHAT, MESSAGES, Connect, Delivery, Door, Hooks, Mode, Reply, Upstream, Usage, check
from conformance.suites.limits.limited import HAIR, counted, let_through, limited, refused, served, served_in_time

LIMIT = 3
BURST = 12
BOTH = (CHAT, MESSAGES)
GATED = Reply(text=("one ", "two "), delivery=Delivery(gated=True))
USED = Usage(input=400, output=150)


@check(
    "limits/replicas/requests",
    requirement="limits-of-all-replicas",
    feature="shared-requests",
    surfaces=BOTH,
    modes=(Mode.ASYNC,),
    direct=False,
    catches=("limits-by-replica",),
)
async def test_requests_at_all_replicas_count_together(
    connect: Connect, upstream: Upstream, hooks: Hooks, door: Door, replicas: list[Door]
) -> None:
    script = await upstream.answers()
    key = await limited(hooks, requests_per_minute=LIMIT)
    clients = [connect(key=key, at=each) for each in (*replicas, door)]
    for client in islice(cycle(clients), LIMIT):
        await served(client, script.prompt)
    for client in clients:
        await refused(client, script.prompt, f"at {client.door.url}, beyond {LIMIT} a minute at all replicas")
    assert len(await script.journal()) == LIMIT, "refused calls reached the upstream"


@check(
    "limits/replicas/burst",
    requirement="limits-of-all-replicas",
    feature="shared-requests",
    surfaces=BOTH,
    modes=(Mode.ASYNC,),
    direct=False,
    catches=("limits-by-replica", "counts-requests-late"),
)
async def test_a_burst_at_all_replicas_gets_exactly_the_limit_through(
    connect: Connect, upstream: Upstream, hooks: Hooks, door: Door, replicas: list[Door]
) -> None:
    script = await upstream.answers(Reply(text="ok", delivery=Delivery(hold_headers=True)))
    key = await limited(hooks, requests_per_minute=LIMIT)
    clients = [connect(key=key, at=each) for each in (*replicas, door)]
    through = await let_through(script, list(islice(cycle(clients), BURST)), LIMIT)
    assert through == LIMIT, f"{through} of {BURST} calls at once got through, where all replicas may let {LIMIT}"
    assert len(await script.journal()) == LIMIT, "refused calls reached the upstream"


@check(
    "limits/replicas/streams",
    requirement="limits-of-all-replicas",
    feature="shared-streams",
    surfaces=BOTH,
    modes=(Mode.ASYNC_STREAM,),
    direct=False,
    catches=("limits-by-replica",),
)
async def test_streams_at_all_replicas_count_together(
    connect: Connect, upstream: Upstream, hooks: Hooks, door: Door, replicas: list[Door]
) -> None:
    running, more = await upstream.answers(GATED), await upstream.answers(Reply(text="ok"))
    doors = (*replicas, door)
    key = await limited(hooks, streams=len(doors))
    clients = [connect(key=key, at=each) for each in doors]
    async with AsyncExitStack() as opened:
        streams = [await opened.enter_async_context(client.stream(running.prompt)) for client in clients]
        for stream in streams:
            await stream.next_text()
        for client in clients:
            await refused(client, more.prompt, f"at {client.door.url}, while as many ran at all replicas as may")
        await running.release(len(streams) * 10)
        for stream in streams:
            await stream.answer()
    for client in clients:
        await served_in_time(client, more.prompt, f"at {client.door.url}, though all streams are over")


@check(
    "limits/replicas/budget",
    requirement="limits-of-all-replicas",
    feature="shared-budgets",
    surfaces=BOTH,
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    direct=False,
    catches=("limits-by-replica",),
)
async def test_all_replicas_charge_one_budget(
    connect: Connect, upstream: Upstream, hooks: Hooks, door: Door, replicas: list[Door]
) -> None:
    script = await upstream.answers(Reply(text="ok", usage=USED))
    budget = LIMIT * hooks.cost(door.model, USED) - HAIR
    key = await limited(hooks, budget_usd=budget)
    clients = [connect(key=key, at=each) for each in (*replicas, door)]
    for client in islice(cycle(clients), LIMIT):
        await served_in_time(client, counted(client, script.prompt), f"on a budget of ${budget} that is not spent")
    for client in clients:
        await refused(client, counted(client, script.prompt), f"at {client.door.url}, on a budget that is spent")
    assert len(await script.journal()) == LIMIT, "refused calls reached the upstream"
