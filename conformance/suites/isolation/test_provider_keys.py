"""The provider's key ends there: at its provider, in its own carrier, and nowhere else."""

from conformance.api import (
    MESSAGES,
    Client,
    Door,
    Exchange,
    Http,
    Mode,
    ProviderError,
    Reply,
    Secret,
    Subject,
    Tape,
    Upstream,
    assert_absent,
    check,
    mint,
)

CARRIERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


def assert_unseen(key: str, exchange: Exchange) -> None:
    headers = "\n".join(f"{name}: {value}" for name, value in exchange.answer_headers)
    places = {
        "the headers that the client received": headers.encode(),
        "the body that the client received": exchange.content,
    }
    assert_absent(Secret("provider", key), places)


@check(
    "isolation/provider-key/carried",
    requirement="provider-key-in-its-carrier",
    feature="isolation",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    direct=False,
    catches=("crosses-provider-keys",),
)
async def test_the_provider_receives_its_own_key_and_no_other(
    client: Client, upstream: Upstream, provider_door: Door
) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    received = await script.received()
    carried = [(name, value) for name in CARRIERS for value in received.values(name)]
    wrong = [name for name, value in carried if value.rpartition(" ")[2] != provider_door.key]
    assert carried, "the upstream received no credential"
    assert not wrong, f"a credential that is not this provider's in {', '.join(wrong)}"


@check(
    "isolation/provider-key/once",
    requirement="one-credential",
    feature="isolation",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("carries-the-provider-key-twice", "leaves-an-empty-bearer"),
)
async def test_the_provider_receives_one_credential_whatever_carried_the_clients(
    client: Client, upstream: Upstream, http: Http
) -> None:
    bearer = ("authorization", f"Bearer {client.door.key}")
    carriers = [[bearer], [("authorization", f"bearer {client.door.key}")]]
    if client.surface == MESSAGES:
        carriers += [[("x-api-key", client.door.key)], [("x-api-key", client.door.key), bearer]]
    for carrier in carriers:
        script = await upstream.answers()
        headers = [*carrier, ("anthropic-version", "2023-06-01")]
        await http.send("POST", client.door.url + client.path, headers=headers, body=client.body(script.prompt))
        received = await script.received()
        found = [name for name in CARRIERS for _ in received.values(name)]
        assert len(found) == 1, f"the upstream received {' and '.join(found) or 'no credential'}"


@check(
    "isolation/provider-key/answers",
    requirement="provider-key-unseen",
    feature="isolation",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    direct=False,
    catches=("leaks-provider-key-in-answers", "leaks-provider-key-encoded"),
)
async def test_no_answer_holds_the_key_of_the_provider(
    client: Client, upstream: Upstream, provider_door: Door, tape: Tape
) -> None:
    script = await upstream.answers(Reply(text="nothing to see here"))
    await client.ask(script.prompt)
    assert_unseen(provider_door.key, tape.last)


@check(
    "isolation/provider-key/errors",
    requirement="provider-key-unseen",
    feature="isolation",
    direct=False,
    catches=("adds-provider-key-to-errors",),
)
async def test_no_error_holds_the_key_of_the_provider(
    client: Client, upstream: Upstream, provider_door: Door, tape: Tape
) -> None:
    for status in (400, 401, 429, 500):
        script = await upstream.answers(Reply(error=ProviderError(status=status)))
        await client.fails(script.prompt)
        assert_unseen(provider_door.key, tape.last)


@check(
    "isolation/provider-key/echoed-in-error",
    requirement="echoed-key-is-scrubbed",
    feature="isolation",
    direct=False,
    catches=("leaks-provider-key-in-errors",),
)
async def test_a_key_that_the_provider_repeats_in_an_error_is_scrubbed(
    client: Client, upstream: Upstream, provider_door: Door, tape: Tape
) -> None:
    message = f"Incorrect API key provided: {provider_door.key}."
    script = await upstream.answers(Reply(error=ProviderError(status=401, message=message)))
    await client.fails(script.prompt)
    assert_unseen(provider_door.key, tape.last)


@check(
    "isolation/provider-key/echoed-in-header",
    requirement="echoed-key-is-scrubbed",
    feature="isolation",
    direct=False,
    catches=("leaks-provider-key-in-headers",),
)
async def test_a_key_that_the_provider_repeats_in_a_header_is_scrubbed(
    client: Client, upstream: Upstream, provider_door: Door, tape: Tape
) -> None:
    script = await upstream.answers(Reply(text="ok", headers=(("x-goog-api-key", provider_door.key),)))
    await client.ask(script.prompt)
    assert_unseen(provider_door.key, tape.last)


@check(
    "isolation/output",
    requirement="keys-are-not-logged",
    feature="isolation",
    direct=False,
    catches=("logs-keys",),
)
async def test_the_output_of_the_gateway_holds_no_key(
    client: Client, upstream: Upstream, provider_door: Door, subject: Subject
) -> None:
    script = await upstream.answers(Reply(text="ok"), Reply(error=ProviderError(status=500)))
    await client.ask(script.prompt)
    await client.fails(script.prompt)
    for secret in (Secret("client", client.door.key), Secret("provider", provider_door.key)):
        assert_absent(secret, {"the gateway's own output": subject.output()})


@check(
    "isolation/output/refused",
    requirement="keys-are-not-logged",
    feature="isolation",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("logs-refused-keys",),
)
async def test_the_output_of_the_gateway_holds_no_refused_key(
    client: Client, upstream: Upstream, http: Http, subject: Subject
) -> None:
    script, wrong = await upstream.answers(), mint("nobody")
    for carrier in (("authorization", f"Bearer {wrong.value}"), ("x-api-key", wrong.value)):
        headers = [carrier, ("anthropic-version", "2023-06-01")]
        await http.send("POST", client.door.url + client.path, headers=headers, body=client.body(script.prompt))
    assert_absent(wrong, {"the gateway's own output": subject.output()})
