"""What cannot be served: refused as the client's mistake, in the envelope of the surface, whoever refuses."""

from typing import Any
from uuid import uuid4

from conformance.api import MESSAGES, Client, Exchange, Http, Mode, Upstream, check

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


async def _sent(client: Client, http: Http, method: str, path: str, body: Any) -> Exchange:
    version = [("anthropic-version", "2023-06-01")] if client.surface == MESSAGES else []
    headers = [("authorization", f"Bearer {client.door.key}"), ("content-type", "application/json"), *version]
    return await http.send(method, client.door.url + path, headers=headers, body=body)


def _assert_refused(client: Client, answer: Exchange, what: str) -> None:
    assert answer.status in range(400, 500), f"{what} was answered with {answer.status}: {answer.content[:200]!r}"
    body = answer.json
    error = body.get("error") if isinstance(body, dict) else None
    told = isinstance(error, dict) and isinstance(error.get("message"), str) and isinstance(error.get("type"), str)
    assert told, f"{what} was refused without an error object: {answer.content[:200]!r}"
    assert client.surface != MESSAGES or body.get("type") == "error", f"{what}: not Anthropic's envelope: {body}"
