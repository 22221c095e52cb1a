"""How a client may carry its key."""

from conformance.api import MESSAGES, Client, Exchange, Http, Mode, Reply, Upstream, check

ONLY = (MESSAGES,)


async def _served(client: Client, upstream: Upstream, http: Http, *credentials: tuple[str, str]) -> None:
    script = await upstream.answers(Reply(text="welcome"))
    answer = await asked(client, http, script.prompt, *credentials)
    assert answer.status == 200, f"refused with {answer.status}: {answer.content[:200]!r}"
    assert b"welcome" in answer.content


async def asked(client: Client, http: Http, prompt: str, *credentials: tuple[str, str]) -> Exchange:
    """A plain call with just these credential headers."""
    headers = [*credentials, *([("anthropic-version", "2023-06-01")] if client.surface == MESSAGES else [])]
    return await http.send("POST", client.door.url + client.path, headers=headers, body=client.body(prompt))


@check(
    "keys/carrier/bearer",
    requirement="accept-bearer",
    feature="key-carriers",
    modes=(Mode.HTTP,),
    catches=("ignores-bearer",),
)
async def test_a_bearer_token_is_a_key(client: Client, upstream: Upstream, http: Http) -> None:
    await _served(client, upstream, http, ("authorization", f"Bearer {client.door.key}"))


@check(
    "keys/carrier/x-api-key",
    requirement="accept-x-api-key",
    feature="key-carriers",
    surfaces=ONLY,
    modes=(Mode.HTTP,),
    catches=("ignores-x-api-key",),
)
async def test_x_api_key_is_a_key(client: Client, upstream: Upstream, http: Http) -> None:
    await _served(client, upstream, http, ("x-api-key", client.door.key))


@check(
    "keys/carrier/both",
    requirement="accept-both-carriers",
    feature="key-carriers",
    surfaces=ONLY,
    modes=(Mode.HTTP,),
    catches=("chokes-on-both-carriers",),
)
async def test_one_key_in_both_carriers_is_one_key(client: Client, upstream: Upstream, http: Http) -> None:
    key = client.door.key
    await _served(client, upstream, http, ("x-api-key", key), ("authorization", f"Bearer {key}"))


@check(
    "keys/carrier/scheme-case",
    requirement="bearer-in-any-case",
    feature="key-carriers",
    modes=(Mode.HTTP,),
    catches=("minds-the-schemes-case",),
)
async def test_the_case_of_the_scheme_does_not_matter(client: Client, upstream: Upstream, http: Http) -> None:
    await _served(client, upstream, http, ("authorization", f"bearer {client.door.key}"))


@check(
    "keys/carrier/spaces",
    requirement="spaces-before-the-key",
    feature="key-carriers",
    modes=(Mode.HTTP,),
    catches=("minds-the-spaces",),
)
async def test_more_than_one_space_may_stand_before_the_key(client: Client, upstream: Upstream, http: Http) -> None:
    await _served(client, upstream, http, ("authorization", f"Bearer   {client.door.key}"))
