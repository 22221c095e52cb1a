"""What Anthropic's own SDK makes of Claude on Vertex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import pytest

from conformance.upstream import Delivery, ProviderError, Reply, Upstream, UpstreamAddress
from tests.upstream.conftest import KEYS
from tests.upstream.replies import REPLIES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.upstream import Scripted

MODELS = "/v1/projects/p/locations/us-east5/publishers/anthropic/models"
ROUTE = f"{MODELS}/claude-sonnet-5-5@20261021"
BODY = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
async def claude(address: UpstreamAddress) -> AsyncIterator[anthropic.AsyncAnthropicVertex]:
    async with anthropic.AsyncAnthropicVertex(
        region="us-east5",
        project_id="p",
        access_token=KEYS["vertex"],
        base_url=f"{address.url}/vertex/v1",
        max_retries=0,
    ) as client:
        yield client


@pytest.fixture
async def http(address: UpstreamAddress) -> AsyncIterator[httpx2.AsyncClient]:
    key = {"authorization": f"Bearer {KEYS['vertex']}"}
    async with httpx2.AsyncClient(base_url=f"{address.url}/vertex", headers=key, trust_env=False) as http:
        yield http


def asked(script: Scripted) -> dict[str, Any]:
    model = "claude-sonnet-5-5@20261021"
    return {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": script.prompt}]}


@pytest.mark.parametrize("name", REPLIES)
async def test_whole_and_streamed_are_the_same_message(
    claude: anthropic.AsyncAnthropicVertex, upstream: Upstream, name: str
) -> None:
    script = await upstream.answers(REPLIES[name])
    whole = await claude.messages.create(**asked(script))
    events = [event async for event in await claude.messages.create(**asked(script), stream=True)]
    [started] = [event.message for event in events if event.type == "message_start"]
    [ended] = [event.delta for event in events if event.type == "message_delta"]
    blocks = [event.content_block.type for event in events if event.type == "content_block_start"]
    assert (
        (started.id, started.model)
        == (whole.id, whole.model)
        == (f"msg_vrtx_{script.token}", "claude-sonnet-5-5-20261021")
    )
    assert ended.stop_reason == whole.stop_reason
    assert blocks == [block.type for block in whole.content]


async def test_pings_keep_a_stream_company(http: httpx2.AsyncClient, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="hello", delivery=Delivery(pings=True)))
    body = BODY | {"messages": asked(script)["messages"], "stream": True}
    assert "event: ping" in (await http.post(f"{ROUTE}:streamRawPredict", json=body)).text


async def test_the_platform_has_googles_envelope_and_the_model_its_own(
    http: httpx2.AsyncClient, upstream: Upstream
) -> None:
    script = await upstream.answers(
        Reply(error=ProviderError(status=429, message="quota")), Reply(error=ProviderError(status=529))
    )
    body = BODY | {"messages": asked(script)["messages"]}
    refused = (await http.post(f"{ROUTE}:streamRawPredict", json=body)).json()
    assert refused == [{"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}]
    overloaded = (await http.post(f"{ROUTE}:streamRawPredict", json=body)).json()
    assert overloaded["error"]["type"] == "overloaded_error"
    assert overloaded["request_id"] == f"req_vrtx_{script.token}_2"


async def test_an_error_in_mid_stream_is_the_models_own(
    claude: anthropic.AsyncAnthropicVertex, upstream: Upstream
) -> None:
    script = await upstream.answers(Reply(text=("one", "two"), delivery=Delivery(error_after=3)))
    with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
        [event async for event in await claude.messages.create(**asked(script), stream=True)]


async def test_tokens_are_counted_for_the_model_in_the_body(
    claude: anthropic.AsyncAnthropicVertex, upstream: Upstream
) -> None:
    script = await upstream.answers(Reply(input_tokens=77))
    counted = await claude.messages.count_tokens(model="claude", messages=asked(script)["messages"])
    assert counted.input_tokens == 77
    assert (await script.received()).path == f"/vertex{MODELS}/count-tokens:rawPredict"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model": "claude"}, "model: Extra inputs are not permitted"),
        ({"anthropic_version": None}, "anthropic_version: Field required"),
    ],
)
async def test_a_body_says_its_version_and_no_model(
    http: httpx2.AsyncClient, fields: dict[str, Any], said: str
) -> None:
    body = {name: value for name, value in (BODY | fields).items() if value is not None}
    refused = await http.post(f"{ROUTE}:rawPredict", json=body)
    assert refused.status_code == 400
    assert refused.json()["error"] == {"type": "invalid_request_error", "message": said}


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer another"}, {"x-api-key": KEYS["vertex"]}])
async def test_only_the_token_opens(address: UpstreamAddress, headers: dict[str, str]) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        refused = await http.post(f"{address.url}/vertex{ROUTE}:rawPredict", json=BODY, headers=headers)
    assert (refused.status_code, refused.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
