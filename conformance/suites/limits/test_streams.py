"""Calls that run at once."""

from __future__ import annotations

from contextlib import AsyncExitStack

from conformance.api import (
    CHAT,
    MESSAGES,
    Connect,
    Delivery,
    Hooks,
    Mode,
    ProviderError,
    Reply,
    Upstream,
    check,
)
from conformance.suites.limits.limited import TOO_MANY, limited, refused, served_in_time

LIMIT = 2
GATED = Reply(text=("one ", "two "), delivery=Delivery(gated=True))
PLAIN = Reply(text="ok")


@check(
    "limits/streams/at-once",
    requirement="limits-on-calls-at-once",
    feature="stream-limits",
    surfaces=(CHAT, MESSAGES),
    modes=(Mode.ASYNC_STREAM,),
    direct=False,
    catches=("counts-no-streams", "never-frees-places"),
)
async def test_no_more_streams_run_at_once_than_allowed(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    running, more = await upstream.answers(GATED), await upstream.answers(PLAIN)
    client = connect(key=await limited(hooks, streams=LIMIT))
    async with AsyncExitStack() as opened:
        streams = [await opened.enter_async_context(client.stream(running.prompt)) for _ in range(LIMIT)]
        for stream in streams:
            await stream.next_text()
        failure = await refused(client, more.prompt, f"while {LIMIT} were running, which is the limit")
        assert failure.status == TOO_MANY, f"the SDK sees {failure}"
        assert not await more.journal(), "the refused call reached the upstream"
        await running.release(LIMIT * 10)
        for stream in streams:
            await stream.answer()
    await served_in_time(client, more.prompt, "though all streams are over")


@check(
    "limits/streams/left",
    requirement="places-come-free",
    feature="stream-limits",
    surfaces=(CHAT, MESSAGES),
    modes=(Mode.ASYNC_STREAM,),
    direct=False,
    catches=("keeps-places-of-leavers",),
)
async def test_who_leaves_a_stream_may_begin_another(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    left, more = await upstream.answers(GATED), await upstream.answers(PLAIN)
    client = connect(key=await limited(hooks, streams=1))
    async with client.stream(left.prompt) as stream:
        await stream.next_text()
    await left.caller_left()
    await served_in_time(client, more.prompt, "though the client has left its only stream")


@check(
    "limits/streams/failed",
    requirement="places-come-free",
    feature="stream-limits",
    surfaces=(CHAT, MESSAGES),
    direct=False,
    catches=("keeps-places-of-failures",),
)
async def test_a_call_that_failed_upstream_runs_no_more(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    broken = await upstream.answers(Reply(error=ProviderError(status=400)))
    more = await upstream.answers(PLAIN)
    client = connect(key=await limited(hooks, streams=1))
    await refused(client, broken.prompt, "that the upstream has refused")
    await served_in_time(client, more.prompt, "though the upstream has refused the only call")
