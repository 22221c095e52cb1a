"""Headers on their way to the provider."""

from uuid import uuid4

from conformance.api import (
    MESSAGES,
    OPENAI,
    Ask,
    Client,
    Delivery,
    Http,
    MessagesClient,
    Mode,
    Received,
    Reply,
    Tape,
    Upstream,
    check,
)
from conformance.suites.headers.test_answers import unheard_of

BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)


def credentials(client: Client) -> list[tuple[str, str]]:
    """What a plain call needs beside its body."""
    return [("authorization", f"Bearer {client.door.key}"), ("anthropic-version", "2023-06-01")]


def assert_arrived(headers: dict[str, str], received: Received) -> None:
    lost = [name for name, value in headers.items() if received.values(name) != [value]]
    assert not lost, f"the upstream did not receive {', '.join(f'{name}: {headers[name][:60]}' for name in lost)}"


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
    "headers/unheard-of",
    requirement="forward-custom-headers",
    feature="custom-headers",
    modes=BOTH,
    catches=("known-headers-only", "drops-custom-headers"),
)
async def test_headers_nobody_has_heard_of_reach_the_provider(client: Client, upstream: Upstream) -> None:
    headers = unheard_of(client)
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, headers=headers))
    assert_arrived(headers, await script.received())


@check(
    "headers/values",
    requirement="forward-custom-headers",
    feature="custom-headers",
    catches=("cuts-header-values", "lowers-header-values"),
)
async def test_the_values_of_headers_arrive_to_the_letter(client: Client, upstream: Upstream) -> None:
    values = ("x" * 8000, 'Ab;q=0.5, "c, d"=%2F/?&#{}', "007", "null")
    headers = {f"x-value-{number}": value for number, value in enumerate(values)}
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, headers=headers))
    assert_arrived(headers, await script.received())


@check(
    "headers/lines",
    requirement="header-lines-are-one-list",
    feature="custom-headers",
    modes=(Mode.HTTP,),
    catches=("last-line-only",),
)
async def test_several_lines_of_one_header_stay_one_list(client: Client, upstream: Upstream, http: Http) -> None:
    name = f"x-{uuid4().hex[:8]}"
    script = await upstream.answers()
    headers = [*credentials(client), *((name, word) for word in ("one", "two", "three"))]
    await http.send("POST", client.door.url + client.path, headers=headers, body=client.body(script.prompt))
    found = (await script.received()).tokens(name)
    assert found in ([], ["one", "two", "three"]), f"of three lines of {name} the upstream received {found}"


@check(
    "headers/count-tokens",
    requirement="forward-custom-headers",
    feature="count-tokens",
    surfaces=(MESSAGES,),
    catches=("custom-headers-on-generation-only",),
)
async def test_headers_nobody_has_heard_of_go_with_a_count_too(client: MessagesClient, upstream: Upstream) -> None:
    headers = unheard_of(client)
    script = await upstream.answers()
    await client.count_tokens(Ask(script.prompt, headers=headers))
    assert_arrived(headers, await script.received())


@check(
    "headers/models",
    requirement="forward-custom-headers",
    feature="models",
    modes=(Mode.HTTP,),
    catches=("custom-headers-on-generation-only",),
)
async def test_headers_nobody_has_heard_of_go_with_a_list_of_models_too(
    client: Client, upstream: Upstream, http: Http
) -> None:
    headers = unheard_of(client)
    script = await upstream.answers()
    version = "/v1" if client.surface == MESSAGES else ""
    url = f"{client.door.url}{version}/models?case={script.token}"
    own = credentials(client)[: 2 if client.surface == MESSAGES else 1]
    await http.send("GET", url, headers=[*own, *headers.items()])
    for received in await script.journal():  # none where the gateway lists models of its own
        assert_arrived(headers, received)


@check(
    "headers/query/odd",
    requirement="forward-query",
    feature="query",
    modes=(Mode.HTTP,),
    catches=("merges-query",),
)
async def test_a_query_arrives_with_what_it_repeats_and_leaves_empty(
    client: Client, upstream: Upstream, http: Http
) -> None:
    script = await upstream.answers()
    url = f"{client.door.url}{client.path}?beta=true&a=1&a=2&b=&c=x%26y%3Dz+%2B"
    await http.send("POST", url, headers=credentials(client), body=client.body(script.prompt))
    found = (await script.received()).params
    assert found == [("beta", "true"), ("a", "1"), ("a", "2"), ("b", ""), ("c", "x&y=z +")], f"{found} arrived"


@check(
    "headers/query/count-tokens",
    requirement="forward-query",
    feature="count-tokens",
    surfaces=(MESSAGES,),
    modes=(Mode.HTTP,),
    catches=("drops-query",),
)
async def test_the_query_of_a_count_reaches_the_provider(client: Client, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers()
    body = {name: value for name, value in client.body(script.prompt).items() if name != "max_tokens"}
    url = f"{client.door.url}/v1/messages/count_tokens?beta=true"
    answer = await http.send("POST", url, headers=credentials(client), body=body)
    assert answer.status == 200, f"counted without ?beta=true, but not with it: {answer.status}"
    assert (await script.received()).params == [("beta", "true")]


@check(
    "headers/query/model",
    requirement="body-names-the-model",
    feature="body",
    modes=(Mode.HTTP,),
    catches=("query-names-the-model",),
)
async def test_a_query_does_not_choose_the_model(client: Client, upstream: Upstream, http: Http) -> None:
    led = []
    for query in ("", f"?model={client.door.model}"):
        script = await upstream.answers()
        body = {**client.body(script.prompt), "model": "another-model"}
        await http.send("POST", client.door.url + client.path + query, headers=credentials(client), body=body)
        led.append([received.json.get("model") for received in await script.journal()])
    assert led[0] == led[1], f"another-model led to {led[0] or 'nothing'}, with {query} to {led[1] or 'nothing'}"


@check(
    "headers/coding/unasked",
    requirement="uncompressed-unless-asked",
    feature="body",
    modes=(Mode.HTTP,),
    catches=("asks-for-gzip-itself",),
)
async def test_an_answer_is_compressed_only_for_those_who_ask(client: Client, upstream: Upstream, http: Http) -> None:
    for stream in (False, True):
        script = await upstream.answers(Reply(text="plain to see", delivery=Delivery(encoding="gzip")))
        body = {**client.body(script.prompt), "stream": stream}
        url = client.door.url + client.path
        answer = await http.send("POST", url, headers=credentials(client), body=body)
        assert b"plain to see" in answer.body, f"{answer.values('content-encoding')}: {bytes(answer.body[:40])!r}"


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
    headers = [*credentials(client), ("cookie", "session=of-the-gateway")]
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
    hop = [("connection", "keep-alive, x-conformance-hop"), ("x-conformance-hop", "1")]
    headers = [*credentials(client), *hop]
    await http.send("POST", client.door.url + client.path, headers=headers, body=client.body(script.prompt))
    assert (await script.received()).values("x-conformance-hop") == []
