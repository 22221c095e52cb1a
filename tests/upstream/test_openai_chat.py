"""What the official OpenAI SDK makes of every kind of reply, as Chat Completions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest

from conformance.upstream import Delivery, ProviderError, Reply, Scripted, Upstream
from tests.upstream.replies import REPLIES

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion, ChatCompletionChunk


def asked(script: Scripted) -> dict[str, Any]:
    return {"model": "gpt-4.1", "messages": [{"role": "user", "content": script.prompt}]}


async def chunks(client: openai.AsyncOpenAI, script: Scripted, **options: Any) -> list[ChatCompletionChunk]:
    async with await client.chat.completions.create(**asked(script), stream=True, **options) as stream:
        return [chunk async for chunk in stream]


def said(completion: ChatCompletion) -> dict[str, Any]:
    """As the SDK shows it, without what its stream helper adds and leaves out."""
    value: dict[str, Any] = completion.model_dump(exclude_none=True)
    message = value["choices"][0]["message"]
    message.pop("annotations", None)
    for call in message.get("tool_calls", []):
        call.pop("index", None)
        call["function"].pop("parsed_arguments", None)
    return value


@pytest.mark.parametrize("name", [name for name in REPLIES if name not in ("length", "filtered")])
async def test_whole_and_streamed_are_the_same_completion(
    gpt: openai.AsyncOpenAI, upstream: Upstream, name: str
) -> None:
    script = await upstream.answers(REPLIES[name])
    whole = await gpt.chat.completions.create(**asked(script))
    async with gpt.chat.completions.stream(**asked(script), stream_options={"include_usage": True}) as stream:
        streamed = await stream.get_final_completion()
    assert said(streamed) == said(whole)
    assert whole.id == f"chatcmpl-{script.token}"
    assert whole.model == "gpt-4.1"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("text", "stop"),
        ("length", "length"),
        ("stop-sequence", "stop"),
        ("tool", "tool_calls"),
        ("refusal", "stop"),
        ("filtered", "content_filter"),
    ],
)
async def test_finish_reasons(gpt: openai.AsyncOpenAI, upstream: Upstream, name: str, reason: str) -> None:
    script = await upstream.answers(REPLIES[name])
    whole = (await gpt.chat.completions.create(**asked(script))).choices[0]
    last = (await chunks(gpt, script))[-1].choices[0]
    assert whole.finish_reason == last.finish_reason == reason
    assert whole.message.refusal == REPLIES[name].refusal


async def test_usage_is_streamed_only_when_asked_for(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(REPLIES["usage"])
    assert all("usage" not in chunk.model_fields_set for chunk in await chunks(gpt, script))
    *before, last = await chunks(gpt, script, stream_options={"include_usage": True})
    assert all("usage" in chunk.model_fields_set and chunk.usage is None for chunk in before)
    assert last.choices == []
    assert last.usage == (await gpt.chat.completions.create(**asked(script))).usage


async def test_cached_and_reasoning_tokens_are_counted_inside(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    usage = (await gpt.chat.completions.create(**asked(await upstream.answers(REPLIES["usage"])))).usage
    assert usage
    assert usage.prompt_tokens_details
    assert usage.completion_tokens_details
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (100, 50, 150)
    assert usage.prompt_tokens_details.cached_tokens == 30
    assert usage.completion_tokens_details.reasoning_tokens == 40


async def test_a_tool_call_is_named_once_and_then_grows(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    seen = await chunks(gpt, await upstream.answers(REPLIES["parallel-tools"]))
    calls = [call for chunk in seen for call in chunk.choices[0].delta.tool_calls or []]
    assert [call.id for call in calls if call.id] == ["call_01", "call_02"]
    assert len([call for call in calls if call.index == 0]) > 5
    assert [call.index for call in calls] == sorted(call.index for call in calls)


async def test_obfuscation_can_be_declined(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="x"))
    assert all(chunk.obfuscation is not None for chunk in await chunks(gpt, script))
    declined = await chunks(gpt, script, stream_options={"include_obfuscation": False})
    assert all("obfuscation" not in chunk.model_fields_set for chunk in declined)


async def test_extra_fields_reach_whole_and_every_chunk(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="x", extra={"unheard_of": [1]}))
    whole = await gpt.chat.completions.create(**asked(script))
    assert whole.model_extra == {"unheard_of": [1]}
    assert all(chunk.model_extra == whole.model_extra for chunk in await chunks(gpt, script))


async def test_the_stream_ends_with_done(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="x"))
    await chunks(gpt, script)
    assert (await script.received()).sent.endswith(b"\n\ndata: [DONE]\n\n")


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        ((400, "invalid_request_error", None), openai.BadRequestError),
        ((401, "invalid_request_error", "invalid_api_key"), openai.AuthenticationError),
        ((403, "invalid_request_error", None), openai.PermissionDeniedError),
        ((404, "invalid_request_error", "model_not_found"), openai.NotFoundError),
        ((429, "requests", "rate_limit_exceeded"), openai.RateLimitError),
        ((500, "server_error", None), openai.InternalServerError),
        ((503, "server_error", None), openai.InternalServerError),
    ],
)
async def test_errors(
    gpt: openai.AsyncOpenAI,
    upstream: Upstream,
    refused: tuple[int, str, str | None],
    error: type[openai.APIStatusError],
) -> None:
    status, kind, code = refused
    script = await upstream.answers(Reply(error=ProviderError(status=status, message="no", retry_after="1.5")))
    for stream in (False, True):
        with pytest.raises(error) as caught:
            await gpt.chat.completions.create(**asked(script), stream=stream)
        body = json.loads(caught.value.response.text)
        assert body == {"error": {"message": "no", "type": kind, "param": None, "code": code}}
        assert caught.value.response.headers["retry-after"] == "1.5"
        assert caught.value.request_id == caught.value.response.headers["x-request-id"]


async def test_a_quota_error_is_of_its_own_type(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(error=ProviderError(status=429, code="insufficient_quota")))
    with pytest.raises(openai.RateLimitError) as caught:
        await gpt.chat.completions.create(**asked(script))
    assert (caught.value.type, caught.value.code) == ("insufficient_quota", "insufficient_quota")


async def test_an_error_in_mid_stream_ends_it(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    scripted = ProviderError(status=500, message="half-way", code="scripted")
    script = await upstream.answers(Reply(text="some text", error=scripted, delivery=Delivery(error_after=2)))
    with pytest.raises(openai.APIError, match="half-way"):
        await chunks(gpt, script)
    assert (await script.received()).sent.count(b"data: ") == 3


async def test_models(gpt: openai.AsyncOpenAI) -> None:
    listed = [model.id async for model in gpt.models.list()]
    assert len(listed) > 2
    assert (await gpt.models.retrieve(listed[0])).id == listed[0]
    with pytest.raises(openai.NotFoundError, match="'nobody' does not exist"):
        await gpt.models.retrieve("nobody")
