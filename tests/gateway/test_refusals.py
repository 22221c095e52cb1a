"""Who does not pass, and what they are told: in their own protocol, and never with a key in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anthropic
import openai
import pytest

if TYPE_CHECKING:
    from gateway import Gateway
    from gateway.keys import KeyStore
    from tests.gateway.conftest import RawClient, Reply, ScriptedUpstream

OPENAI_PATH, ANTHROPIC_PATH = "/v1/chat/completions", "/v1/messages"


def is_refusal(reply: Reply, status: int, kind: str) -> bool:
    """A complete envelope, with the request id where the protocol's SDK looks for it."""
    anthropic_style = reply.json.get("type") == "error"
    [request_id] = reply.values("request-id" if anthropic_style else "x-request-id")
    assert reply.values("x-gateway-request-id") == [request_id]
    assert reply.values("content-type") == ["application/json"]
    if anthropic_style:
        assert reply.json["request_id"] == request_id
    else:
        assert set(reply.json["error"]) == {"message", "type", "param", "code"}
    return (reply.status, reply.json["error"]["type"]) == (status, kind)


@pytest.mark.parametrize("path", [OPENAI_PATH, "/v1/responses", ANTHROPIC_PATH])
@pytest.mark.parametrize("carrier", ["Authorization: Bearer {}", "authorization: bEARER   {} ", "X-Api-Key:  {} "])
async def test_a_key_is_accepted_in_both_carriers_on_every_surface(client: RawClient, path: str, carrier: str) -> None:
    name, _, value = carrier.format(client.key).partition(":")
    assert (await client.ask("POST", path, b"{}", [(name, value.strip())], anonymous=True)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer gw-wrong")],
        [("Authorization", "Bearer ")],
        [("Authorization", "Basic gw-wrong")],
        [("Authorization", "gw-wrong")],
        [("x-api-key", "gw-wrong")],
        [("x-api-key", "")],
        [("x-api-key", "gw-wr\u00f6ng")],
    ],
)
async def test_without_a_valid_key_nothing_passes(
    client: RawClient, upstream: ScriptedUpstream, headers: list[tuple[str, str]]
) -> None:
    for path, kind in ((OPENAI_PATH, "invalid_request_error"), (ANTHROPIC_PATH, "authentication_error")):
        reply = await client.ask("POST", path, b"{}", headers, anonymous=True)
        assert is_refusal(reply, 401, kind)
        assert reply.values("www-authenticate") == ["Bearer"]
        assert b"gw-wr" not in reply.body
    assert upstream.received == []


async def test_an_openai_401_has_the_code_that_the_sdk_shows(client: RawClient) -> None:
    reply = await client.ask("POST", OPENAI_PATH, anonymous=True)
    assert (reply.json["error"]["code"], reply.json["error"]["param"]) == ("invalid_api_key", None)


async def test_the_sdks_raise_their_own_authentication_errors(gateway: Gateway) -> None:
    async with openai.AsyncOpenAI(api_key="no", base_url=f"{gateway.url}/v1", max_retries=0) as sdk:
        with pytest.raises(openai.AuthenticationError) as refused:
            await sdk.chat.completions.create(model="m", messages=[])
    assert refused.value.code == "invalid_api_key"
    async with anthropic.AsyncAnthropic(api_key="no", base_url=gateway.url, max_retries=0) as sdk2:
        with pytest.raises(anthropic.AuthenticationError) as refused2:
            await sdk2.messages.create(model="m", max_tokens=1, messages=[])
    assert refused2.value.request_id


async def test_a_valid_key_beside_something_else_passes(client: RawClient, upstream: ScriptedUpstream) -> None:
    reply = await client.ask("POST", ANTHROPIC_PATH, b"{}", [("x-api-key", "sk-ant-somebodys-own")])
    assert reply.status == 200
    assert "sk-ant-somebodys-own" not in str(upstream.received)


async def test_the_same_key_in_both_carriers_passes(client: RawClient) -> None:
    assert (await client.ask("POST", ANTHROPIC_PATH, b"{}", [("x-api-key", client.key)])).status == 200


async def test_two_different_valid_keys_do_not_pass(client: RawClient, store: KeyStore) -> None:
    other = store.mint("other").plaintext
    reply = await client.ask("POST", ANTHROPIC_PATH, b"{}", [("x-api-key", other)])
    assert is_refusal(reply, 401, "authentication_error")


async def test_a_revoked_key_stops_at_once(client: RawClient, store: KeyStore) -> None:
    assert (await client.ask("POST", OPENAI_PATH, b"{}")).status == 200
    store.revoke(store.named(client.key))
    reply = await client.ask("POST", OPENAI_PATH, b"{}")
    assert reply.status == 401
    assert "revoked" in reply.json["error"]["message"]


async def test_an_expired_key_stops_at_once(client: RawClient, store: KeyStore) -> None:
    assert (await client.ask("POST", OPENAI_PATH, b"{}")).status == 200
    store.expire(store.named(client.key), time.time())
    reply = await client.ask("POST", OPENAI_PATH, b"{}")
    assert reply.status == 401
    assert "expired" in reply.json["error"]["message"]


async def test_a_key_is_only_good_for_its_surfaces(client: RawClient, store: KeyStore) -> None:
    client.key = store.mint("narrow", ["openai-responses"]).plaintext
    assert is_refusal(await client.ask("POST", OPENAI_PATH, b"{}"), 403, "invalid_request_error")
    assert is_refusal(await client.ask("POST", ANTHROPIC_PATH, b"{}"), 403, "permission_error")
    assert (await client.ask("POST", "/v1/responses", b"{}")).status == 200
    assert (await client.ask("GET", "/v1/models")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/", "invalid_request_error"),
        ("POST", "/v1/embeddings", "invalid_request_error"),
        ("POST", "/v1/messages/batches", "not_found_error"),
        ("GET", "/v1/responses/..", "invalid_request_error"),
        ("GET", "/v1/responses/%2e%2E", "invalid_request_error"),
        ("GET", "/v1/models/a/b", "invalid_request_error"),
        ("POST", "//v1/messages", "invalid_request_error"),
    ],
)
async def test_an_unknown_path_is_not_found(
    client: RawClient, upstream: ScriptedUpstream, method: str, path: str, kind: str
) -> None:
    assert is_refusal(await client.ask(method, path), 404, kind)
    assert (await client.ask(method, path, anonymous=True)).status == 401
    assert upstream.received == []


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/responses/resp_1", "GET, DELETE"),
        ("DELETE", "/v1/models", "GET"),
        ("GET", "/v1/messages", "POST"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(client: RawClient, method: str, path: str, allow: str) -> None:
    reply = await client.ask(method, path)
    assert is_refusal(reply, 405, "invalid_request_error")
    assert reply.values("allow") == [allow]


async def test_a_websocket_is_sent_to_http(client: RawClient) -> None:
    upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
    reply = await client.ask("GET", "/v1/responses", headers=upgrade)
    assert is_refusal(reply, 426, "invalid_request_error")
    assert (await client.ask("GET", "/v1/models")).status == 200


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_beyond_the_limit_is_too_large(
    client: RawClient, upstream: ScriptedUpstream, *, chunked: bool
) -> None:
    reply = await client.ask("POST", ANTHROPIC_PATH, b"x" * (2 * 1024 * 1024 + 1), chunked=chunked)
    assert is_refusal(reply, 413, "request_too_large")
    assert upstream.received == []


async def test_a_client_that_expects_100_gets_it(client: RawClient, upstream: ScriptedUpstream) -> None:
    reply = await client.ask("POST", ANTHROPIC_PATH, b"{}", [("Expect", "100-continue")])
    assert (reply.status, upstream.received[0].body) == (200, b"{}")
    assert upstream.received[0].values("expect") == []


async def test_a_bug_of_the_gateway_is_told_in_the_callers_protocol(
    client: RawClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.relay.headers.query_without", lambda *_: 1 / 0)
    assert is_refusal(await client.ask("POST", OPENAI_PATH, b"{}"), 500, "server_error")
    assert is_refusal(await client.ask("POST", ANTHROPIC_PATH, b"{}"), 500, "api_error")
    assert "ZeroDivisionError" in caplog.text


async def test_health_needs_no_key_and_no_provider(
    client: RawClient, upstream: ScriptedUpstream, store: KeyStore
) -> None:
    assert (await client.ask("GET", "/healthz", anonymous=True)).json == {"status": "ok"}
    assert (await client.ask("GET", "/readyz", anonymous=True)).json == {"status": "ok"}
    store._db.write("DROP TABLE keys")
    assert (await client.ask("GET", "/readyz", anonymous=True)).status == 503
    assert (await client.ask("GET", "/healthz", anonymous=True)).status == 200
    assert upstream.received == []
