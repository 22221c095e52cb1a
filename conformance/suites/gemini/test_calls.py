"""Around an answer on the Gemini surface: errors, keys, counts, lists of models, versions of the path."""

from conformance.api import (
    GEMINI,
    Ask,
    Client,
    Delivery,
    GeminiClient,
    Http,
    Mode,
    ProviderError,
    Reply,
    Secret,
    Tape,
    Upstream,
    assert_absent,
    assert_kept,
    check,
    mint,
)

BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
HTTP = (Mode.HTTP,)
STATUSES = (400, 403, 404, 429, 500, 503, 504)
WORDING = "The input token count (1213462) exceeds the maximum number of tokens allowed (1048576)."


@check(
    "gemini/errors/status",
    requirement="gemini-errors",
    feature="errors",
    surfaces=(GEMINI,),
    modes=BOTH,
    catches=("flattens-status", "hides-the-message"),
)
async def test_each_error_keeps_status_exception_and_words(client: Client, control: Client, upstream: Upstream) -> None:
    for status in STATUSES:
        script = await upstream.answers(Reply(error=ProviderError(status=status, message=WORDING)))
        expected, got = await control.fails(script.prompt), await client.fails(script.prompt)
        assert (got.status, got.kind) == (expected.status, expected.kind)
        assert WORDING in got.message, f"the client was told {got.message!r}"


@check(
    "gemini/errors/envelope",
    requirement="gemini-errors",
    feature="errors",
    surfaces=(GEMINI,),
    modes=BOTH,
    catches=("foreign-envelope", "drops-error-codes"),
)
async def test_an_error_keeps_its_envelope_and_says_when_to_come_back(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    error = ProviderError(status=429, message="Quota exceeded.", code="RATE_LIMIT_EXCEEDED", retry_after="34")
    script = await upstream.answers(Reply(error=error))
    await client.fails(script.prompt)
    assert_kept(tape.last.json, (await script.received()).sent_json, where="the error's envelope")


@check(
    "gemini/errors/own",
    requirement="gemini-refusals",
    feature="errors",
    surfaces=(GEMINI,),
    modes=HTTP,
    direct=False,
    catches=("refuses-gemini-in-openais-envelope", "accepts-any-goog-key"),
)
async def test_a_wrong_key_is_refused_in_googles_envelope(client: GeminiClient, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers()
    wrong = [("x-goog-api-key", mint("wrong").value)]
    for url in (client.url(), client.url(stream=True)):
        answer = await http.send("POST", url, headers=wrong, body=client.body(script.prompt))
        assert answer.status in (400, 401, 403), f"a wrong key was answered with {answer.status}"
        said = answer.json[0] if isinstance(answer.json, list) else answer.json
        assert {"code", "message", "status"} <= said["error"].keys(), f"not Google's envelope: {said}"
        assert said["error"]["code"] == answer.status
    assert not await script.journal()


@check(
    "gemini/keys/carriers",
    requirement="gemini-key-carriers",
    feature="key-carriers",
    surfaces=(GEMINI,),
    modes=HTTP,
    direct=False,
    catches=("ignores-goog-keys", "ignores-keys-in-the-query"),
)
async def test_the_key_may_come_in_the_header_and_in_the_query(
    client: GeminiClient, upstream: Upstream, http: Http
) -> None:
    key = client.door.key
    for url, separator in ((client.url(), "?"), (client.url(stream=True), "&")):
        for headers, query in (([("x-goog-api-key", key)], ""), ([], f"{separator}key={key}")):
            script = await upstream.answers()
            answer = await http.send("POST", url + query, headers=headers, body=client.body(script.prompt))
            assert answer.status == 200, f"refused with {answer.status}: {answer.content[:200]!r}"


@check(
    "gemini/keys/kept",
    requirement="gemini-key-kept",
    feature="isolation",
    surfaces=(GEMINI,),
    modes=HTTP,
    direct=False,
    catches=("leaks-client-key", "forwards-keys-in-the-query"),
)
async def test_the_clients_key_stays_at_the_gateway_whatever_carried_it(
    client: GeminiClient, upstream: Upstream, http: Http
) -> None:
    key = Secret("client", client.door.key)
    for headers, query in (([("x-goog-api-key", key.value)], ""), ([], f"?key={key.value}&a=b")):
        script = await upstream.answers()
        await http.send("POST", client.url() + query, headers=headers, body=client.body(script.prompt))
        for received in await script.journal():
            assert_absent(key, received.places)


@check(
    "gemini/count-tokens",
    requirement="gemini-count-tokens",
    feature="count-tokens",
    surfaces=(GEMINI,),
    catches=("guesses-gemini-tokens", "count-errors-become-500"),
)
async def test_tokens_are_counted_by_the_provider(client: GeminiClient, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers(Reply(input_tokens=4711), Reply(error=ProviderError(status=404)))
    assert await client.count_tokens(Ask(script.prompt)) == 4711
    answer = await http.send(
        "POST",
        client.method("countTokens"),
        headers=[("x-goog-api-key", client.door.key)],
        body=client.body(script.prompt),
    )
    assert answer.status == 404, f"the provider refuses to count, the client is told {answer.content[:200]!r}"


@check(
    "gemini/models",
    requirement="gemini-models",
    feature="models",
    surfaces=(GEMINI,),
    catches=("lists-gemini-models-as-openai",),
)
async def test_googles_sdk_can_read_the_list_of_models(client: GeminiClient) -> None:
    assert await client.models()


@check(
    "gemini/paths",
    requirement="gemini-paths",
    feature="body",
    surfaces=(GEMINI,),
    modes=HTTP,
    catches=("serves-v1beta-only",),
)
async def test_both_versions_of_the_path_are_served(client: GeminiClient, upstream: Upstream, http: Http) -> None:
    headers = [("x-goog-api-key", client.door.key)]
    for version in ("/v1beta/", "/v1/"):
        script = await upstream.answers()
        url = client.url().replace("/v1beta/", version)
        answer = await http.send("POST", url, headers=headers, body=client.body(script.prompt))
        assert answer.status == 200, f"{version} was answered with {answer.status}"
        assert (await script.received()).path.endswith(f"/{client.door.upstream_model}:generateContent")


@check(
    "gemini/cancel",
    requirement="gemini-cancel",
    feature="cancel",
    surfaces=(GEMINI,),
    modes=HTTP,
    direct=False,
    catches=("never-cancels",),
)
async def test_a_client_that_leaves_ends_the_call_to_gemini(
    client: GeminiClient, upstream: Upstream, http: Http
) -> None:
    for url in (client.url(stream=True), client.method("streamGenerateContent")):
        script = await upstream.answers(Reply(text=("One ", "two."), delivery=Delivery(gated=True)))
        headers = [("x-goog-api-key", client.door.key)]
        async with http.open("POST", url, headers=headers, body=client.body(script.prompt)) as (_, chunks):
            await anext(aiter(chunks))
        assert await script.caller_left(), "the client has left, and the provider is still listened to"
