"""Headers on their way to the provider."""

from conformance.api import MESSAGES, OPENAI, Ask, Client, Http, Mode, Tape, Upstream, check


async def _arrives(client: Client, upstream: Upstream, name: str, value: str) -> None:
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, headers={name: value}))
    assert (await script.received()).values(name) == [value], f"the upstream received no {name}: {value}"


@check(
    "headers/query",
    requirement="forward-query",
    feature="query",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("drops-query",),
)
async def test_the_query_reaches_the_provider(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, query={"beta": "true", "field_of_tomorrow": "a b/ç"}))
    assert (await script.received()).params == [("beta", "true"), ("field_of_tomorrow", "a b/ç")]


@check(
    "headers/custom", requirement="forward-custom-headers", feature="custom-headers", catches=("drops-custom-headers",)
)
async def test_custom_headers_reach_the_provider(client: Client, upstream: Upstream) -> None:
    await _arrives(client, upstream, "x-conformance-team", "fjord")


@check(
    "headers/traceparent", requirement="forward-trace-context", feature="custom-headers", catches=("drops-traceparent",)
)
async def test_a_trace_goes_on_at_the_provider(client: Client, upstream: Upstream) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}))
    assert [value.split("-")[1] for value in (await script.received()).values("traceparent")] == [trace]


@check(
    "headers/idempotency-key",
    requirement="forward-custom-headers",
    feature="custom-headers",
    catches=("drops-idempotency-key",),
)
async def test_an_idempotency_key_reaches_the_provider(client: Client, upstream: Upstream) -> None:
    await _arrives(client, upstream, "idempotency-key", "order-1234")


@check(
    "headers/client-request-id",
    requirement="forward-custom-headers",
    feature="request-ids",
    catches=("drops-custom-headers",),
)
async def test_the_request_id_of_the_client_reaches_the_provider(client: Client, upstream: Upstream) -> None:
    await _arrives(client, upstream, "x-client-request-id", "client-1234")


@check(
    "headers/openai",
    requirement="forward-openai-headers",
    feature="custom-headers",
    surfaces=OPENAI,
    catches=("drops-openai-headers",),
)
async def test_headers_meant_for_openai_reach_it(client: Client, upstream: Upstream) -> None:
    await _arrives(client, upstream, "openai-beta", "responses_websockets=2026-02-06")


@check(
    "headers/session-id",
    requirement="attribution-headers-pass",
    feature="custom-headers",
    surfaces=(MESSAGES,),
    catches=("drops-session-id",),
)
async def test_the_session_id_of_claude_code_may_pass(client: Client, upstream: Upstream) -> None:
    await _arrives(client, upstream, "x-claude-code-session-id", "7c9e6679-7425-40de-944b-e07fc1f90ae7")


@check("headers/user-agent", requirement="user-agent-passes", feature="custom-headers", catches=("hides-user-agent",))
async def test_the_provider_may_know_the_sdk(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    said = [value for name, value in tape.last.headers if name.lower() == "user-agent"]
    assert (await script.received()).values("user-agent") == said


@check(
    "headers/cookies",
    requirement="cookies-stop-at-the-gateway",
    feature="isolation",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("forwards-cookies",),
)
async def test_cookies_of_the_client_stay_with_the_gateway(client: Client, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers()
    headers = [
        ("authorization", f"Bearer {client.door.key}"),
        ("anthropic-version", "2023-06-01"),
        ("cookie", "session=of-the-gateway"),
    ]
    await http.send("POST", client.door.url + client.path, headers=headers, body=client.body(script.prompt))
    cookies = (await script.received()).values("cookie")
    assert not any("of-the-gateway" in cookie for cookie in cookies), "the upstream received the client's cookie"


@check(
    "headers/hop-by-hop",
    requirement="hop-by-hop-ends-here",
    feature="hop-by-hop",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("forwards-hop-by-hop",),
)
async def test_what_connection_names_ends_at_the_gateway(client: Client, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers()
    headers = [
        ("authorization", f"Bearer {client.door.key}"),
        ("anthropic-version", "2023-06-01"),
        ("connection", "keep-alive, x-conformance-hop"),
        ("x-conformance-hop", "1"),
    ]
    await http.send("POST", client.door.url + client.path, headers=headers, body=client.body(script.prompt))
    assert (await script.received()).values("x-conformance-hop") == []
