"""What the official OpenAI SDK makes of Azure, on the paths of old and of new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import openai
import pytest

from conformance.upstream import Delivery, ProviderError, Reply, Upstream, UpstreamAddress
from tests.upstream.conftest import KEYS
from tests.upstream.replies import REPLIES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.upstream import Scripted

DATE = "2025-01-01-preview"
CHAT = "/openai/deployments/gpt-5-mini/chat/completions"


@pytest.fixture(params=["dated", "v1"])
async def azure(address: UpstreamAddress, request: pytest.FixtureRequest) -> AsyncIterator[openai.AsyncOpenAI]:
    key, url = KEYS["azure"], f"{address.url}/azure"
    dated = request.param == "dated"
    async with (
        openai.AsyncAzureOpenAI(api_key=key, azure_endpoint=url, api_version=DATE, max_retries=0)
        if dated
        else openai.AsyncOpenAI(api_key=key, base_url=f"{url}/openai/v1", max_retries=0)
    ) as client:
        yield client


@pytest.fixture
async def http(address: UpstreamAddress) -> AsyncIterator[httpx2.AsyncClient]:
    key = {"api-key": KEYS["azure"]}
    async with httpx2.AsyncClient(base_url=f"{address.url}/azure", headers=key, trust_env=False) as http:
        yield http


def asked(script: Scripted) -> dict[str, Any]:
    return {"model": "gpt-5-mini", "messages": [{"role": "user", "content": script.prompt}]}


async def test_an_answer_says_what_the_filter_made_of_prompt_and_answer(
    azure: openai.AsyncOpenAI, upstream: Upstream
) -> None:
    script = await upstream.answers(REPLIES["text"], REPLIES["tool"])
    spoken = (await azure.chat.completions.create(**asked(script))).model_dump()
    assert spoken["model"] == "gpt-5-mini"
    assert spoken["prompt_filter_results"][0]["content_filter_results"]["jailbreak"]["detected"] is False
    assert spoken["choices"][0]["content_filter_results"]["hate"] == {"filtered": False, "severity": "safe"}
    called = (await azure.chat.completions.create(**asked(script))).model_dump()
    assert called["choices"][0]["content_filter_results"] == {}


async def test_the_first_chunk_is_about_the_prompt_and_has_no_choices(
    azure: openai.AsyncOpenAI, upstream: Upstream
) -> None:
    script = await upstream.answers(REPLIES["parallel-tools"])
    stream = await azure.chat.completions.create(**asked(script), stream=True)
    first, *later = [chunk async for chunk in stream]
    assert (first.id, first.choices) == ("", [])
    assert {chunk.id for chunk in later} == {f"chatcmpl-{script.token}"}
    assert "".join(chunk.choices[0].delta.content or "" for chunk in later) == REPLIES["parallel-tools"].whole_text


@pytest.mark.parametrize("name", ["text", "thinking", "parallel-tools", "length"])
async def test_a_finished_response_says_what_the_filter_found(
    azure: openai.AsyncOpenAI, upstream: Upstream, name: str
) -> None:
    script = await upstream.answers(REPLIES[name])
    whole = (await azure.responses.create(model="gpt-5-mini", input=script.prompt)).model_dump()
    stream = await azure.responses.create(model="gpt-5-mini", input=script.prompt, stream=True)
    first, *_, last = [event.model_dump() async for event in stream]
    assert first["response"]["content_filters"] is None
    assert last["response"] == whole
    assert whole["content_filters"][0]["source_type"] == "prompt"


async def test_models_are_listed(azure: openai.AsyncOpenAI) -> None:
    assert "gpt-5-mini" in [model.id async for model in azure.models.list()]


@pytest.mark.parametrize("path", [CHAT, "/openai/responses"])
async def test_a_path_of_old_needs_its_date(http: httpx2.AsyncClient, path: str) -> None:
    body = {"messages": [], "input": "hello"}
    missing = await http.post(path, json=body)
    assert (missing.status_code, missing.json()) == (404, {"error": {"code": "404", "message": "Resource not found"}})
    assert (await http.post(f"{path}?api-version={DATE}", json=body)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"api-key": KEYS["azure"]}, 200),
        ({"authorization": f"Bearer {KEYS['azure']}"}, 200),
        ({}, 401),
        ({"api-key": "another"}, 401),
        ({"api-key": KEYS["azure"], "authorization": "Bearer another"}, 401),
    ],
)
async def test_a_key_or_a_token_opens(address: UpstreamAddress, headers: dict[str, str], status: int) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        url = f"{address.url}/azure/openai/v1/chat/completions"
        answer = await http.post(url, headers=headers, json={"model": "m", "messages": []})
    assert answer.status_code == status
    assert (answer.json().get("error") or {}).get("code") == ("401" if status == 401 else None)


async def test_the_front_speaks_in_numbers_and_the_model_as_openai(
    http: httpx2.AsyncClient, upstream: Upstream
) -> None:
    filtered = ProviderError(status=400, message="filtered", code="content_filter", param="prompt")
    limited = ProviderError(status=429, message="slow down", retry_after="7")
    script = await upstream.answers(Reply(error=limited), Reply(error=filtered))
    route = f"{CHAT}?api-version={DATE}"
    refused = await http.post(route, json=asked(script))
    assert refused.json() == {"error": {"code": "RateLimitReached", "message": "slow down"}}
    assert refused.headers["retry-after"] == "7"
    error = (await http.post(route, json=asked(script))).json()["error"]
    assert (error["code"], error["innererror"]["code"]) == ("content_filter", "ResponsibleAIPolicyViolation")


async def test_an_error_in_mid_stream_is_raised(azure: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=("one", "two"), delivery=Delivery(error_after=3)))
    stream = await azure.chat.completions.create(**asked(script), stream=True)
    with pytest.raises(openai.APIError, match="error processing"):
        [chunk async for chunk in stream]
