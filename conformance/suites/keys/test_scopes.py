"""A key that is held to something opens that, and nothing else: by no name, no route and no header."""

import json
from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any
from urllib.parse import urlsplit

from anyio.to_thread import run_sync

from conformance.api import (
    CHAT,
    MESSAGES,
    PROVIDER_OF,
    RESPONSES,
    Ask,
    Client,
    ClientFailedError,
    Connect,
    Hooks,
    Http,
    Mode,
    Received,
    Reply,
    Scripted,
    Subject,
    Upstream,
    check,
)

RAW = (Mode.HTTP,)
REFUSALS = (400, 401, 403, 404)
NOBODYS = "203.0.113.0/24"
"""A network that is reserved for documentation (RFC 5737): no call comes from there."""

ORIGINS = (
    ("x-forwarded-for", "203.0.113.7"),
    ("x-forwarded-for", "203.0.113.7, 127.0.0.1"),
    ("forwarded", "for=203.0.113.7"),
    *((name, "203.0.113.7") for name in ("x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip")),
    *((name, "203.0.113.7") for name in ("cf-connecting-ip", "fastly-client-ip", "x-envoy-external-address")),
)
ROUTES = (
    *("messages", "messages/count_tokens", "messages/batches", "chat/completions", "completions", "complete"),
    *("responses", "responses/compact", "responses/input_tokens", "embeddings", "moderations", "images/generations"),
)
FORBIDDEN = "a-model-that-is-not-yours"
UNKNOWN = {("NotFoundError", 404), ("BadRequestError", 400)}
"""What a gateway may as well say of a model that it does not have."""

OTHER = {CHAT: MESSAGES, RESPONSES: CHAT, MESSAGES: RESPONSES}


async def minted(hooks: Hooks, **scope: str) -> str:
    return await run_sync(partial(hooks.mint, scope=scope))


async def assert_opens(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="welcome"))
    assert (await client.ask(script.prompt)).text == "welcome"


async def assert_refused(client: Client, upstream: Upstream, why: str, **headers: str) -> None:
    script = await upstream.answers()
    failure = await client.fails(Ask(script.prompt, headers=headers))
    assert failure.status in REFUSALS, f"{why}: refused with {failure.status}"
    assert not await script.journal(), f"{why}: the upstream was called all the same"


@check(
    "keys/scope/surface",
    requirement="scope-holds",
    feature="key-surfaces",
    direct=False,
    catches=("forgets-surfaces",),
)
async def test_a_key_that_is_held_to_a_surface_opens_no_other(
    connect: Connect, upstream: Upstream, hooks: Hooks
) -> None:
    own = connect(key=await minted(hooks, surface=connect().surface))
    await assert_opens(own, upstream)
    other = OTHER[own.surface]
    await assert_refused(connect(key=await minted(hooks, surface=other)), upstream, f"a key for {other}")


@check(
    "keys/scope/model",
    requirement="scope-holds",
    feature="key-models",
    direct=False,
    catches=("forgets-models", "lets-aliases-through"),
)
async def test_a_key_that_is_held_to_a_model_opens_no_other_under_any_name(
    connect: Connect, upstream: Upstream, hooks: Hooks, subject: Subject
) -> None:
    own = connect().door.model
    key = await minted(hooks, model=own)
    await assert_opens(connect(key=key), upstream)
    for name in _names_of_others(subject, connect()):
        await assert_refused(connect(key=key, model=name), upstream, f"{name}, with a key for {own}")


def _names_of_others(subject: Subject, client: Client) -> Iterator[str]:
    """All that the surface serves, aliases among them, and a name that nobody serves."""
    doors = subject.bridges.get(client.surface, {}).values()
    aliases = [subject.routing.alias.model] if subject.routing and client.surface == CHAT else []
    yield from {FORBIDDEN, *aliases, *(door.model for door in doors)} - {client.door.model}


@check(
    "keys/scope/second-model",
    requirement="scope-holds",
    feature="key-models",
    modes=RAW,
    direct=False,
    catches=("asks-for-the-model-in-the-query", "judges-the-first-of-two-models"),
)
async def test_a_second_model_beside_the_right_one_is_not_asked(
    client: Client, upstream: Upstream, http: Http, hooks: Hooks, subject: Subject
) -> None:
    key, body = await minted(hooks, model=client.door.model), client.body("PROMPT")
    headers = [("authorization", f"Bearer {key}"), ("anthropic-version", "2023-06-01")]

    async def asked(query: str, body: bytes) -> set[tuple[str, str]]:
        script = await upstream.answers()
        prompted = body.replace(b"PROMPT", script.prompt.encode())
        await http.send("POST", f"{client.url()}{query}", headers=headers, body=prompted)
        return {(received.path, name) for received in await script.journal() for name in _models(received)}

    right = await asked("", _object(body))
    for other in _others(subject, client):
        for why, query, said in _said_otherwise(body, other):
            wrong = await asked(query, said) - right
            assert not wrong, f"{other} {why}: the upstream was asked for {', '.join(map(' of '.join, wrong))}"


def _others(subject: Subject, client: Client) -> list[str]:
    """One that the surface serves, if it does, and one that nobody serves."""
    served = sorted({*_names_of_others(subject, client)} - {FORBIDDEN})
    return [*served[:1], FORBIDDEN]


def _said_otherwise(body: dict[str, Any], other: str) -> Iterator[tuple[str, str, bytes]]:
    """Requests of which one reader takes the key's own model, and another one the other."""
    whole = {name: value for name, value in body.items() if name != "model"}
    right, wrong = {"model": body["model"]}, {"model": other}
    yield "in the query", f"?model={other}", _object(right, whole)
    yield "twice in the query", f"?model={body['model']}&model={other}", _object(right, whole)
    yield "first in the body", "", _object(wrong, right, whole)
    yield "last in the body", "", _object(right, whole, wrong)
    yield "in another case, first", "", _object({"Model": other}, right, whole)
    yield "in another case, last", "", _object(right, whole, {"MODEL": other})
    yield "spelled with an escape", "", _object(right, whole)[:-1] + b', "mod\\u0065l": "%b"}' % other.encode()
    yield "in a list of models", "", _object(right, whole, {"models": [other]})
    yield "as a fallback", "", _object(right, whole, {"fallbacks": [wrong]})


def _object(*parts: dict[str, Any]) -> bytes:
    """One JSON object of these parts, their equal names included."""
    return b"{" + b", ".join(json.dumps(part).encode()[1:-1] for part in parts) + b"}"


def _models(received: Received) -> list[str]:
    members: list[tuple[str, Any]] = json.loads(received.body, object_pairs_hook=list)
    return [str(value) for name, value in members if name == "model"]


@check(
    "keys/scope/other-routes",
    requirement="scope-holds",
    feature="key-models",
    modes=RAW,
    direct=False,
    catches=("holds-models-where-answers-are-generated",),
)
async def test_no_other_route_leads_to_another_model(
    client: Client, upstream: Upstream, http: Http, hooks: Hooks, subject: Subject
) -> None:
    key, script = await minted(hooks, model=client.door.model), await upstream.answers()
    headers = [("authorization", f"Bearer {key}"), ("anthropic-version", "2023-06-01")]
    said = {**client.body(script.prompt), "input": script.prompt, "prompt": script.prompt}
    for path, other in product(ROUTES, _others(subject, client)):
        url = f"{client.door.url.removesuffix('/v1')}/v1/{path}?case={script.token}"
        body = {**said, "model": other}
        batch = {"requests": [{"custom_id": "one", "params": body}]}
        await http.send("POST", url, headers=headers, body=batch if path.endswith("/batches") else body)
        assert not await script.journal(), f"{path}: the upstream was called for {other}, with a key for another model"


@check(
    "keys/scope/provider",
    requirement="scope-holds",
    feature="key-providers",
    direct=False,
    catches=("forgets-providers",),
)
async def test_a_key_that_is_held_to_a_provider_is_answered_by_no_other(
    connect: Connect, upstream: Upstream, hooks: Hooks
) -> None:
    own = PROVIDER_OF[connect().surface]
    await assert_opens(connect(key=await minted(hooks, provider=own)), upstream)
    for other in {*PROVIDER_OF.values()} - {own}:
        script = await upstream.answers()
        await _try(connect(key=await minted(hooks, provider=other)), script)
        await _assert_asked(other, script)


@check(
    "keys/scope/chosen-provider",
    requirement="scope-holds",
    feature="key-providers",
    surfaces=(CHAT,),
    direct=False,
    catches=("holds-no-choice-to-the-provider",),
)
async def test_no_header_and_no_stand_in_leads_to_another_provider(
    connect: Connect, upstream: Upstream, hooks: Hooks, subject: Subject
) -> None:
    own = PROVIDER_OF[CHAT]
    client = connect(key=await minted(hooks, provider=own))
    chosen = subject.routing.choice if subject.routing else None
    for value in chosen.providers if chosen else ():
        script = await upstream.answers()
        await _try(client, script, **{chosen.header if chosen else "": value})
        await _assert_asked(own, script)


async def _assert_asked(provider: str, script: Scripted) -> None:
    asked = {received.provider for received in await script.journal()} - {provider}
    assert not asked, f"{', '.join(asked)} was asked with a key for {provider}"


async def _try(client: Client, script: Scripted, **headers: str) -> None:
    """A call that may be refused or answered."""
    try:
        await client.ask(Ask(script.prompt, headers=headers))
    except ClientFailedError:
        return


@check(
    "keys/scope/origin",
    requirement="scope-holds",
    feature="key-origins",
    direct=False,
    catches=("forgets-origins", "believes-forwarded-for"),
)
async def test_a_key_that_is_held_to_a_network_opens_nothing_from_another(
    connect: Connect, upstream: Upstream, hooks: Hooks
) -> None:
    anywhere = "::/0" if ":" in (urlsplit(connect().door.url).hostname or "") else "0.0.0.0/0"
    await assert_opens(connect(key=await minted(hooks, origin=anywhere)), upstream)
    away = connect(key=await minted(hooks, origin=NOBODYS))
    await assert_refused(away, upstream, f"a key for {NOBODYS}")
    for name, value in ORIGINS:
        await assert_refused(away, upstream, f"{name}: {value}", **{name: value})


@check(
    "keys/scope/refusal",
    requirement="out-of-scope-is-403",
    feature="key-models",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    direct=False,
    catches=("refuses-what-is-out-of-scope-with-401",),
)
async def test_what_a_key_is_not_good_for_is_forbidden(
    connect: Connect, upstream: Upstream, hooks: Hooks, subject: Subject
) -> None:
    script, key = await upstream.answers(), await minted(hooks, model=connect().door.model)
    other = min(_names_of_others(subject, connect()), key=lambda name: name == FORBIDDEN)
    unknown = UNKNOWN if other == FORBIDDEN else set()
    failure = await connect(key=key, model=other).fails(script.prompt)
    assert (failure.kind, failure.status) in {("PermissionDeniedError", 403), *unknown}, f"refused with {failure}"
