"""Azure OpenAI: deployments and dates in the URL, `api-key`, and what the content filter says."""

from conformance.api import (
    AZURE,
    Client,
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
)

HTTP = (Mode.HTTP,)
BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
DATES = ("2024-10-21", "2025-04-01-preview", "2099-01-01-preview")


@check(
    "cloud/azure/versions",
    requirement="azure-versions",
    feature="query",
    surfaces=(AZURE,),
    modes=HTTP,
    catches=("pins-api-versions", "drops-query"),
)
async def test_the_date_in_the_query_arrives_as_the_client_wrote_it(
    client: Client, upstream: Upstream, http: Http
) -> None:
    bare = client.url().partition("?")[0]
    for date in DATES:
        script = await upstream.answers()
        headers = [("api-key", client.door.key)]
        url = f"{bare}?api-version={date}&x=1"
        answer = await http.send("POST", url, headers=headers, body=client.body(script.prompt))
        assert answer.status == 200, f"{date} was answered with {answer.status}: {answer.content[:200]!r}"
        received = await script.received()
        assert sorted(received.query.split("&")) == [f"api-version={date}", "x=1"]
        assert f"/deployments/{client.door.upstream_model}/" in received.path


@check(
    "cloud/azure/keys",
    requirement="azure-keys",
    feature="key-carriers",
    surfaces=(AZURE,),
    modes=HTTP,
    direct=False,
    catches=("ignores-azures-keys", "leaks-client-key"),
)
async def test_the_key_may_come_in_both_of_azures_headers_and_goes_no_further(
    client: Client, upstream: Upstream, http: Http
) -> None:
    key = Secret("client", client.door.key)
    v1 = f"{client.door.url}/openai/v1/chat/completions"
    for url in (client.url(), v1):
        for header in (("api-key", key.value), ("authorization", f"Bearer {key.value}")):
            script = await upstream.answers()
            answer = await http.send("POST", url, headers=[header], body=client.body(script.prompt))
            assert answer.status == 200, f"{header[0]} was refused with {answer.status}: {answer.content[:200]!r}"
            received = await script.received()
            assert len([*received.values("api-key"), *received.values("authorization")]) == 1
            assert_absent(key, received.places)


@check(
    "cloud/azure/responses",
    requirement="azure-versions",
    feature="body",
    surfaces=(AZURE,),
    modes=HTTP,
    catches=("knows-no-azure-responses", "pins-api-versions"),
)
async def test_responses_are_served_by_date_and_on_the_v1_path(client: Client, upstream: Upstream, http: Http) -> None:
    for path in ("/openai/responses?api-version=2099-01-01-preview", "/openai/v1/responses"):
        script = await upstream.answers(Reply(text="High tide."))
        body = {"model": client.door.model, "input": [{"role": "user", "content": script.prompt}]}
        headers = [("api-key", client.door.key)]
        answer = await http.send("POST", client.door.url + path, headers=headers, body=body)
        assert answer.status == 200, f"{path} was answered with {answer.status}: {answer.content[:200]!r}"
        received = await script.received()
        assert received.path.endswith(path.partition("?")[0])
        assert received.query == path.partition("?")[2]


@check(
    "cloud/azure/filtered",
    requirement="azure-content-filter",
    feature="errors",
    surfaces=(AZURE,),
    modes=BOTH,
    catches=("hides-filter-details", "drops-error-codes"),
)
async def test_what_the_content_filter_refuses_says_so_in_every_detail(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    error = ProviderError(status=400, message="The response was filtered.", code="content_filter", param="prompt")
    script = await upstream.answers(Reply(error=error))
    await client.fails(script.prompt)
    sent = (await script.received()).sent_json
    assert "innererror" in sent["error"]
    assert_kept(tape.last.json, sent, where="the error")
