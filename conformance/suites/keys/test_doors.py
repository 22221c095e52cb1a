"""Every door has a lock: without a key, no path, method or header leads to a provider."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

from conformance.api import MESSAGES, Client, Http, Mode, Tape, Upstream, check, dialled, mint

RAW = (Mode.HTTP,)
VERSION = ("anthropic-version", "2023-06-01")
ROUTES = (
    *(("POST", path) for path in ("messages", "messages/count_tokens", "messages/batches", "chat/completions")),
    *(("POST", path) for path in ("responses", "responses/input_tokens", "completions", "embeddings", "never/seen")),
    *(("GET", path) for path in ("models", "models/gpt-5-mini", "files", "responses/resp_1", "messages")),
    *((method, "messages") for method in ("HEAD", "OPTIONS", "PUT", "DELETE")),
    *((method, "chat/completions") for method in ("HEAD", "OPTIONS", "PUT", "PATCH")),
)
SPOOFS = (
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-user", "admin"),
    ("x-forwarded-host", "localhost"),
    ("x-real-ip", "127.0.0.1"),
    ("forwarded", "for=127.0.0.1;host=localhost;proto=https"),
    ("x-original-url", "/healthz"),
    ("x-rewrite-url", "/healthz"),
    ("x-http-method-override", "OPTIONS"),
    ("x-internal-request", "true"),
    ("x-user-id", "admin"),
    ("cookie", "session=admin"),
)
MALFORMED = (400, 401, 403, 414, 429, 431)
"""How a credential may be refused that nobody could have been given (RFC 6750, 3.1; RFC 6585, 5), or a firewall."""

GARBAGE = (
    b"null",
    b"undefined",
    b"*",
    b"' OR '1'='1",
    b'{"admin": true}',
    b"../../etc/passwd",
    b"%00%0d%0a",
    b"${jndi:ldap://x}",
    b"sk-",
    b"k" * 7000,
    "schlüssel-für-alles".encode("latin-1"),
    "鍵🔑".encode(),
)


@check(
    "keys/refused/every-route",
    requirement="no-key-no-call",
    feature="key-refusal",
    modes=RAW,
    direct=False,
    catches=("guards-known-paths-only", "guards-post-only"),
)
async def test_no_route_leads_to_a_provider_without_a_key(client: Client, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers()
    root = client.door.url.removesuffix("/v1")
    for method, path in ROUTES:
        for credential in ((), (("authorization", f"Bearer {mint('nobody').value}"),)):
            body = client.body(script.prompt) if method in ("POST", "PUT", "PATCH") else None
            url = f"{root}/v1/{path}?case={script.token}"
            await http.send(method, url, headers=[*credential, VERSION], body=body)
    called = {f"{received.method} {received.path}" for received in await script.journal()}
    assert not called, f"the upstream was called without a key: {', '.join(sorted(called))}"


@check(
    "keys/refused/odd-paths",
    requirement="no-key-no-call",
    feature="key-refusal",
    modes=RAW,
    direct=False,
    catches=("guards-plain-paths-only",),
)
async def test_no_spelling_of_a_path_leads_to_a_provider_without_a_key(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    script = await upstream.answers()
    body = json.dumps(client.body(script.prompt)).encode()
    for target in _spellings(urlsplit(client.door.url).path + client.path):
        await _answered(client, tape, target, b"", body)
    called = {received.path for received in await script.journal()}
    assert not called, f"the upstream was called without a key: {', '.join(sorted(called))}"


@check(
    "keys/refused/spoofed",
    requirement="no-key-no-call",
    feature="key-refusal",
    modes=RAW,
    direct=False,
    catches=("trusts-forwarded-headers",),
)
async def test_no_header_stands_for_a_key(client: Client, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers()
    for spoof in SPOOFS:
        url = client.door.url + client.path
        await http.send("POST", url, headers=[spoof, VERSION], body=client.body(script.prompt))
        assert not await script.journal(), f"{': '.join(spoof)} was taken for a key: the upstream was called"


@check(
    "keys/refused/combined",
    requirement="no-key-no-call",
    feature="key-refusal",
    modes=RAW,
    direct=False,
    catches=("gives-up-on-two-keys",),
)
async def test_no_two_wrong_credentials_make_a_right_one(client: Client, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers()
    for credentials in _combined(mint("nobody").value, mint("nobody-else").value):
        body = client.body(script.prompt)
        await http.send("POST", client.url(), headers=[*credentials, VERSION], body=body)
        assert not await script.journal(), f"{credentials}: the upstream was called all the same"


def _combined(one: str, other: str) -> Iterator[tuple[tuple[str, str], ...]]:
    bearer, another = f"Bearer {one}", f"Bearer {other}"
    yield ("authorization", bearer), ("authorization", another)
    yield ("Authorization", bearer), ("AUTHORIZATION", bearer)
    yield (("authorization", f"{bearer}, {another}"),)
    yield ("x-api-key", one), ("x-api-key", other)
    yield ("x-api-key", one), ("authorization", another)
    yield ("x-api-key", ""), ("authorization", another)
    yield ("x-api-key", one), ("authorization", "")
    yield ("x-api-key", one), ("authorization", "Bearer")
    yield ("authorization", "Basic Og=="), ("authorization", bearer)
    yield (("proxy-authorization", bearer),)
    yield ("x-goog-api-key", one), ("api-key", other)


@check(
    "keys/refused/garbage",
    requirement="wrong-key-is-401",
    feature="key-refusal",
    modes=RAW,
    direct=False,
    catches=("chokes-on-odd-keys",),
)
async def test_garbage_in_place_of_a_key_is_refused(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    body = json.dumps(client.body(script.prompt)).encode()
    target = urlsplit(client.door.url).path + client.path
    for garbage in GARBAGE:
        for carrier in (b"Authorization: Bearer ", *((b"x-api-key: ",) if client.surface == MESSAGES else ())):
            status = await _answered(client, tape, target, carrier + garbage + b"\r\n", body)
            assert status in (*MALFORMED, None), f"{carrier + garbage[:40]!r} was answered with {status}"
    assert not await script.journal(), "the upstream was called all the same"


@check(
    "keys/refused/count-tokens",
    requirement="wrong-key-is-401",
    feature="count-tokens",
    surfaces=(MESSAGES,),
    modes=RAW,
    direct=False,
    catches=("guards-known-paths-only",),
)
async def test_tokens_are_not_counted_without_a_key(client: Client, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers()
    body = {name: value for name, value in client.body(script.prompt).items() if name != "max_tokens"}
    for credential in ((), (("x-api-key", mint("nobody").value),)):
        url = f"{client.door.url}/v1/messages/count_tokens"
        answer = await http.send("POST", url, headers=[*credential, VERSION], body=body)
        assert answer.status == 401, f"answered {answer.status} in place of 401: {answer.content[:200]!r}"
    assert not await script.journal(), "the upstream was called all the same"


@check(
    "keys/refused/models",
    requirement="models-need-a-key",
    feature="models",
    modes=RAW,
    direct=False,
    catches=("guards-post-only",),
)
async def test_models_are_not_listed_without_a_key(client: Client, http: Http) -> None:
    messages = client.surface == MESSAGES
    url = f"{client.door.url}{'/v1' if messages else ''}/models"
    for credential in ((), (("authorization", f"Bearer {mint('nobody').value}"),)):
        answer = await http.send("GET", url, headers=[*credential, *([VERSION] if messages else [])])
        assert answer.status == 401, f"answered {answer.status} in place of 401: {answer.content[:200]!r}"


async def _answered(client: Client, tape: Tape, target: str, credential: bytes, body: bytes) -> int | None:
    """The status of a call written by hand; None where the gateway hung up."""
    own = "".join(f"{name}: {value}\r\n" for name, value in (VERSION, *client.door.headers))
    head = f"POST {target} HTTP/1.1\r\nHost: {urlsplit(client.door.url).netloc}\r\n{own}".encode()
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    async with dialled(client.door.url, tape) as wire:
        await wire.send(head + credential + kind + body)
        spoken = await wire.answer()
    return None if spoken is None else spoken.status


def _spellings(path: str) -> tuple[str, ...]:
    """Paths that one of two parsers could take for the path, and the other for a different one."""
    parent, _, name = path.rpartition("/")
    return (
        path,
        f"/{path}",
        f"{path}/",
        f"{path}/.",
        f"{parent}//{name}",
        f"{parent}/./{name}",
        f"{parent}/x/../{name}",
        f"{parent}/%2e%2e{parent}/{name}",
        f"/healthz/..{path}",
        f"/healthz/%2e%2e{path}",
        f"{parent}%2f{name}",
        f"{path};x=1",
        f"{path}%20",
        f"{path}%00",
        path.upper(),
        f"http://localhost{path}",
        f"{path}?path=/healthz",
        f"{path}#/healthz",
    )
