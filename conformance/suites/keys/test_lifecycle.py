"""Keys that were good, and are no more."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.to_thread import run_sync

from conformance.api import (
    CHAT,
    MESSAGES,
    Client,
    ClientFailedError,
    Connect,
    Exchange,
    Failure,
    Hooks,
    Http,
    Mode,
    Reply,
    Tape,
    Upstream,
    check,
)

POLL, LATEST = 0.25, 5.0


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


@check(
    "keys/life/deleted",
    requirement="keys-have-a-life",
    feature="key-deletion",
    direct=False,
    catches=("remembers-deleted-keys",),
)
async def test_a_deleted_key_works_no_more(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    script = await upstream.answers(Reply(text="still here"))
    key, kept = await run_sync(hooks.mint), await run_sync(hooks.mint)
    await connect(key=key).ask(script.prompt)
    await run_sync(hooks.delete, key)
    failure = await connect(key=key).fails(script.prompt)
    assert failure.status == 401
    assert len(await script.journal()) == 1, "the upstream was called for a deleted key"
    assert (await connect(key=kept).ask(script.prompt)).text == "still here"


@check(
    "keys/life/clock",
    requirement="keys-have-a-life",
    feature="key-expiry",
    surfaces=(CHAT,),
    direct=False,
    catches=("forgets-expiry",),
)
async def test_a_key_ends_by_itself_when_its_time_has_come(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    script = await upstream.answers()
    client = connect(key=await run_sync(hooks.mint, 1))
    latest = time.monotonic() + LATEST
    while (failure := await _refusal(client, script.prompt)) is None:
        assert time.monotonic() < latest, f"a key that was minted for 1 s works after {LATEST:g} s"
        await anyio.sleep(POLL)
    assert failure.status == 401


async def _refusal(client: Client, prompt: str) -> Failure | None:
    try:
        await client.ask(prompt)
    except ClientFailedError as error:
        return error.failure
    return None


@check(
    "keys/life/everywhere",
    requirement="keys-have-a-life",
    feature="key-lifecycle",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("forgets-revocation-on-lists", "keeps-keys-by-carrier"),
)
async def test_a_revoked_key_is_refused_wherever_it_was_good(
    client: Client, upstream: Upstream, http: Http, hooks: Hooks
) -> None:
    script, key = await upstream.answers(), await run_sync(hooks.mint)
    opened = [use for use in _uses(client, key) if (await _used(http, use, script.prompt)).status == 200]
    assert opened, "a minted key opens nothing"
    await run_sync(hooks.revoke, key)
    called = len(await script.journal())
    for use in opened:
        answer = await _used(http, use, script.prompt)
        assert answer.status == 401, (
            f"{use.method} {use.url} with {use.carrier[0]}: {answer.status} after the revocation"
        )
    assert len(await script.journal()) == called, "the upstream was called for a revoked key"


@dataclass(frozen=True)
class Use:
    """A route and a carrier: gateways keep what they know of a key in more places than one."""

    method: str
    url: str
    carrier: tuple[str, str]
    body: dict[str, Any] | None = None


def _uses(client: Client, key: str) -> Iterator[Use]:
    messages = client.surface == MESSAGES
    carriers = [("authorization", f"Bearer {key}"), *([("x-api-key", key)] if messages else [])]
    body = client.body("PROMPT")
    for carrier in carriers:
        yield Use("POST", client.url(), carrier, body)
        yield Use("GET", f"{client.door.url}{'/v1' if messages else ''}/models", carrier)
        if messages:
            counted = {name: value for name, value in body.items() if name != "max_tokens"}
            yield Use("POST", f"{client.url()}/count_tokens", carrier, counted)


async def _used(http: Http, use: Use, prompt: str) -> Exchange:
    body = json.dumps(use.body).replace("PROMPT", prompt).encode() if use.body else None
    headers = [use.carrier, ("anthropic-version", "2023-06-01")] if "messages" in use.url else [use.carrier]
    return await http.send(use.method, use.url, headers=headers, body=body)
