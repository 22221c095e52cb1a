"""Vertex AI: the project, the place and the model in the path, betas in a header."""

from conformance.api import (
    VERTEX,
    Ask,
    Client,
    Door,
    Http,
    Mode,
    Reply,
    Secret,
    Upstream,
    VertexClient,
    assert_absent,
    check,
)

HTTP = (Mode.HTTP,)
BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)


@check(
    "cloud/vertex/betas",
    requirement="cloud-betas-forwarded",
    feature="betas",
    surfaces=(VERTEX,),
    modes=BOTH,
    catches=("drops-beta", "known-betas-only"),
)
async def test_betas_of_a_vertex_client_arrive_in_the_header(client: Client, upstream: Upstream) -> None:
    betas = ("interleaved-thinking-2025-05-14", "never-seen-2099-01-01")
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, betas=betas))
    received = await script.received()
    assert received.tokens("anthropic-beta") == list(betas)


@check(
    "cloud/vertex/paths",
    requirement="vertex-paths",
    feature="body",
    surfaces=(VERTEX,),
    modes=HTTP,
    catches=("drops-model-dates",),
)
async def test_the_model_and_its_date_stay_in_the_path(client: VertexClient, upstream: Upstream, http: Http) -> None:
    # Project and place are the gateway's to choose: it is the gateway that pays.
    headers = [("authorization", f"Bearer {client.door.key}")]
    for model in (client.door.model, f"{client.door.model}@20260514"):
        for stream in (False, True):
            script = await upstream.answers()
            url = client.url(stream=stream).replace(f"/{client.door.model}:", f"/{model}:")
            body = client.body(script.prompt) | ({"stream": True} if stream else {})
            answer = await http.send("POST", url, headers=headers, body=body)
            calls = await script.journal()
            assert answer.status == 200 or not calls, f"{model} was answered with {answer.status}"
            if calls and model != client.door.model:
                asked = calls[0].path.replace("%40", "@").rpartition("/")[2]
                assert asked == f"{model}:{'streamRawPredict' if stream else 'rawPredict'}"


@check(
    "cloud/vertex/signed",
    requirement="cloud-credential-of-the-gateway",
    feature="isolation",
    surfaces=(VERTEX,),
    modes=HTTP,
    direct=False,
    catches=("leaks-client-key",),
)
async def test_vertex_is_asked_with_the_gateways_token_and_nothing_of_the_clients(
    client: VertexClient, upstream: Upstream, http: Http, provider_door: Door
) -> None:
    key = Secret("client", client.door.key)
    for stream in (False, True):
        script = await upstream.answers()
        headers = [("authorization", f"Bearer {key.value}")]
        await http.send("POST", client.url(stream=stream), headers=headers, body=client.body(script.prompt))
        received = await script.received()
        assert received.values("authorization") == [f"Bearer {provider_door.key}"]
        assert_absent(key, received.places)


@check(
    "cloud/vertex/count-tokens",
    requirement="cloud-count-tokens",
    feature="count-tokens",
    surfaces=(VERTEX,),
    catches=("knows-no-cloud-counting", "guesses-token-count"),
)
async def test_tokens_are_counted_by_vertex(client: VertexClient, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(input_tokens=4711))
    assert await client.count_tokens(Ask(script.prompt)) == 4711
    assert (await script.received()).json["model"] == client.door.upstream_model
