"""What cannot be served: refused as the client's mistake, in the envelope of the surface, whoever refuses."""

from typing import Any
from uuid import uuid4

from conformance.api import MESSAGES, Client, Exchange, Http, Mode, ProviderError, Raw, Reply, Upstream, check

RAW = (Mode.HTTP,)
MALFORMED = (b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe{}", b'{"model": "m",}', b'{"model": "m"} trailing')


@check(
    "errors/own/malformed", requirement="mistakes-are-4xx", feature="errors", modes=RAW, catches=("malformed-is-500",)
)
async def test_a_body_that_is_no_request_is_the_clients_mistake(client: Client, http: Http) -> None:
    for body in MALFORMED:
        _assert_refused(client, await _sent(client, http, "POST", client.path, body), f"the body {body!r}")


@check("errors/own/route", requirement="mistakes-are-4xx", feature="errors", modes=RAW, catches=("foreign-404",))
async def test_a_path_that_is_not_served_is_the_clients_mistake(client: Client, http: Http) -> None:
    path = f"{client.path}/never/seen-{uuid4().hex[:8]}"
    _assert_refused(client, await _sent(client, http, "POST", path, {}), "a path that nobody serves")


@check(
    "errors/own/method", requirement="mistakes-are-4xx", feature="errors", modes=RAW, catches=("wrong-method-is-500",)
)
async def test_a_method_that_is_not_served_is_the_clients_mistake(client: Client, http: Http) -> None:
    for method in ("PUT", "PATCH"):
        _assert_refused(client, await _sent(client, http, method, client.path, {}), f"{method} {client.path}")


@check(
    "errors/own/model", requirement="mistakes-are-4xx", feature="errors", modes=RAW, catches=("unknown-model-is-500",)
)
async def test_a_model_that_is_not_served_is_the_clients_mistake(
    client: Client, upstream: Upstream, http: Http
) -> None:
    for model in (f"no-such-model-{uuid4().hex[:8]}", "", None, 17):
        script = await upstream.answers()
        answer = await _sent(client, http, "POST", client.path, {**client.body(script.prompt), "model": model})
        if answer.status != 200:  # it may be served: what a model is called is the provider's business
            _assert_refused(client, answer, f"the model {model!r}")


@check(
    "errors/own/broken-upstream",
    requirement="refusal-in-the-surfaces-envelope",
    feature="errors",
    modes=RAW,
    direct=False,
    catches=("bad-gateway-in-html",),
)
async def test_a_provider_that_does_not_answer_is_told_in_the_envelope_of_the_surface(
    client: Client, upstream: Upstream, http: Http
) -> None:
    script = await upstream.answers(Reply(raw=Raw(b"")))
    answer = await _sent(client, http, "POST", client.path, client.body(script.prompt))
    assert answer.status in range(500, 600), f"the upstream hung up, the client got {answer.status}"
    _assert_envelope(client, answer, "a provider that does not answer")
    where = upstream.url.removeprefix("http://").encode()
    assert where not in answer.content, f"the client was told where the upstream is: {answer.content[:300]!r}"


@check(
    "errors/models",
    requirement="error-of-models-is-one",
    feature="models",
    modes=RAW,
    catches=("no-models-on-errors",),
)
async def test_a_list_of_models_that_fails_is_not_an_empty_list(client: Client, upstream: Upstream, http: Http) -> None:
    for status in (403, 429, 500, 503):
        script = await upstream.answers(Reply(error=ProviderError(status=status)))
        version = "/v1" if client.surface == MESSAGES else ""
        answer = await _sent(client, http, "GET", f"{version}/models?case={script.token}", None)
        if await script.journal():  # else the gateway has a list of its own
            assert answer.status == status, f"the provider answered {status}, the client got {answer.status}"


async def _sent(client: Client, http: Http, method: str, path: str, body: Any) -> Exchange:
    version = [("anthropic-version", "2023-06-01")] if client.surface == MESSAGES else []
    headers = [("authorization", f"Bearer {client.door.key}"), ("content-type", "application/json"), *version]
    return await http.send(method, client.door.url + path, headers=headers, body=body)


def _assert_refused(client: Client, answer: Exchange, what: str) -> None:
    assert answer.status in range(400, 500), f"{what} was answered with {answer.status}: {answer.content[:200]!r}"
    _assert_envelope(client, answer, what)


def _assert_envelope(client: Client, answer: Exchange, what: str) -> None:
    body = answer.json
    error = body.get("error") if isinstance(body, dict) else None
    told = isinstance(error, dict) and isinstance(error.get("message"), str) and isinstance(error.get("type"), str)
    assert told, f"{what} was answered without an error object: {answer.content[:200]!r}"
    assert client.surface != MESSAGES or body.get("type") == "error", f"{what}: not Anthropic's envelope: {body}"
