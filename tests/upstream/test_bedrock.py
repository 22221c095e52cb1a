"""What Anthropic's and Amazon's own SDKs make of Bedrock: messages, Converse, frames, signatures."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from contextlib import closing
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import botocore.session  # type: ignore[import-untyped] # botocore has no types
import httpx2
import pytest
from botocore.exceptions import ClientError, EventStreamError  # type: ignore[import-untyped] # botocore has no types

from conformance.upstream import Delivery, ProviderError, Reply, Upstream, UpstreamAddress, Verbatim
from conformance.upstream.event_frames import split
from conformance.upstream.sigv4 import ACCESS_KEY_ID, REGION
from tests.absent import recordings_directory
from tests.upstream.conftest import KEYS
from tests.upstream.replies import REPLIES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from conformance.upstream import Scripted

MODEL = "anthropic.claude-sonnet-5-5-v1:0"
ROUTE = "/model/anthropic.claude-sonnet-5-5-v1%3A0"
BODY = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
async def claude(address: UpstreamAddress) -> AsyncIterator[anthropic.AsyncAnthropicBedrock]:
    async with anthropic.AsyncAnthropicBedrock(
        api_key=KEYS["bedrock"], aws_region=REGION, base_url=f"{address.url}/bedrock", max_retries=0
    ) as client:
        yield client


@pytest.fixture
def amazon(address: UpstreamAddress) -> Iterator[Any]:
    """Signs every request."""
    with closing(signing(address, KEYS["bedrock"])) as client:
        yield client


@pytest.fixture
async def http(address: UpstreamAddress) -> AsyncIterator[httpx2.AsyncClient]:
    key = {"authorization": f"Bearer {KEYS['bedrock']}"}
    async with httpx2.AsyncClient(base_url=f"{address.url}/bedrock", headers=key, trust_env=False) as http:
        yield http


def signing(address: UpstreamAddress, secret: str, *, access_key: str = ACCESS_KEY_ID, region: str = REGION) -> Any:
    return botocore.session.Session().create_client(
        "bedrock-runtime",
        region_name=region,
        endpoint_url=f"{address.url}/bedrock",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )


def asked(script: Scripted) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": script.prompt}]}


def conversed(script: Scripted) -> dict[str, Any]:
    return {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": script.prompt}]}]}


async def streamed(amazon: Any, script: Scripted) -> list[dict[str, Any]]:
    def read() -> list[dict[str, Any]]:
        with closing(amazon.converse_stream(**conversed(script))["stream"]) as stream:
            return list(stream)

    return await anyio.to_thread.run_sync(read)


@pytest.mark.parametrize("name", REPLIES)
async def test_whole_and_streamed_are_the_same_message(
    claude: anthropic.AsyncAnthropicBedrock, upstream: Upstream, name: str
) -> None:
    script = await upstream.answers(REPLIES[name])
    whole = await claude.messages.create(**asked(script))
    content: dict[int, Any] = {}
    async for event in await claude.messages.create(**asked(script), stream=True):
        if event.type == "content_block_start":
            content[event.index] = event.content_block.type
        if event.type == "message_delta":
            assert event.delta.stop_reason == whole.stop_reason
            assert event.usage.output_tokens == whole.usage.output_tokens
    assert list(content.values()) == [block.type for block in whole.content]
    assert whole.id == f"msg_bdrk_{script.token}"
    assert whole.model == "claude-sonnet-5-5"


async def test_the_last_event_says_what_amazon_measured(http: httpx2.AsyncClient, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="hello"))
    body = {**BODY, "messages": asked(script)["messages"]}
    answer = await http.post(f"{ROUTE}/invoke-with-response-stream", json=body)
    assert answer.headers["content-type"] == "application/vnd.amazon.eventstream"
    *_, last = botocore_payloads(answer.content)
    assert json.loads(b64decode(last["bytes"]))["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == 13


def botocore_payloads(stream: bytes) -> list[Any]:
    """Read, and every checksum checked, by Amazon's own library."""
    buffer = botocore.eventstream.EventStreamBuffer()
    buffer.add_data(stream)
    return [json.loads(event.payload) for event in buffer]


@pytest.mark.parametrize("name", REPLIES)
async def test_converse_says_the_same_whole_and_streamed(amazon: Any, upstream: Upstream, name: str) -> None:
    script = await upstream.answers(REPLIES[name])
    whole = await anyio.to_thread.run_sync(lambda: amazon.converse(**conversed(script)))
    events = await streamed(amazon, script)
    assert events[0] == {"messageStart": {"role": "assistant"}}
    assert events[-2]["messageStop"]["stopReason"] == whole["stopReason"]
    assert events[-1]["metadata"]["usage"] == whole["usage"]
    said = "".join(event.get("contentBlockDelta", {}).get("delta", {}).get("text", "") for event in events)
    assert said == "".join(block.get("text", "") for block in whole["output"]["message"]["content"])
    started = [event["contentBlockStart"]["start"]["toolUse"] for event in events if "contentBlockStart" in event]
    calls = [block["toolUse"] for block in whole["output"]["message"]["content"] if "toolUse" in block]
    assert [call["toolUseId"] for call in started] == [call["toolUseId"] for call in calls]


async def test_an_error_in_mid_stream_is_an_exception_in_a_frame(
    amazon: Any, claude: anthropic.AsyncAnthropicBedrock, upstream: Upstream
) -> None:
    script = await upstream.answers(
        Reply(text=("one", "two"), error=ProviderError(status=429, message="busy"), delivery=Delivery(error_after=2))
    )
    with pytest.raises(EventStreamError, match=r"throttlingException.*busy"):
        await streamed(amazon, script)
    with pytest.raises(anthropic.APIStatusError, match="busy"):
        [event async for event in await claude.messages.create(**asked(script), stream=True)]


async def test_a_refusal_says_its_kind_in_a_header(amazon: Any, upstream: Upstream) -> None:
    script = await upstream.answers(
        Reply(error=ProviderError(status=429, message="slow down")),
        Reply(error=ProviderError(status=429, message="not yet", type="ModelNotReadyException")),
    )
    for kind in ("ThrottlingException", "ModelNotReadyException"):
        with pytest.raises(ClientError, match=kind):
            await streamed(amazon, script)


async def test_tokens_are_counted(http: httpx2.AsyncClient) -> None:
    answer = await http.post(f"{ROUTE}/count-tokens", json={"input": {"converse": {"messages": []}}})
    assert answer.json() == {"inputTokens": 4321}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model": "claude"}, "extraneous key [model]"),
        ({"stream": True}, "extraneous key [stream]"),
        ({"anthropic_version": None}, "required key [anthropic_version]"),
    ],
)
async def test_a_body_says_its_version_and_nothing_that_the_path_says(
    http: httpx2.AsyncClient, fields: dict[str, Any], said: str
) -> None:
    body = {name: value for name, value in (BODY | fields).items() if value is not None}
    refused = await http.post(f"{ROUTE}/invoke", json=body)
    assert (refused.status_code, refused.headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert said in refused.json()["message"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"secret": "another"}, "The request signature we calculated does not match"),
        ({"access_key": "AKIAANOTHER000000000"}, "Credential should be scoped"),
        ({"region": "eu-west-1"}, "Credential should be scoped"),
    ],
)
async def test_a_signature_of_another_is_refused(
    address: UpstreamAddress, upstream: Upstream, changed: dict[str, str], said: str
) -> None:
    script = await upstream.answers()
    with (
        closing(signing(address, **({"secret": KEYS["bedrock"]} | changed))) as stranger,
        pytest.raises(ClientError, match=said),
    ):
        await streamed(stranger, script)


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, "MissingAuthenticationTokenException"),
        ({"authorization": "Bearer another"}, "AccessDeniedException"),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=x"}, "InvalidSignatureException"),
    ],
)
async def test_who_is_not_let_in_learns_why(address: UpstreamAddress, headers: dict[str, str], kind: str) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{address.url}/bedrock{ROUTE}/invoke", json=BODY, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["x-amzn-errortype"].startswith(f"{kind}:")


async def test_a_body_that_was_changed_on_the_way_no_longer_fits_its_signature(
    address: UpstreamAddress, upstream: Upstream
) -> None:
    script = await upstream.answers()
    request = botocore.awsrequest.AWSRequest(
        "POST",
        f"{address.url}/bedrock{ROUTE}/invoke?b=c%20d&a=%C3%A9",
        {},
        json.dumps(BODY | {"p": script.token}).encode(),
    )
    credentials = botocore.credentials.Credentials(ACCESS_KEY_ID, KEYS["bedrock"])
    botocore.auth.SigV4Auth(credentials, "bedrock", REGION).add_auth(request)
    signed = request.prepare()
    async with httpx2.AsyncClient(trust_env=False) as http:
        for body, status in ((signed.body, 200), (signed.body.replace(b"hello", b"hullo"), 403)):
            answer = await http.post(signed.url, content=body, headers=dict(signed.headers.items()))
            assert answer.status_code == status


async def test_a_recorded_stream_is_played_frame_by_frame_to_the_byte(
    http: httpx2.AsyncClient, upstream: Upstream
) -> None:
    paths = sorted((recordings_directory() / "bedrock").glob("bedrock-stream-*.json"))
    recorded = [json.loads(path.read_text())["response"] for path in paths]
    assert len(recorded) >= 10
    for response in recorded:
        stream = b64decode(response["body_base64"])
        script = await upstream.answers(Reply(verbatim=Verbatim(200, tuple(response["headers"].items()), stream)))
        answer = await http.post(f"{ROUTE}/converse-stream", json={"messages": [], "p": script.token})
        assert answer.content == stream
        assert len(list(split(stream))) == len(botocore_payloads(stream)) > 0


async def test_frames_are_cut_and_spoiled_as_events_are(http: httpx2.AsyncClient, upstream: Upstream) -> None:
    spoiled = Delivery(garbage_after=1, end_after=2, comments=True, pings=True, chunk_bytes=7)
    script = await upstream.answers(Reply(text=("one", "two")), Reply(text=("one", "two"), delivery=spoiled))
    body = {"messages": [{"role": "user", "content": [{"text": script.prompt}]}]}
    sound = await http.post(f"{ROUTE}/converse-stream", json=body)
    first, second, *_ = split(sound.content)
    broken = await http.post(f"{ROUTE}/converse-stream", json=body)
    assert broken.content.startswith(first)
    assert broken.content.endswith(second)
    assert len(broken.content) > len(first) + len(second)


async def test_a_count_belongs_to_the_case_whose_request_is_enclosed_in_it(
    http: httpx2.AsyncClient, upstream: Upstream
) -> None:
    script = await upstream.answers(Reply(input_tokens=4711))
    enclosed = b64encode(json.dumps({"messages": [{"role": "user", "content": script.prompt}]}).encode()).decode()
    body = {"input": {"invokeModel": {"body": enclosed}}}
    answer = await http.post(f"{ROUTE}/count-tokens", json=body)
    assert answer.json() == {"inputTokens": 4711}
