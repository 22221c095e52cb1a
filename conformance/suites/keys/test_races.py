"""Keys that end while they are in use."""

import anyio
from anyio.to_thread import run_sync

from conformance.api import Client, ClientFailedError, Connect, Delivery, Hooks, Mode, Reply, Upstream, check

AT_ONCE = 4
STREAMED = (Mode.ASYNC_STREAM,)
GATED = Reply(text=("one ", "two ", "three "), delivery=Delivery(gated=True))


@check(
    "keys/race/stream",
    requirement="keys-have-a-life",
    feature="key-lifecycle",
    modes=STREAMED,
    direct=False,
    catches=("keeps-keys-in-use",),
)
async def test_a_running_stream_keeps_no_revoked_key_alive(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    running, further = await upstream.answers(GATED), await upstream.answers()
    key = await run_sync(hooks.mint)
    async with connect(key=key).stream(running.prompt) as stream:
        await stream.next_text()
        await run_sync(hooks.revoke, key)
        failure = await connect(key=key).fails(further.prompt)
    assert failure.status == 401
    assert not await further.journal(), "the upstream was called for a revoked key"


@check(
    "keys/race/stream-ends",
    requirement="streams-end-with-their-key",
    feature="key-lifecycle",
    modes=STREAMED,
    direct=False,
    catches=("lets-streams-outlive-keys",),
)
async def test_a_running_stream_ends_with_its_key(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    script, key = await upstream.answers(GATED), await run_sync(hooks.mint)
    async with connect(key=key).stream(script.prompt) as stream:
        await stream.next_text()
        await run_sync(hooks.revoke, key)
        assert await script.caller_left(), "the provider still answers a call whose key was revoked"


@check(
    "keys/race/many",
    requirement="keys-have-a-life",
    feature="key-lifecycle",
    direct=False,
    catches=("revives-keys-in-use",),
)
async def test_calls_that_run_bring_no_revoked_key_back(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    held = await upstream.answers(Reply(text="ok", delivery=Delivery(hold_headers=True)))
    further, key = await upstream.answers(), await run_sync(hooks.mint)
    async with anyio.create_task_group() as users:
        for _ in range(AT_ONCE):
            users.start_soon(_use, connect(key=key), held.prompt)
        await held.arrived(AT_ONCE)
        await run_sync(hooks.revoke, key)
        await held.release(AT_ONCE)
    async with anyio.create_task_group() as users:
        for _ in range(AT_ONCE):
            users.start_soon(_assert_refused, connect(key=key), further.prompt)
    assert not await further.journal(), "the upstream was called for a revoked key"


async def _use(client: Client, prompt: str) -> None:
    """Answered or ended: that is the gateway's choice."""
    try:
        await client.ask(prompt)
    except ClientFailedError:
        return


async def _assert_refused(client: Client, prompt: str) -> None:
    assert (await client.fails(prompt)).status == 401
