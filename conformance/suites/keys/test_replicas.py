"""Where the same gateway is served more than once, keys begin and end everywhere."""

from collections.abc import Callable

from anyio.to_thread import run_sync

from conformance.api import Connect, Door, Hooks, Reply, Upstream, check


@check(
    "keys/replicas/minted",
    requirement="replicas-know-all-keys",
    feature="replicas",
    direct=False,
    catches=("replicas-learn-no-new-keys",),
)
async def test_a_minted_key_works_at_every_replica_at_once(
    connect: Connect, upstream: Upstream, hooks: Hooks, door: Door, replicas: list[Door]
) -> None:
    script = await upstream.answers(Reply(text="welcome"))
    key = await run_sync(hooks.mint)
    for at in (*replicas, door):
        answer = await connect(key=key, at=at).ask(script.prompt)
        assert answer.text == "welcome"


@check(
    "keys/replicas/revoked",
    requirement="replicas-know-all-keys",
    feature="replicas",
    direct=False,
    catches=("replicas-keep-what-they-saw",),
)
async def test_a_revoked_key_works_at_no_replica_any_more(
    connect: Connect, upstream: Upstream, hooks: Hooks, door: Door, replicas: list[Door]
) -> None:
    key = await run_sync(hooks.mint)
    await _ends_everywhere(connect, upstream, key, [*replicas, door], hooks.revoke)


@check(
    "keys/replicas/expired",
    requirement="replicas-know-all-keys",
    feature="replicas",
    direct=False,
    catches=("replicas-keep-what-they-saw",),
)
async def test_an_expired_key_works_at_no_replica_any_more(
    connect: Connect, upstream: Upstream, hooks: Hooks, door: Door, replicas: list[Door]
) -> None:
    key = await run_sync(hooks.mint)
    await _ends_everywhere(connect, upstream, key, [*replicas, door], hooks.expire)


async def _ends_everywhere(
    connect: Connect, upstream: Upstream, key: str, doors: list[Door], end: Callable[[str], None]
) -> None:
    script = await upstream.answers()
    clients = {door.url: connect(key=key, at=door) for door in doors}
    for client in clients.values():
        await client.ask(script.prompt)
    await run_sync(end, key)
    for url, client in clients.items():
        failure = await client.fails(script.prompt)
        assert failure.status == 401, f"{url} answered {failure.status} in place of 401"
    assert len(await script.journal()) == len(clients), "the upstream was called for a key that had ended"
