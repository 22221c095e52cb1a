"""The client's key ends at the gateway."""

from conformance.api import (
    MESSAGES,
    Ask,
    ChatClient,
    Client,
    Http,
    MessagesClient,
    Mode,
    ProviderError,
    Received,
    Reply,
    Secret,
    Upstream,
    assert_absent,
    check,
    mint,
)

VERSION = ("anthropic-version", "2023-06-01")
AGENTS = (
    "claude-cli/2.1.329 (external, sdk-cli)",
    "codex_exec/0.169.0 (Debian 12.0.0; x86_64) unknown",
    "GeminiCLI/0.61.0 (linux; x64)",
    "Anthropic/JS 1.11.0",
    "curl/8.4.0",
)


def assert_key_stayed(key: str, received: Received) -> None:
    assert_absent(Secret("client", key), received.places)


@check(
    "isolation/client-key/calls",
    requirement="client-key-stays",
    feature="isolation",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    direct=False,
    catches=("leaks-client-key", "leaks-client-key-in-query"),
)
async def test_a_client_key_never_reaches_the_provider(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    assert_key_stayed(client.door.key, await script.received())


@check(
    "isolation/client-key/agents",
    requirement="client-key-stays",
    feature="isolation",
    direct=False,
    catches=("leaks-client-key-to-agents",),
)
async def test_the_key_of_an_agent_never_reaches_the_provider(client: Client, upstream: Upstream) -> None:
    for agent in AGENTS:
        script = await upstream.answers()
        try:
            await client.ask(Ask(script.prompt, headers={"User-Agent": agent}))
        finally:  # a provider that gets a client's key refuses it
            assert_key_stayed(client.door.key, await script.received())


@check(
    "isolation/client-key/errors",
    requirement="client-key-stays",
    feature="isolation",
    direct=False,
    catches=("leaks-client-key",),
)
async def test_a_client_key_stays_when_the_provider_refuses(client: Client, upstream: Upstream) -> None:
    for status in (401, 429, 500):
        script = await upstream.answers(Reply(error=ProviderError(status=status)))
        await client.fails(script.prompt)
        assert_key_stayed(client.door.key, await script.received())


@check(
    "isolation/client-key/count-tokens",
    requirement="client-key-stays",
    feature="count-tokens",
    surfaces=(MESSAGES,),
    direct=False,
    catches=("leaks-client-key",),
)
async def test_a_client_key_stays_when_tokens_are_counted(client: MessagesClient, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.count_tokens(Ask(script.prompt))
    for received in await script.journal():  # none where the gateway counts by itself
        assert_key_stayed(client.door.key, received)


@check(
    "isolation/client-key/models",
    requirement="client-key-stays",
    feature="models",
    direct=False,
    catches=("leaks-client-key-on-models",),
)
async def test_a_client_key_stays_when_models_are_listed(
    client: ChatClient | MessagesClient, upstream: Upstream
) -> None:
    script = await upstream.answers()
    try:
        await client.models({"case": script.token})
    finally:  # a provider that gets a client's key refuses it
        # a gateway that drops the query leaves the call among those that nobody's token marks
        for received in await script.journal() or await upstream.journal():
            assert_key_stayed(client.door.key, received)


@check(
    "isolation/client-key/second-carrier",
    requirement="client-key-stays",
    feature="isolation",
    surfaces=(MESSAGES,),  # elsewhere x-api-key is a header like any other
    modes=(Mode.HTTP,),
    direct=False,
    catches=("forwards-the-second-carrier",),
)
async def test_what_a_client_carries_beside_its_key_never_reaches_the_provider(
    client: Client, upstream: Upstream, http: Http
) -> None:
    key, other = client.door.key, mint("other").value
    for carrier in (
        (("authorization", f"Bearer {key}"), ("x-api-key", other)),
        (("x-api-key", key), ("authorization", f"Bearer {other}")),
    ):
        script = await upstream.answers()
        url = client.door.url + client.path
        await http.send("POST", url, headers=[*carrier, VERSION], body=client.body(script.prompt))
        for received in await script.journal():  # none where the gateway refuses two different keys
            assert_key_stayed(key, received)
            assert_key_stayed(other, received)


@check(
    "isolation/client-key/other-carriers",
    requirement="keys-stay-in-any-carrier",
    feature="isolation",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("forwards-other-carriers", "leaks-client-key-in-query"),
)
async def test_a_client_key_in_an_unusual_place_never_reaches_the_provider(
    client: Client, upstream: Upstream, http: Http
) -> None:
    key = client.door.key
    for name in ("api-key", "x-api-key", "x-goog-api-key", "xi-api-key", "proxy-authorization"):
        await _assert_key_stays_when_sent(client, upstream, http, "", (name, key))
    for name in ("key", "api_key", "access_token"):
        await _assert_key_stays_when_sent(client, upstream, http, f"?beta=true&{name}={key}")


async def _assert_key_stays_when_sent(
    client: Client, upstream: Upstream, http: Http, query: str, *more: tuple[str, str]
) -> None:
    script = await upstream.answers()
    headers = [("authorization", f"Bearer {client.door.key}"), VERSION, *more]
    url = client.door.url + client.path + query
    await http.send("POST", url, headers=headers, body=client.body(script.prompt))
    for received in await script.journal():
        assert_key_stayed(client.door.key, received)
