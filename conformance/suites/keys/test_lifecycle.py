"""Keys that were good, and are no more."""

from anyio.to_thread import run_sync

from conformance.api import CHAT, Connect, Hooks, Reply, Tape, Upstream, check


@check(
    "keys/life/minted",
    requirement="keys-have-a-life",
    feature="key-lifecycle",
    direct=False,
    catches=("mints-keys-that-do-not-work",),
)
async def test_a_minted_key_works_at_once(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    script = await upstream.answers(Reply(text="welcome"))
    answer = await connect(key=await run_sync(hooks.mint)).ask(script.prompt)
    assert answer.text == "welcome"


@check(
    "keys/life/revoked",
    requirement="keys-have-a-life",
    feature="key-lifecycle",
    direct=False,
    catches=("forgets-revocation",),
)
async def test_a_revoked_key_works_no_more(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    script = await upstream.answers()
    key = await run_sync(hooks.mint)
    await connect(key=key).ask(script.prompt)
    await run_sync(hooks.revoke, key)
    failure = await connect(key=key).fails(script.prompt)
    assert failure.status == 401
    assert len(await script.journal()) == 1, "the upstream was called for a revoked key"


@check(
    "keys/life/expired",
    requirement="keys-have-a-life",
    feature="key-lifecycle",
    direct=False,
    catches=("forgets-expiry",),
)
async def test_an_expired_key_works_no_more(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    script = await upstream.answers()
    key = await run_sync(hooks.mint)
    await connect(key=key).ask(script.prompt)
    await run_sync(hooks.expire, key)
    failure = await connect(key=key).fails(script.prompt)
    assert failure.status == 401


@check(
    "keys/life/others",
    requirement="keys-have-a-life",
    feature="key-lifecycle",
    direct=False,
    catches=("revokes-all",),
)
async def test_revoking_one_key_leaves_the_others_alone(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    script = await upstream.answers(Reply(text="still here"))
    revoked, kept = await run_sync(hooks.mint), await run_sync(hooks.mint)
    await run_sync(hooks.revoke, revoked)
    answer = await connect(key=kept).ask(script.prompt)
    assert answer.text == "still here"


@check(
    "keys/life/not-echoed",
    requirement="refused-key-is-not-echoed",
    feature="key-lifecycle",
    surfaces=(CHAT,),
    direct=False,
    catches=("echoes-refused-key",),
)
async def test_a_key_that_was_good_is_not_repeated_either(
    connect: Connect, upstream: Upstream, hooks: Hooks, tape: Tape
) -> None:
    script, key = await upstream.answers(), await run_sync(hooks.mint)
    await run_sync(hooks.expire, key)
    await connect(key=key).fails(script.prompt)
    seen = tape.last.content + str(tape.last.answer_headers).encode()
    assert key.encode() not in seen, f"the refusal repeats the key: {tape.last.content[:300]!r}"
