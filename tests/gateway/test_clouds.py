"""Claude in the clouds: their own clients pass untouched, clients of Messages are understood, the gateway signs."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from contextlib import closing
from importlib import import_module
from typing import TYPE_CHECKING, Any

import aiohttp
import anthropic
import pytest
from multidict import CIMultiDict
from yarl import URL

from gateway import ConfigError, Gateway
from gateway.config import Provider, Routing, parse
from gateway.eventstream import CONTENT_TYPE, Frame, write_frame
from gateway.sources import CredentialSource
from tests.gateway.conftest import OPENAI_KEY
from tests.gateway.test_credentials import expected_signature

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway import Settings
    from tests.gateway.conftest import RawClient, Received, ScriptedUpstream

AWS_SECRET = "aws/secret+key"
VERTEX_TOKEN = "ya29.vertex-token"
CLOUDS = """
[[providers]]
id = "bedrock"
surfaces = ["bedrock"]
base_url = "{upstream}/bedrock"
credential = {{ env = "TEST_AWS_SECRET" }}
auth = "sigv4"
aws = {{ region = "us-east-1", access_key_id = "AKIAEXAMPLE" }}
betas = {{ "ours-2026-01-01" = "theirs-1", "context-1m-2025-08-07" = "" }}
[[providers]]
id = "vertex"
surfaces = ["vertex"]
base_url = "{upstream}/vertex"
credential = {{ env = "TEST_VERTEX_TOKEN" }}
gcp = {{ project = "our-project", location = "us-east5" }}
[[models]]
name = "claude-aws"
provider = "bedrock"
protocol = "bedrock"
upstream_name = "us.anthropic.claude-v1:0"
[[models]]
name = "claude-gcp"
provider = "vertex"
protocol = "vertex"
upstream_name = "claude-4@2026"
"""
SAID: list[Any] = [{"role": "user", "content": "Hello"}]
MESSAGE = {
    "id": "msg_bdrk_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-real",
    "content": [{"type": "text", "text": "Hei."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 4},
}
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": MESSAGE | {"content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hei."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 3}},
]
NAMES = [event["type"] for event in EVENTS]


def frame(kind: str, payload: Any) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return write_frame(Frame(headers, json.dumps(payload).encode()))


def chunk(event: dict[str, Any]) -> bytes:
    return frame("chunk", {"bytes": b64encode(json.dumps(event).encode()).decode(), "p": "abc"})


def sse(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


FRAMES = [chunk(event) for event in EVENTS]
CONVERSE = [
    frame("messageStart", {"role": "assistant"}),
    frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hei."}}),
    frame("messageStop", {"stopReason": "end_turn"}),
    frame("metadata", {"usage": {"inputTokens": 3, "outputTokens": 2, "cacheReadInputTokens": 4}, "metrics": {}}),
]


@pytest.fixture
def config(config: Path, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEST_AWS_SECRET", AWS_SECRET)
    monkeypatch.setenv("TEST_VERTEX_TOKEN", VERTEX_TOKEN)
    config.write_text(config.read_text() + CLOUDS.format(upstream=upstream.url))
    return config


@pytest.fixture
async def bedrock(gateway: Gateway, key: str) -> AsyncIterator[anthropic.AsyncAnthropicBedrock]:
    async with anthropic.AsyncAnthropicBedrock(
        api_key=key, aws_region="eu-west-1", base_url=gateway.url, max_retries=0
    ) as sdk:
        yield sdk


@pytest.fixture
async def vertex(gateway: Gateway, key: str) -> AsyncIterator[anthropic.AsyncAnthropicVertex]:
    async with anthropic.AsyncAnthropicVertex(
        access_token=key, project_id="theirs", region="eu", base_url=f"{gateway.url}/v1", max_retries=0
    ) as sdk:
        yield sdk


def is_signed(received: Received, upstream: ScriptedUpstream) -> bool:
    headers = CIMultiDict(received.headers)
    url = URL(upstream.url + received.target, encoded=True)
    return expected_signature(url, headers, received.body, AWS_SECRET) in headers["Authorization"]


async def test_bedrocks_own_client_is_passed_through_and_signed_for(
    bedrock: anthropic.AsyncAnthropicBedrock, upstream: ScriptedUpstream, key: str
) -> None:
    upstream.says(json.dumps(MESSAGE).encode())
    message = await bedrock.messages.create(model="anthropic.x-v1:0", max_tokens=5, messages=SAID)
    assert message.content[0].type == "text"
    assert message.usage.cache_read_input_tokens == 4
    (received,) = upstream.received
    assert received.target == "/bedrock/model/anthropic.x-v1:0/invoke"
    assert is_signed(received, upstream)
    assert key not in str(received.headers)
    assert received.values("authorization")[0].startswith("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")


async def test_frames_pass_untouched(
    client: RawClient, upstream: ScriptedUpstream, gateway: Gateway, audited: Callable[[], list[dict[str, Any]]]
) -> None:
    upstream.streams(*FRAMES, content_type=CONTENT_TYPE)
    target = "/model/arn%3Aaws%3Abedrock%3Aus%3A1%3Aprofile%2Fx/invoke-with-response-stream"
    reply = await client.ask("POST", target, b'{"max_tokens": 5}')
    assert reply.body == b"".join(FRAMES)
    assert reply.values("content-type") == [CONTENT_TYPE]
    assert upstream.received[0].target == f"/bedrock{target}"
    await gateway.__aexit__()
    (row,) = audited()
    assert (row["end"], row["stream"], row["surface"]) == ("complete", True, "bedrock")
    assert row["usage"] == {"input": 7, "output": 9, "cache_read": 4, "cache_write": 0, "reasoning": 0}
    assert row["model"] == "claude-real"


async def test_bedrocks_own_client_streams(
    bedrock: anthropic.AsyncAnthropicBedrock, upstream: ScriptedUpstream
) -> None:
    upstream.streams(*FRAMES, content_type=CONTENT_TYPE)
    async with bedrock.messages.stream(model="m", max_tokens=5, messages=SAID) as stream:
        assert await stream.get_final_text() == "Hei."


@pytest.mark.parametrize("cut", [0, 1, len(FRAMES[2]) - 1])
async def test_a_stream_of_bedrocks_that_breaks_off_is_no_end(
    bedrock: anthropic.AsyncAnthropicBedrock, upstream: ScriptedUpstream, cut: int
) -> None:
    """Between two frames an exception is added; half a frame has no end."""
    upstream.streams(*FRAMES[:2], FRAMES[2][:cut], cut=True, content_type=CONTENT_TYPE)
    failures = (anthropic.APIStatusError, anthropic.APIConnectionError)
    with pytest.raises((*failures, Exception)) as raised:
        async with bedrock.messages.stream(model="m", max_tokens=5, messages=SAID) as stream:
            await stream.get_final_text()
    assert isinstance(raised.value, anthropic.APIStatusError) == (cut == 0)


async def test_a_clean_end_without_the_marker_is_none(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.streams(*FRAMES[:3], content_type=CONTENT_TYPE)
    reply = await client.ask("POST", "/model/m/invoke-with-response-stream", b"{}")
    assert reply.body.startswith(b"".join(FRAMES[:3]))
    assert b"modelStreamErrorException" in reply.body


@pytest.mark.parametrize("target", ["/model/m/converse-stream", "/model/titan/invoke-with-response-stream"])
async def test_converse_and_other_models_end_in_their_own_way(
    client: RawClient,
    upstream: ScriptedUpstream,
    gateway: Gateway,
    audited: Callable[[], list[dict[str, Any]]],
    target: str,
) -> None:
    metrics = {"inputTokenCount": 3, "outputTokenCount": 2, "cacheReadInputTokenCount": 4}
    said = {"outputText": "Hei.", "completionReason": "FINISH", "amazon-bedrock-invocationMetrics": metrics}
    frames = CONVERSE if "converse" in target else [chunk(said)]
    upstream.streams(*frames, content_type=CONTENT_TYPE)
    reply = await client.ask("POST", target, b"{}")
    assert reply.body == b"".join(frames)
    await gateway.__aexit__()
    (row,) = audited()
    assert row["end"] == "complete"
    assert row["usage"] == {"input": 7, "output": 2, "cache_read": 4, "cache_write": 0, "reasoning": 0}


@pytest.mark.parametrize("names", [("inputTokens", "outputTokens"), ("prompt_tokens", "completion_tokens")])
async def test_whole_answers_of_every_model_are_metered(
    client: RawClient,
    upstream: ScriptedUpstream,
    gateway: Gateway,
    audited: Callable[[], list[dict[str, Any]]],
    names: tuple[str, str],
) -> None:
    upstream.says(json.dumps({"output": {}, "usage": dict(zip(names, (3, 2), strict=True))}).encode())
    reply = await client.ask("POST", "/model/m/converse", b'{"messages": []}')
    assert reply.status == 200
    assert is_signed(upstream.received[0], upstream)
    await gateway.__aexit__()
    assert audited()[0]["usage"] == {"input": 3, "output": 2, "cache_read": 0, "cache_write": 0, "reasoning": 0}


async def test_awss_own_client_converses(gateway: Gateway, upstream: ScriptedUpstream, key: str) -> None:
    """Unsigned, as it refuses to send a bearer token over plain HTTP: the key takes a header of its own."""

    def converse() -> list[str]:
        botocore = import_module("botocore.session")
        unsigned = import_module("botocore.config").Config(signature_version=import_module("botocore").UNSIGNED)
        sdk = botocore.get_session().create_client(
            "bedrock-runtime", region_name="eu-west-1", endpoint_url=gateway.url, config=unsigned
        )
        sdk.meta.events.register("before-call", lambda params, **_: params["headers"].update({"x-api-key": key}))
        try:
            messages = [{"role": "user", "content": [{"text": "Hello"}]}]
            answer = sdk.converse_stream(modelId="arn:aws:bedrock:us:1:profile/x", messages=messages)
            with closing(answer["stream"]) as stream:
                return [name for event in stream for name in event]
        finally:
            sdk.close()

    upstream.streams(*CONVERSE, content_type=CONTENT_TYPE)
    names = await asyncio.to_thread(converse)
    assert names == ["messageStart", "contentBlockDelta", "messageStop", "metadata"]
    (received,) = upstream.received
    assert received.target == "/bedrock/model/arn%3Aaws%3Abedrock%3Aus%3A1%3Aprofile%2Fx/converse-stream"
    assert is_signed(received, upstream)
    upstream.streams(*CONVERSE[:2], cut=True, content_type=CONTENT_TYPE)
    with pytest.raises(Exception, match="modelStreamErrorException"):
        await asyncio.to_thread(converse)


async def test_a_clients_own_signature_never_arrives(client: RawClient, upstream: ScriptedUpstream) -> None:
    headers = [
        ("Authorization", "AWS4-HMAC-SHA256 Credential=AKIACLIENT/x/us-east-1/bedrock/aws4_request, Signature=0"),
        ("x-api-key", client.key),
        ("X-Amz-Date", "20200101T000000Z"),
        ("X-Amz-Security-Token", "clients-session"),
        ("X-Amz-Content-Sha256", "0"),
        ("X-Amzn-Bedrock-Trace", "ENABLED"),
    ]
    await client.ask("POST", "/model/m/invoke", b"{}", headers, anonymous=True)
    (received,) = upstream.received
    assert is_signed(received, upstream)
    assert "AKIACLIENT" not in str(received.headers)
    assert not received.values("x-amz-security-token")
    assert not received.values("x-amz-content-sha256")
    assert len(received.values("x-amz-date")) == 1
    assert received.values("x-amzn-bedrock-trace") == ["ENABLED"]


@pytest.mark.parametrize(
    "target",
    [
        "/model/../invoke",
        "/model/%2e%2e/invoke",
        "/model/..%2f..%2fadmin/invoke",
        "/model/x%2F..%2F..%2Fadmin/invoke",
        "/model/..;x/invoke",
        "/v1/projects/../locations/l/publishers/anthropic/models/m:rawPredict",
        "/v1/projects/p/locations/%2E./publishers/anthropic/models/m:rawPredict",
    ],
)
async def test_no_model_leads_up_the_path(client: RawClient, upstream: ScriptedUpstream, target: str) -> None:
    reply = await client.ask("POST", target, b"{}")
    assert reply.status == 404
    assert not upstream.received


async def test_refusals_come_in_the_clouds_own_envelopes(client: RawClient) -> None:
    reply = await client.ask("POST", "/model/m/invoke", b"{}", anonymous=True)
    assert (reply.status, list(reply.json)) == (401, ["message"])
    assert reply.values("x-amzn-errortype") == ["UnrecognizedClientException"]
    assert reply.values("x-amzn-requestid")
    reply = await client.ask("GET", "/inference-profiles?type=SYSTEM_DEFINED")  # what Claude Code asks when it starts
    assert (reply.status, reply.values("x-amzn-errortype")) == (404, ["ResourceNotFoundException"])
    target = "/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict"
    reply = await client.ask("POST", target, b"{}", anonymous=True)
    assert (reply.status, reply.json["error"]["code"], reply.json["error"]["status"]) == (401, 401, "UNAUTHENTICATED")


async def test_vertex_own_client_is_passed_through(
    vertex: anthropic.AsyncAnthropicVertex, upstream: ScriptedUpstream, key: str
) -> None:
    upstream.streams(*map(sse, EVENTS))
    async with vertex.messages.stream(model="claude@1", max_tokens=5, messages=SAID) as stream:
        assert await stream.get_final_text() == "Hei."
    (received,) = upstream.received
    assert (
        received.target
        == "/vertex/v1/projects/theirs/locations/eu/publishers/anthropic/models/claude@1:streamRawPredict"
    )
    assert received.values("authorization") == [f"Bearer {VERTEX_TOKEN}"]
    assert key not in str(received.headers)
    assert json.loads(received.body)["stream"] is True


async def test_a_stream_of_vertex_that_breaks_off_ends_with_an_error(
    vertex: anthropic.AsyncAnthropicVertex, upstream: ScriptedUpstream
) -> None:
    upstream.streams(*map(sse, EVENTS[:3]), cut=True)
    with pytest.raises(anthropic.APIStatusError, match="before the stream was finished"):
        async with vertex.messages.stream(model="claude@1", max_tokens=5, messages=SAID) as stream:
            await stream.get_final_text()


async def test_gemini_on_vertex_passes_too(
    client: RawClient, upstream: ScriptedUpstream, gateway: Gateway, audited: Callable[[], list[dict[str, Any]]]
) -> None:
    body = b'{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1}}'
    upstream.streams(b"data: " + body + b"\n\n")
    target = "/v1beta1/projects/p/locations/global/publishers/google/models/gemini-3:streamGenerateContent?alt=sse"
    reply = await client.ask("POST", target, b"{}")
    assert reply.body == b"data: " + body + b"\n\n"
    assert upstream.received[0].target == f"/vertex{target}"
    await gateway.__aexit__()
    assert (audited()[0]["end"], audited()[0]["usage"]["input"]) == ("complete", 3)


async def test_vertex_counts_tokens(vertex: anthropic.AsyncAnthropicVertex, upstream: ScriptedUpstream) -> None:
    upstream.says(b'{"input_tokens": 12}')
    counted = await vertex.messages.count_tokens(model="claude@1", messages=SAID)
    assert counted.input_tokens == 12
    assert upstream.received[0].target.endswith("/publishers/anthropic/models/count-tokens:rawPredict")


@pytest.mark.parametrize(
    ("cloud", "named"),
    [
        ({"surfaces": ["vertex"]}, "gcp"),
        ({"surfaces": ["bedrock"], "gcp": {"project": "p", "location": "l"}}, "gcp"),
        ({"surfaces": ["bedrock"], "auth": "sigv4"}, "aws"),
        ({"surfaces": ["gemini"], "auth": "sigv4", "aws": {"region": "r", "access_key_id": "a"}}, "signs for Bedrock"),
        ({"surfaces": ["anthropic-messages"], "betas": {"a": "b"}}, "betas"),
    ],
)
def test_what_a_cloud_needs_has_to_be_configured(
    cloud: dict[str, Any], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_VERTEX_TOKEN", VERTEX_TOKEN)
    provider = {"id": "x", "base_url": "http://x", "credential": {"env": "TEST_VERTEX_TOKEN"}, **cloud}
    with pytest.raises(ConfigError, match=rf"^providers\[0\]: .*{named}"):
        parse({"keys": {"database": "k"}, "providers": [provider]}, {})


async def test_azures_paths_are_asked_of_azure_whoever_is_the_default(
    settings: Settings, upstream: ScriptedUpstream, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_AZURE_KEY", "azure-secret")
    source = CredentialSource(env="TEST_AZURE_KEY")
    azure = Provider(
        id="azure", surfaces=("azure-openai",), base_url=f"{upstream.url}/azure", credential=source, auth="api-key"
    )
    both = settings.model_copy(update={"providers": (*settings.providers, azure), "routing": Routing(default="openai")})
    target = "/openai/deployments/d/chat/completions?api-version=2024-10-21"
    async with Gateway(both) as gateway, aiohttp.ClientSession() as session:
        for path in (target, "/v1/chat/completions"):
            body = {"model": "m", "messages": SAID}
            async with session.post(f"{gateway.url}{path}", json=body, headers={"api-key": key}) as response:
                assert response.status == 200
    asked = [(each.target, each.values("api-key"), each.values("authorization")) for each in upstream.received]
    assert asked == [
        (f"/azure{target}", ["azure-secret"], []),
        ("/openai/v1/chat/completions", [], [f"Bearer {OPENAI_KEY}"]),
    ]
