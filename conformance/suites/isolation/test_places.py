"""Where a provider's key must not turn up either: lists, the gateway's own pages and refusals, streams, trailers."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from conformance.api import (
    MESSAGES,
    Client,
    Delivery,
    Door,
    Exchange,
    Http,
    Mode,
    ProviderError,
    Raw,
    Reply,
    Secret,
    Tape,
    Upstream,
    assert_absent,
    check,
    dialled,
)

RAW = (Mode.HTTP,)
VERSION = ("anthropic-version", "2023-06-01")
PAGES = (
    *(
        "",
        "health",
        "healthz",
        "readyz",
        "status",
        "metrics",
        "config",
        "debug",
        "env",
        ".env",
        "info",
        "admin",
        "docs",
    ),
    *(
        "openapi.json",
        "model/info",
        "v1/model/info",
        "v1/config",
        "v1/debug/vars",
        "v1/never/seen",
        "v1/models/never-seen",
    ),
)


def assert_no_key(secrets: dict[str, Secret], exchange: Exchange, where: str) -> None:
    headers = "\n".join(f"{name}: {value}" for name, value in exchange.answer_headers).encode()
    for secret in secrets.values():
        assert_absent(secret, {f"the headers of {where}": headers, f"the body of {where}": exchange.content})


async def heard(http: Http, method: str, url: str, headers: list[tuple[str, str]], body: Any = None) -> Exchange | None:
    """None where the gateway hung up: who hears nothing learns nothing."""
    try:
        return await http.send(method, url, headers=headers, body=body)
    except AssertionError:
        return None


@check(
    "isolation/provider-key/models",
    requirement="provider-key-unseen",
    feature="models",
    modes=RAW,
    direct=False,
    catches=("leaks-provider-key-on-models",),
)
async def test_no_list_of_models_holds_a_key_of_a_provider(
    client: Client, http: Http, provider_keys: dict[str, Secret]
) -> None:
    messages = client.surface == MESSAGES
    headers = [("authorization", f"Bearer {client.door.key}"), *([VERSION] if messages else [])]
    for path in ("models", f"models/{client.door.model}"):
        answer = await http.send("GET", f"{client.door.url}{'/v1' if messages else ''}/{path}", headers=headers)
        assert_no_key(provider_keys, answer, path)


@check(
    "isolation/provider-key/own-answers",
    requirement="provider-key-unseen",
    feature="isolation",
    modes=RAW,
    direct=False,
    catches=("shows-its-configuration",),
)
async def test_no_page_of_the_gateways_own_holds_a_key_of_a_provider(
    client: Client, http: Http, provider_keys: dict[str, Secret]
) -> None:
    where = urlsplit(client.door.url)
    roots = dict.fromkeys((f"{where.scheme}://{where.netloc}", client.door.url.removesuffix("/v1")))
    for url in (f"{root}/{page}" for root in roots for page in PAGES):
        for credential in ([], [("authorization", f"Bearer {client.door.key}")]):
            if answer := await heard(http, "GET", url, credential):
                assert_no_key(provider_keys, answer, url)


@check(
    "isolation/provider-key/own-errors",
    requirement="provider-key-unseen",
    feature="isolation",
    modes=RAW,
    direct=False,
    catches=("shows-its-configuration-in-errors",),
)
async def test_no_refusal_of_the_gateways_own_holds_a_key_of_a_provider(
    client: Client, upstream: Upstream, http: Http, provider_keys: dict[str, Secret]
) -> None:
    script = await upstream.answers()
    headers = [("authorization", f"Bearer {client.door.key}"), VERSION]
    for what, method, body in _mistakes(client, script.prompt):
        if answer := await heard(http, method, client.url(), headers, body):
            assert_no_key(provider_keys, answer, f"the answer to {what}")


def _mistakes(client: Client, prompt: str) -> Iterator[tuple[str, str, bytes | None]]:
    body = client.body(prompt)
    yield "a body that is no JSON", "POST", b'{"model": '
    yield "a body that is no object", "POST", b"[]"
    yield "an empty body", "POST", b""
    yield "an unknown model", "POST", json.dumps(body | {"model": "never-seen"}).encode()
    yield "a model that is no name", "POST", json.dumps(body | {"model": {"a": [1]}}).encode()
    yield "no model", "POST", json.dumps({name: it for name, it in body.items() if name != "model"}).encode()
    yield "another method", "PUT", json.dumps(body).encode()
    yield "a call without a body", "GET", None


@check(
    "isolation/provider-key/echoed-in-stream",
    requirement="echoed-key-is-scrubbed",
    feature="isolation",
    modes=(Mode.ASYNC_STREAM,),
    direct=False,
    catches=("leaks-provider-key-in-streams",),
)
async def test_a_key_that_the_provider_repeats_amid_a_stream_is_scrubbed(
    client: Client, upstream: Upstream, provider_door: Door, tape: Tape
) -> None:
    error = ProviderError(status=500, message=f"Key {provider_door.key} is overloaded.")
    for pieces in (None, 7):  # bytes at a time
        broken = Reply(text=("one ", "two "), error=error, delivery=Delivery(error_after=2, chunk_bytes=pieces))
        await client.fails((await upstream.answers(broken)).prompt)
        assert_absent(Secret("provider", provider_door.key), {"the stream": tape.last.content})


@check(
    "isolation/provider-key/echoed-in-trailer",
    requirement="echoed-key-is-scrubbed",
    feature="isolation",
    modes=RAW,
    direct=False,
    catches=("pipes-blindly",),
)
async def test_a_key_that_the_provider_repeats_in_a_trailer_is_scrubbed(
    client: Client, upstream: Upstream, provider_door: Door, tape: Tape
) -> None:
    script = await upstream.answers(Reply(raw=Raw(_with_trailer(provider_door.key))))
    body = json.dumps(client.body(script.prompt)).encode()
    async with dialled(client.door.url, tape) as wire:
        await wire.send(_written_by_hand(client, body))
        spoken = await wire.answer()
    assert spoken is not None, "the gateway hung up"
    trailers = "\n".join(f"{name}: {value}" for name, value in spoken.trailers).encode()
    assert_absent(Secret("provider", provider_door.key), {"a trailer": trailers, "the body": spoken.body})


def _with_trailer(key: str) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n"
    return head + b"trailer: x-by\r\n\r\n2\r\n{}\r\n0\r\nx-by: " + key.encode() + b"\r\n\r\n"


def _written_by_hand(client: Client, body: bytes) -> bytes:
    where, bearer = urlsplit(client.url()), ("authorization", f"Bearer {client.door.key}")
    kind, length = ("content-type", "application/json"), ("content-length", str(len(body)))
    headers = (("host", where.netloc), ("te", "trailers"), ("connection", "te"), VERSION, bearer, kind, length)
    lines = "".join(f"{name}: {value}\r\n" for name, value in (*headers, *client.door.headers))
    return f"POST {where.path} HTTP/1.1\r\n{lines}\r\n".encode() + body
