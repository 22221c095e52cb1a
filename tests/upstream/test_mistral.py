"""What the official Mistral SDK makes of every kind of reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from mistralai.client import Mistral, errors

from conformance.upstream import Delivery, ProviderError, Reply, Upstream, UpstreamAddress
from tests.upstream.conftest import KEYS
from tests.upstream.recorded import recordings
from tests.upstream.replies import REPLIES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mistralai.client.models import CompletionChunk

    from conformance.upstream import Scripted

MODEL = "mistral-large-latest"


@pytest.fixture
async def mistral(address: UpstreamAddress) -> AsyncIterator[Mistral]:
    async with Mistral(api_key=KEYS["mistral"], server_url=f"{address.url}/mistral") as client:
        yield client


@pytest.fixture
async def http(address: UpstreamAddress) -> AsyncIterator[httpx2.AsyncClient]:
    key = {"authorization": f"Bearer {KEYS['mistral']}"}
    async with httpx2.AsyncClient(base_url=f"{address.url}/mistral", headers=key, trust_env=False) as http:
        yield http


def asked(script: Scripted) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": script.prompt}]}


async def chunks(client: Mistral, script: Scripted) -> list[CompletionChunk]:
    async with await client.chat.stream_async(**asked(script)) as stream:
        return [event.data async for event in stream]


def said(content: Any) -> tuple[str, str]:
    """Thoughts and text, whichever form they came in."""
    if isinstance(content, str):
        return "", content
    thoughts = "".join(inner.text for chunk in content or [] for inner in getattr(chunk, "thinking", []))
    return thoughts, "".join(getattr(chunk, "text", "") for chunk in content or [])


@pytest.mark.parametrize("name", REPLIES)
async def test_whole_and_streamed_are_the_same_completion(mistral: Mistral, upstream: Upstream, name: str) -> None:
    script = await upstream.answers(REPLIES[name])
    whole = await mistral.chat.complete_async(**asked(script))
    deltas = [chunk.choices[0].delta for chunk in await chunks(mistral, script)]
    pieces = [said(delta.content) for delta in deltas]
    message = whole.choices[0].message
    assert message
    assert tuple(map("".join, zip(*pieces, strict=True))) == said(message.content)
    calls = [call for delta in deltas for call in delta.tool_calls or []]
    assert calls == list(message.tool_calls or [])


async def test_usage_comes_unasked_with_the_finish_reason(mistral: Mistral, upstream: Upstream) -> None:
    script = await upstream.answers(REPLIES["usage"])
    *before, last = await chunks(mistral, script)
    assert not any(chunk.usage for chunk in before)
    assert last.usage
    assert (last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.total_tokens) == (100, 50, 150)
    assert last.choices[0].finish_reason == "stop"


async def test_parallel_calls_come_whole_and_all_at_once(mistral: Mistral, upstream: Upstream) -> None:
    script = await upstream.answers(REPLIES["parallel-tools"])
    held = [chunk.choices[0].delta.tool_calls for chunk in await chunks(mistral, script)]
    assert [len(calls) for calls in held if calls] == [2]


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (ProviderError(status=401, message="no"), {"detail": "no"}),
        (
            ProviderError(status=429, message="slow down"),
            {
                "object": "error",
                "message": "slow down",
                "type": "rate_limited",
                "param": None,
                "code": "1300",
                "raw_status_code": 429,
            },
        ),
        (
            ProviderError(status=422, message="too hot", type="less_than_equal", param="messages.0.content"),
            {"detail": [{"type": "less_than_equal", "loc": ["body", "messages", 0, "content"], "msg": "too hot"}]},
        ),
    ],
)
async def test_each_kind_of_error_has_its_envelope(
    http: httpx2.AsyncClient, upstream: Upstream, error: ProviderError, body: dict[str, Any]
) -> None:
    script = await upstream.answers(Reply(error=error))
    answer = await http.post("/v1/chat/completions", json=asked(script))
    assert (answer.status_code, answer.json()) == (error.status, body)


async def test_an_error_in_mid_stream_is_an_error_object(http: httpx2.AsyncClient, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=("one", "two"), delivery=Delivery(error_after=2)))
    answer = await http.post("/v1/chat/completions", json=asked(script) | {"stream": True})
    assert '"object":"error"' in answer.text.splitlines()[-2]
    assert "[DONE]" not in answer.text


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"seed": 1}, ["body", "seed"]),
        ({"max_completion_tokens": 9}, ["body", "max_completion_tokens"]),
        ({"stream_options": {"include_usage": True}}, ["body", "stream_options"]),
        ({"messages": [{"role": "user", "content": "{}", "name": "me"}]}, ["body", "messages", 0, "name"]),
        ({"messages": [{"role": "developer", "content": "{}"}]}, ["body", "messages", 0]),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "returns": {}}}]},
            ["body", "tools", 0, "function", "returns"],
        ),
    ],
)
async def test_a_field_that_mistral_does_not_have_is_forbidden(
    mistral: Mistral, http: httpx2.AsyncClient, fields: dict[str, Any], place: list[str | int]
) -> None:
    answer = await http.post("/v1/chat/completions", json={"model": MODEL, "messages": []} | fields)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == place


async def test_the_sdk_raises_what_the_validation_says(mistral: Mistral, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(error=ProviderError(status=422, param="messages")))
    with pytest.raises(errors.HTTPValidationError) as raised:
        await mistral.chat.complete_async(**asked(script))
    assert raised.value.status_code == 422


async def test_models_are_listed(mistral: Mistral) -> None:
    assert MODEL in [getattr(model, "id", None) for model in (await mistral.models.list_async()).data or []]


async def test_everything_that_mistral_took_is_taken(http: httpx2.AsyncClient) -> None:
    taken = [one for one in recordings("mistral") if one.status == 200 and one.url.endswith("/chat/completions")]
    assert len(taken) >= 10
    for found in taken:
        assert (await http.post("/v1/chat/completions", json=found.asked)).status_code == 200, found.id
