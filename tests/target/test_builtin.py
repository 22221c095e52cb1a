"""Each built-in target, really started where its software exists."""

from __future__ import annotations

import json
import socket
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
import pytest

from conformance.surface import Surface
from conformance.target import Missing, Running, installed, launch, load
from gateway.prices import rates
from tests.absent import absent
from tests.target.echo import Echo, echo
from tests.target.samples import SECRETS, processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLIENT = SECRETS["client"].value
BEARER = {"authorization": f"Bearer {CLIENT}"}
X_API_KEY = {"x-api-key": CLIENT}


@pytest.fixture
def upstream() -> Iterator[Echo]:
    with echo() as server:
        yield server


def started(name: str, upstream: Echo, workdir: Path) -> Iterator[Running]:
    target = load(name)
    if isinstance(found := installed(target), Missing):
        absent(found.reason)
    with launch(target, upstream.url, SECRETS, workdir) as running:
        yield running
    assert processes(workdir) == []


@pytest.fixture
def nginx(upstream: Echo, tmp_path: Path) -> Iterator[Running]:
    yield from started("nginx", upstream, tmp_path)


@pytest.fixture
def reference(upstream: Echo, tmp_path: Path) -> Iterator[Running]:
    yield from started("reference", upstream, tmp_path)


@pytest.fixture
def relay(upstream: Echo, tmp_path: Path) -> Iterator[Running]:
    yield from started("relay", upstream, tmp_path)


@pytest.fixture
def litellm(upstream: Echo, tmp_path: Path) -> Iterator[Running]:
    yield from started("litellm", upstream, tmp_path)


def call(running: Running, path: str, headers: dict[str, str], content: bytes = b"{}") -> httpx2.Response:
    return httpx2.post(running.hooks.origin + path, headers=headers, content=content)


def serves_all_surfaces(running: Running, upstream: Echo) -> None:
    """Every call reaches its own provider, with that provider's key and never the client's."""
    key = running.key
    for path, headers in (
        ("/v1/chat/completions", {"authorization": f"Bearer {key}"}),
        ("/v1/responses", {"authorization": f"Bearer {key}"}),
        ("/v1/messages", {"x-api-key": key, "anthropic-version": "2023-06-01"}),
    ):
        assert call(running, path, headers).status_code == 200
    assert [(one["path"], keys(one)) for one in upstream.received] == [
        ("/openai/v1/chat/completions", {"authorization": f"Bearer {SECRETS['openai'].value}"}),
        ("/openai/v1/responses", {"authorization": f"Bearer {SECRETS['openai'].value}"}),
        ("/anthropic/v1/messages", {"x-api-key": SECRETS["anthropic"].value}),
    ]


def keys(received: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in received["headers"] if "sk-" in value}


def key_life(running: Running) -> None:
    """Keys work from when they are minted to when they are revoked or expire."""
    for end in (running.hooks.revoke, running.hooks.expire):
        key = running.hooks.mint(expires_in=600)
        headers = {"authorization": f"Bearer {key}"}
        assert call(running, "/v1/responses", headers).status_code == 200
        end(key)
        assert call(running, "/v1/responses", headers).status_code == 401
    assert call(running, "/v1/responses", {"authorization": f"Bearer {running.key}"}).status_code == 200


def test_nginx_serves(nginx: Running, upstream: Echo) -> None:
    serves_all_surfaces(nginx, upstream)
    assert nginx.version[0].isdigit()


@pytest.mark.parametrize("headers", [BEARER, X_API_KEY, {"authorization": f"bearer  {CLIENT}"}, BEARER | X_API_KEY])
def test_nginx_takes_the_key_in_either_carrier(nginx: Running, headers: dict[str, str]) -> None:
    assert call(nginx, "/v1/messages", headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": CLIENT + "x"},
        {"x-api-key": ""},
        {"authorization": f"Basic {CLIENT}"},
        {"authorization": CLIENT},
    ],
)
def test_nginx_refuses_in_the_callers_protocol(nginx: Running, upstream: Echo, headers: dict[str, str]) -> None:
    anthropic, openai = (call(nginx, path, headers) for path in ("/v1/messages", "/v1/responses"))
    assert (anthropic.status_code, openai.status_code) == (401, 401)
    assert anthropic.json()["error"]["type"] == "authentication_error"
    assert anthropic.json()["request_id"] == anthropic.headers["request-id"]
    assert openai.json()["error"]["code"] == "invalid_api_key"
    assert openai.headers["content-type"] == "application/json"
    assert upstream.received == []


@pytest.mark.parametrize(
    ("path", "headers", "asked"),
    [
        ("/v1/models?limit=2", BEARER, "/openai/v1/models?limit=2"),
        ("/v1/models?limit=2", X_API_KEY | {"anthropic-version": "1"}, "/anthropic/v1/models?limit=2"),
        ("/v1/models/claude", BEARER | {"anthropic-version": "1"}, "/anthropic/v1/models/claude"),
        ("/v1/messages/count_tokens?beta=true", X_API_KEY, "/anthropic/v1/messages/count_tokens?beta=true"),
        ("/v1//responses/a%2Fb/c?q=%20+&q", BEARER, "/openai/v1//responses/a%2Fb/c?q=%20+&q"),
    ],
)
def test_nginx_keeps_path_and_query(
    nginx: Running, upstream: Echo, path: str, headers: dict[str, str], asked: str
) -> None:
    httpx2.get(nginx.hooks.origin + path, headers=headers)
    assert upstream.received[0]["path"] == asked


def test_nginx_changes_nothing_but_key_cookies_and_hop_by_hop_headers(nginx: Running, upstream: Echo) -> None:
    passed = [("X_Under", "1"), ("x-Two", "a"), ("x-Two", "b"), ("anthropic-beta", "x,y"), ("Accept-Encoding", "br")]
    dropped = [("Cookie", "a=b"), ("TE", "trailers"), ("Proxy-Authorization", "Basic x"), ("Keep-Alive", "9")]
    content = bytes(range(256)) * 40_000
    with httpx2.Client() as client:
        request = httpx2.Request(
            "POST",
            nginx.hooks.origin + "/v1/messages",
            headers=[*X_API_KEY.items(), *passed, *dropped],
            content=content,
        )
        answer = client.send(request)
    received = upstream.received[0]
    own = {"host", "x-api-key", "content-length"}
    assert [tuple(header) for header in received["headers"] if header[0].lower() not in own] == passed
    assert received["body"].encode("latin-1") == content
    assert answer.reason_phrase == "Fine"
    assert json.loads(answer.content)["path"] == received["path"]
    assert [answer.headers[name] for name in ("X-Accel-Buffering", "X_Odd")] == ["no", "kept"]
    assert "set-cookie" not in answer.headers
    assert answer.headers["server"].startswith("BaseHTTP")


def test_nginx_passes_chunked_bodies(nginx: Running, upstream: Echo) -> None:
    httpx2.post(nginx.hooks.origin + "/v1/messages", headers=X_API_KEY, content=iter([b"one", b"two"]))
    assert upstream.received[0]["body"] == "onetwo"


def test_nginx_passes_each_chunk_when_it_comes(nginx: Running, upstream: Echo) -> None:
    with httpx2.stream("POST", nginx.hooks.origin + "/v1/messages?gated", headers=X_API_KEY) as answer:
        chunks = answer.iter_raw()
        assert next(chunks) == b"first"
        upstream.gate.set()
        assert b"".join(chunks) == b"second"


def test_nginx_hangs_up_when_its_client_does(nginx: Running, upstream: Echo) -> None:
    with httpx2.stream("POST", nginx.hooks.origin + "/v1/messages?gated", headers=X_API_KEY) as answer:
        assert next(answer.iter_raw()) == b"first"
    assert upstream.abandoned.wait(60)


def test_nginx_hangs_up_on_a_silent_upstream_too(nginx: Running, upstream: Echo) -> None:
    address = urlsplit(nginx.hooks.origin)
    with socket.create_connection((address.hostname or "", address.port or 0)) as caller:
        caller.sendall(f"GET /v1/messages?silent HTTP/1.1\r\nHost: nginx\r\nX-Api-Key: {CLIENT}\r\n\r\n".encode())
        assert upstream.asked.wait(60)
    assert upstream.abandoned.wait(60)


def test_nginx_never_makes_a_cut_look_like_an_end(nginx: Running) -> None:
    with (
        pytest.raises(httpx2.RemoteProtocolError),
        httpx2.stream("POST", nginx.hooks.origin + "/v1/messages?cut", headers=X_API_KEY) as answer,
    ):
        answer.read()
    assert b"prematurely closed" in nginx.output()
    assert not any(secret.value.encode() in nginx.output() for secret in SECRETS.values())


def test_the_reference_gateway_serves(reference: Running, upstream: Echo) -> None:
    serves_all_surfaces(reference, upstream)
    assert reference.version == version("llm-gateway-conformance")


def test_keys_of_the_reference_gateway_live_and_die(reference: Running) -> None:
    key_life(reference)


def test_the_audit_of_the_reference_gateway_is_output(upstream: Echo, tmp_path: Path) -> None:
    with launch(load("reference"), upstream.url, SECRETS, tmp_path) as running:
        call(running, "/v1/responses", {"authorization": f"Bearer {running.key}"})
    assert b"/v1/responses" in running.output()


def test_the_relay_serves(relay: Running, upstream: Echo) -> None:
    serves_all_surfaces(relay, upstream)


def test_keys_of_the_relay_live_and_die(relay: Running) -> None:
    key_life(relay)


def test_litellm_serves(litellm: Running, upstream: Echo) -> None:
    body = {"model": "gpt-sim", "messages": [{"role": "user", "content": "hello"}]}
    answer = httpx2.post(
        f"{litellm.surfaces[Surface.OPENAI_CHAT]}/chat/completions", headers=BEARER, json=body, timeout=30
    )
    assert answer.json()["choices"][0]["message"]["content"] == "hello"
    assert keys(upstream.received[0]) == {"authorization": f"Bearer {SECRETS['openai'].value}"}
    assert litellm.version == "1.106.2"


def test_the_reference_charges_the_prices_that_its_target_file_names() -> None:
    target = load("reference")
    for name, price in target.auth.prices.items():
        [model, *_] = [model for model in target.models if model.name == name]
        charged = rates("http://127.0.0.1", model.upstream.value, model.upstream_name or name, 0)
        assert charged is not None, name
        told = [price.input, price.cache_read, price.output]
        assert [charged.fresh, charged.cache_read, charged.said] == [each * 10**12 for each in told], name
