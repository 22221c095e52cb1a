"""What a key is held to holds on every route, however the call names what it wants."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import anthropic
import openai
import pytest

from gateway import Gateway, Settings
from gateway.scope import origin
from tests.gateway.conftest import RawClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.keys import KeyStore
    from tests.gateway.conftest import ScriptedUpstream

MODELS = """
[[providers]]
id = "gemini"
surfaces = ["gemini"]
base_url = "{upstream}/gemini"
credential = {{ file = "anthropic.key" }}
auth = "x-goog-api-key"
[[providers]]
id = "spare"
surfaces = ["openai-chat"]
base_url = "{upstream}/spare"
credential = {{ file = "anthropic.key" }}
routes = ["embeddings", "images", "audio", "batches", "files", "completions"]
[[providers]]
id = "claude"
surfaces = ["anthropic-messages"]
base_url = "{upstream}/claude"
credential = {{ file = "anthropic.key" }}
routes = ["batches"]
[[providers]]
id = "cloud"
surfaces = ["bedrock", "vertex"]
base_url = "{upstream}/cloud"
credential = {{ file = "anthropic.key" }}
gcp = {{ project = "p", location = "l" }}
[[models]]
name = "good"
provider = "openai"
protocol = "openai-chat"
upstream_name = "gpt-real"
fallback = ["dear", "spare-good"]
[[models]]
name = "dear"
provider = "spare"
protocol = "openai-chat"
[[models]]
name = "spare-good"
provider = "spare"
protocol = "openai-chat"
[routing]
mappings = [{{ value = "spare", provider = "spare" }}]
"""
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
EU = "/v1/projects/p/locations/l/publishers"


@pytest.fixture
def config(config: Path, upstream: ScriptedUpstream) -> Path:
    config.write_text(config.read_text() + MODELS.format(upstream=upstream.url))
    return config


@pytest.fixture
def held(client: RawClient, store: KeyStore) -> RawClient:
    """To three names: one is declared, two are the providers' own."""
    client.key = store.mint("held", models=["good", "claude-small", "gemini-small"]).plaintext
    return client


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        (CHAT, body(model="good")),
        (MESSAGES, body(model="claude-small")),
        ("/v1/messages/count_tokens", body(model="claude-small")),
        ("/v1/messages/batches", body(requests=[{"custom_id": "1", "params": {"model": "claude-small"}}])),
        ("/v1/embeddings", body(model="good")),
        ("/v1beta/models/gemini-small:generateContent", body(model="models/gemini-small", contents=[])),
        ("/v1beta/models/gemini-small:generateContent", b"{}"),
        ("/model/claude-small/converse", b"{}"),
        (CHAT, body(model="good", messages=[{"role": "user", "content": '{"model": "other"}'}])),
        (CHAT, body(model="good", tools=[{"type": "function", "function": {"parameters": {"model": "other"}}}])),
    ],
)
async def test_what_a_key_is_good_for_passes(
    held: RawClient, upstream: ScriptedUpstream, path: str, sent: bytes
) -> None:
    assert (await held.ask("POST", path, sent)).status == 200
    assert len(upstream.received) == 1


BYPASSES = [
    (CHAT, body(model="dear")),
    (CHAT, body(model="gpt-real")),
    (CHAT, body(model="GOOD")),
    (CHAT, body(model=" good")),
    (CHAT, b'{"model": "good", "model": "dear"}'),
    (CHAT, b'{"model": "dear", "model": "good"}'),
    (CHAT, b'{"model": "good", "MODEL": "dear"}'),
    (CHAT, b'{"model": "good", "\\u006dodel": "dear"}'),
    (CHAT, body(model="good", models=["dear"])),
    (CHAT, body(model="good", fallbacks=[{"model": "dear"}])),
    (CHAT, body(model=["good", "dear"])),
    (f"{CHAT}?model=dear", body(model="good")),
    (f"{CHAT}?%6dodel=dear", body(model="good")),
    ("/v1/responses", body(model="good", tools=[{"type": "image_generation", "model": "dear"}])),
    ("/v1/responses", body(model="dear")),
    ("/v1/responses/compact", body(model="dear")),
    ("/v1/responses/input_tokens", body(model="dear")),
    (MESSAGES, body(model="claude-large")),
    ("/v1/messages/count_tokens", body(model="claude-large")),
    ("/v1/messages/batches", body(requests=[{"params": {"model": m}} for m in ("claude-small", "claude-large")])),
    ("/v1/batches", body(model="good", input_file_id="file-1")),
    ("/v1/embeddings", body(model="dear")),
    ("/v1/completions", body(model="dear")),
    ("/v1/images/generations", body(model="dear")),
    ("/v1beta/models/gemini-large:generateContent", b"{}"),
    ("/v1beta/models/gemini-large:generateContent", body(model="gemini-small")),
    ("/v1beta/models/gemini-small:generateContent", body(model="gemini-large")),
    ("/v1beta/models/gemini%2Dlarge:streamGenerateContent?alt=sse", b"{}"),
    ("/v1beta/models/gemini-small:countTokens", body(generateContentRequest={"model": "models/gemini-large"})),
    ("/v1beta/tunedModels/gemini-small:generateContent", b"{}"),
    ("/model/claude-large/invoke", b"{}"),
    ("/model/claude-large/converse", b"{}"),
    ("/model/claude-large/converse-stream", b"{}"),
    ("/model/claude-large/count-tokens", b"{}"),
    (f"{EU}/anthropic/models/claude-large:rawPredict", b"{}"),
    (f"{EU}/anthropic/models/count-tokens:rawPredict", body(model="claude-large")),
    (f"{EU}/google/models/gemini-large:generateContent", b"{}"),
    ("/openai/deployments/dear/chat/completions?api-version=1", body(model="good")),
]


@pytest.mark.parametrize(("path", "sent"), BYPASSES)
async def test_no_way_leads_to_a_model_that_a_key_is_not_good_for(
    held: RawClient, upstream: ScriptedUpstream, path: str, sent: bytes
) -> None:
    reply = await held.ask("POST", path, sent)
    assert (reply.status, upstream.received) == (403, []), reply.body
    assert b"This gateway key is" in reply.body


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        *((CHAT, sent) for sent in (b"", b"{}", b'{"model": null}', b"model=good", b'{"model": "good"', b"\x1f\x8b")),
        ("/v1/images/edits", b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\ngood\r\n--x--\r\n'),
        ("/v1/embeddings", b"{}"),
        (MESSAGES, body(messages=[{"model": "claude-small"}])),
        ("/v1/responses", body(prompt={"id": "pmpt_1"})),
    ],
)
async def test_who_is_held_to_models_names_one_that_can_be_read(
    held: RawClient, upstream: ScriptedUpstream, path: str, sent: bytes
) -> None:
    reply = await held.ask("POST", path, sent)
    assert (reply.status, upstream.received) == (400, [])
    assert b"names no model" in reply.body


async def test_the_refusal_is_in_the_callers_own_envelope(held: RawClient) -> None:
    assert (await held.ask("POST", MESSAGES, body(model="x"))).json["error"]["type"] == "permission_error"
    assert (await held.ask("POST", CHAT, body(model="x"))).json["error"]["code"] == "permission_denied"
    google = await held.ask("POST", "/v1beta/models/x:generateContent", b"{}")
    assert google.json["error"]["status"] == "PERMISSION_DENIED"
    aws = await held.ask("POST", "/model/x/converse", b"{}")
    assert aws.values("x-amzn-errortype") == ["AccessDeniedException"]


async def test_a_fallback_leads_to_no_model_that_the_key_is_not_good_for(
    client: RawClient, store: KeyStore, upstream: ScriptedUpstream
) -> None:
    upstream.says(b"{}", 503)
    client.key = store.mint("k", models=["good", "spare-good"]).plaintext
    assert (await client.ask("POST", CHAT, body(model="good"))).status == 502
    assert [received.target for received in upstream.received] == [
        "/openai/v1/chat/completions",
        "/spare/chat/completions",
    ]
    assert json.loads(upstream.received[1].body)["model"] == "spare-good"


async def test_what_names_no_model_passes(held: RawClient, upstream: ScriptedUpstream) -> None:
    for method, path in (("GET", "/v1/responses/resp_1"), ("GET", "/v1/batches/b"), ("POST", "/v1/batches/b/cancel")):
        assert (await held.ask(method, path)).status == 200
    assert len(upstream.received) == 3


@pytest.mark.parametrize(
    ("path", "headers", "names"),
    [
        ("/v1/models", {}, lambda told: [each["id"] for each in told["data"]]),
        ("/openai/v1/models", {}, lambda told: [each["id"] for each in told["data"]]),
        ("/v1/models", {"anthropic-version": "2023-06-01"}, lambda told: [each["id"] for each in told["data"]]),
        ("/v1beta/models", {}, lambda told: [each["name"].removeprefix("models/") for each in told["models"]]),
    ],
)
async def test_the_list_of_models_shows_what_the_key_may_ask_for(
    held: RawClient,
    upstream: ScriptedUpstream,
    path: str,
    headers: dict[str, str],
    names: Callable[[Any], list[str]],
) -> None:
    listed = await held.ask("GET", path, headers=list(headers.items()))
    assert (listed.status, names(listed.json)) == (200, ["claude-small", "gemini-small", "good"])
    one = await held.ask("GET", f"{path}/good", headers=list(headers.items()))
    assert "good" in {one.json.get("id"), one.json.get("name", "").removeprefix("models/")}
    assert (await held.ask("GET", f"{path}/dear", headers=list(headers.items()))).status == 403
    assert upstream.received == []


async def test_the_list_leaves_out_what_the_keys_providers_do_not_serve(client: RawClient, store: KeyStore) -> None:
    client.key = store.mint("k", models=["good", "dear", "spare-good"], providers=["spare"]).plaintext
    assert [each["id"] for each in (await client.ask("GET", "/v1/models")).json["data"]] == [
        "dear",
        "good",
        "spare-good",
    ]
    client.key = store.mint("k", models=["dear"], providers=["openai"]).plaintext
    assert (await client.ask("GET", "/v1/models")).json["data"] == []


async def test_a_key_that_is_held_to_nothing_sees_the_providers_own_list(
    client: RawClient, upstream: ScriptedUpstream
) -> None:
    upstream.says(b'{"data": ["theirs"]}')
    assert (await client.ask("GET", "/v1/models")).body == b'{"data": ["theirs"]}'


async def test_a_key_of_a_provider_may_ask_for_any_model_of_it_and_for_no_other_providers(
    client: RawClient, store: KeyStore, upstream: ScriptedUpstream
) -> None:
    client.key = store.mint("k", providers=["spare"]).plaintext
    for model in ("dear", "never-heard-of", "good"):  # the last one by its fallbacks
        assert (await client.ask("POST", CHAT, body(model=model))).status == 200
    assert {received.target for received in upstream.received} == {"/spare/chat/completions"}
    upstream.received.clear()
    client.key = store.mint("k", providers=["openai"]).plaintext
    refused = [
        await client.ask("POST", CHAT, body(model="dear")),
        await client.ask("POST", CHAT, body(model="any"), [("x-provider", "spare")]),
        await client.ask("POST", CHAT, body(model="good"), [("X-Provider", " SPARE ")]),
        await client.ask("POST", MESSAGES, body(model="claude-small")),
        await client.ask("POST", "/v1/embeddings", body(model="any")),
        await client.ask("GET", "/v1beta/models"),
    ]
    assert ([reply.status for reply in refused], upstream.received) == ([403] * 6, [])
    assert "openai" in refused[0].json["error"]["message"]


@pytest.mark.parametrize(
    ("origins", "status"),
    [
        (["127.0.0.1"], 200),
        (["127.0.0.0/8"], 200),
        (["10.0.0.0/8", "127.0.0.1/32"], 200),
        (["10.0.0.0/8"], 403),
        (["::/0"], 403),
        (["unix"], 403),
    ],
)
async def test_a_key_is_only_good_where_it_is_used_from(
    client: RawClient, store: KeyStore, upstream: ScriptedUpstream, origins: list[str], status: int
) -> None:
    client.key = store.mint("k", origins=origins).plaintext
    spoofed = [(name, "10.1.1.1") for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP")]
    for headers in ([], spoofed):
        assert (await client.ask("POST", MESSAGES, b"{}", headers)).status == status
    assert len(upstream.received) == (2 if status == 200 else 0)


async def test_where_a_call_comes_from_is_judged_before_what_it_wants(client: RawClient, store: KeyStore) -> None:
    client.key = store.mint("k", ["gemini"], origins=["10.0.0.0/8"], models=["x"]).plaintext
    refused = await client.ask("POST", CHAT, body(model="y"))
    assert (refused.status, refused.json["error"]["message"]) == (
        403,
        "This gateway key is not valid from this address.",
    )


async def test_a_unix_socket_is_an_origin_too(settings: Settings, store: KeyStore, tmp_path: Path) -> None:
    path = tmp_path / "gw.sock"
    listen = settings.listen.model_copy(update={"uds": path})
    async with (
        Gateway(settings.model_copy(update={"listen": listen})),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
    ):
        here = RawClient(session, "http://gateway", store.mint("k", origins=["unix"]).plaintext)
        assert (await here.ask("POST", MESSAGES, b"{}")).status == 200
        here.key = store.mint("k", origins=["0.0.0.0/0", "::/0"]).plaintext
        assert (await here.ask("POST", MESSAGES, b"{}")).status == 403


@pytest.mark.parametrize("text", ["10.0.0.1/8", "somewhere", "", "10.0.0.0/33", "Unix"])
async def test_an_origin_that_is_none_is_refused_at_mint(store: KeyStore, text: str) -> None:
    with pytest.raises(ValueError, match=r"IPv4|host bits"):
        store.mint("k", origins=[text])
    assert store.all() == []


def test_origins_are_stored_in_one_spelling() -> None:
    assert [origin(text) for text in ("10.0.0.1", "::0001/128", "unix")] == ["10.0.0.1/32", "::1/128", "unix"]


async def test_the_audit_says_that_it_was_denied(
    held: RawClient, gateway: Gateway, audited: Callable[[], list[dict[str, Any]]]
) -> None:
    for model in ("good", "dear"):
        await held.ask("POST", CHAT, body(model=model))
    await held.ask("POST", CHAT, body(model="good"), [("x-provider", "nobody")])
    await gateway.__aexit__()
    assert [(row["decision"], row["end"], row["secrets_injected"]) for row in audited()] == [
        ("allow", "complete", ["TEST_OPENAI_KEY"]),
        ("deny", "refused", []),
        ("allow", "complete", ["TEST_OPENAI_KEY"]),
    ]


async def test_the_sdks_read_the_gateways_own_list(gateway: Gateway, held: RawClient) -> None:
    names = ["claude-small", "gemini-small", "good"]
    async with openai.AsyncOpenAI(api_key=held.key, base_url=f"{gateway.url}/v1", max_retries=0) as sdk:
        assert [model.id async for model in sdk.models.list()] == names
        assert (await sdk.models.retrieve("good")).owned_by == "gateway"
        with pytest.raises(openai.PermissionDeniedError):
            await sdk.models.retrieve("dear")
    async with anthropic.AsyncAnthropic(api_key=held.key, base_url=gateway.url, max_retries=0) as sdk2:
        assert [model.id async for model in sdk2.models.list()] == names
        assert (await sdk2.models.retrieve("good")).created_at.year == 1970
