"""Requests a minute."""

from __future__ import annotations

import anyio

from conformance.api import CHAT, MESSAGES, Client, Connect, Delivery, Hooks, Http, Mode, Reply, Upstream, check
from conformance.suites.limits.limited import TOO_MANY, let_through, limited, refused, served

LIMIT = 3
BURST = 12
MINUTE = 60
ROUTES = ("chat/completions", "responses", "messages", "completions", "embeddings", "messages/batches", "never/seen")

Way = tuple[str, tuple[tuple[str, str], ...], dict[str, str]]
"""A path, the headers and what the body says in another way."""


@check(
    "limits/requests/burst",
    requirement="limits-are-exact",
    feature="request-limits",
    direct=False,
    catches=("counts-requests-late", "limits-one-too-many", "limits-one-too-few"),
)
async def test_a_burst_gets_exactly_the_limit_through(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    script = await upstream.answers(Reply(text="ok", delivery=Delivery(hold_headers=True)))
    client = connect(key=await limited(hooks, requests_per_minute=LIMIT))
    through = await let_through(script, [client] * BURST, LIMIT)
    assert through == LIMIT, f"{through} of {BURST} calls at once got through, where {LIMIT} a minute are allowed"
    assert len(await script.journal()) == LIMIT, "refused calls reached the upstream"


@check(
    "limits/requests/unlimited",
    requirement="limits-are-asked-for",
    feature="request-limits",
    surfaces=(CHAT, MESSAGES),
    catches=("limits-everybody",),
)
async def test_a_key_without_limits_is_let_through(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    async with anyio.create_task_group() as calls:
        for _ in range(BURST):
            calls.start_soon(served, client, script.prompt)
    assert len(await script.journal()) == BURST, "calls are missing, or have been repeated"


@check(
    "limits/requests/in-a-row",
    requirement="limits-hold-every-time",
    feature="request-limits",
    direct=False,
    catches=("forgets-limits-of-known-keys", "limits-one-too-many"),
)
async def test_a_limit_holds_for_keys_that_have_been_seen(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    script = await upstream.answers()
    key = await limited(hooks, requests_per_minute=LIMIT)
    for _ in range(LIMIT):
        await served(connect(key=key), script.prompt)
    for _ in range(2):
        await refused(connect(key=key), script.prompt, f"beyond {LIMIT} a minute")
    assert len(await script.journal()) == LIMIT, "refused calls reached the upstream"


@check(
    "limits/requests/refusal",
    requirement="too-many-requests-is-429",
    feature="request-limits",
    direct=False,
    catches=("limits-with-503",),
)
async def test_who_is_too_fast_is_told_so(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    script = await upstream.answers()
    client = connect(key=await limited(hooks, requests_per_minute=1))
    await served(client, script.prompt)
    failure = await refused(client, script.prompt, "beyond one a minute")
    assert (failure.status, failure.kind) == (TOO_MANY, "RateLimitError"), f"the SDK sees {failure}"


@check(
    "limits/requests/envelope",
    requirement="refusal-in-the-surfaces-envelope",
    feature="request-limits",
    direct=False,
    catches=("limits-in-foreign-envelope",),
)
async def test_it_is_told_in_the_surfaces_envelope(
    connect: Connect, upstream: Upstream, hooks: Hooks, client: Client
) -> None:
    script = await upstream.answers()
    limited_client = connect(key=await limited(hooks, requests_per_minute=1))
    await served(limited_client, script.prompt)
    failure = await refused(limited_client, script.prompt, "beyond one a minute")
    error = failure.body.get("error", failure.body) if isinstance(failure.body, dict) else {}
    assert isinstance(error.get("message"), str), f"no message in {failure.body!r}"
    if client.surface == MESSAGES:
        assert (failure.body.get("type"), error.get("type")) == ("error", "rate_limit_error"), failure.body
    else:
        assert {"type", "code"} <= set(error), f"no type and code in {failure.body!r}"


@check(
    "limits/requests/retry-after",
    requirement="limits-say-when",
    feature="request-limits",
    direct=False,
    catches=("limits-without-retry-after",),
)
async def test_a_refusal_says_when_to_come_again(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    script = await upstream.answers()
    client = connect(key=await limited(hooks, requests_per_minute=1))
    await served(client, script.prompt)
    failure = await refused(client, script.prompt, "beyond one a minute")
    told = failure.header("retry-after")
    assert told is not None, f"no retry-after beside {failure}"
    assert told.isdigit(), f"retry-after: {told} is no number of seconds"
    assert 0 < int(told) <= MINUTE, f"retry-after: {told}, though a request comes back within a minute"
    assert failure.header("x-should-retry") != "false", "the SDK is told not to come again"


@check(
    "limits/requests/every-way",
    requirement="limits-on-every-way",
    feature="request-limits",
    surfaces=(CHAT, MESSAGES),
    modes=(Mode.HTTP,),
    direct=False,
    catches=("limits-by-path", "limits-by-query", "limits-by-model", "limits-by-forwarded-address"),
)
async def test_no_other_way_leads_past_a_limit(
    connect: Connect, upstream: Upstream, hooks: Hooks, http: Http, client: Client
) -> None:
    script, key = await upstream.answers(), await limited(hooks, requests_per_minute=1)
    await served(connect(key=key), script.prompt)
    root = client.door.url.removesuffix("/v1")
    for path, headers, more in _ways(client, client.url().removeprefix(root), script.token, key):
        await http.send("POST", root + path, headers=headers, body={**client.body(script.prompt), **more})
        said = ", ".join([*(name for name, _ in headers), *(f"{name} {value}" for name, value in more.items())])
        assert len(await script.journal()) == 1, f"POST {path} with {said} led past the limit of one request a minute"


def _ways(client: Client, own: str, token: str, key: str) -> list[Way]:
    bearer, version = ("authorization", f"Bearer {key}"), ("anthropic-version", "2023-06-01")
    model = client.door.model
    return [
        *((f"/v1/{path}", (bearer, version), {}) for path in ROUTES),
        *((f"{own}?{query}", (bearer,), {}) for query in ("model=other", "beta=true", f"case={token}")),
        *((own, (bearer, (name, "203.0.113.7")), {}) for name in ("x-forwarded-for", "x-real-ip", "x-user-id")),
        *((own, (bearer,), {"model": name}) for name in (model.upper(), f"{model}-latest", f" {model}")),
        (own, (("x-api-key", key), version), {}),
        (own, (bearer, ("x-api-key", key)), {}),
        (own, (("authorization", f"bearer  {key}"),), {}),
    ]


@check(
    "limits/requests/others",
    requirement="limits-are-each-keys-own",
    feature="request-limits",
    surfaces=(CHAT, MESSAGES),
    direct=False,
    catches=("limits-all-keys-together",),
)
async def test_one_key_at_its_limit_leaves_the_others_alone(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    script = await upstream.answers()
    one, other = [connect(key=await limited(hooks, requests_per_minute=1)) for _ in range(2)]
    await served(one, script.prompt)
    await refused(one, script.prompt, "beyond one a minute")
    await served(other, script.prompt)
