"""What the official Anthropic SDK makes of every kind of reply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from conformance.upstream import Delivery, ProviderError, Reply, Scripted, Upstream
from tests.upstream.replies import REPLIES

if TYPE_CHECKING:
    from anthropic.types import Message, RawMessageStreamEvent


def asked(script: Scripted) -> dict[str, Any]:
    prompt = {"role": "user", "content": script.prompt}
    return {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": [prompt]}


async def events(client: anthropic.AsyncAnthropic, script: Scripted) -> list[RawMessageStreamEvent]:
    async with await client.messages.create(**asked(script), stream=True) as stream:
        return [event async for event in stream]


def said(message: Message) -> dict[str, Any]:
    value = message.to_dict()
    for block in value["content"]:  # type: ignore[attr-defined]  # to_dict promises dict[str, object]
        block.pop("parsed_output", None)
    return value


@pytest.mark.parametrize("name", REPLIES)
async def test_whole_and_streamed_are_the_same_message(
    claude: anthropic.AsyncAnthropic, upstream: Upstream, name: str
) -> None:
    script = await upstream.answers(REPLIES[name])
    whole = await claude.messages.create(**asked(script))
    async with claude.messages.stream(**asked(script)) as stream:
        streamed = await stream.get_final_message()
    assert said(streamed) == said(whole)
    assert whole.id == f"msg_{script.token}"
    assert whole.model == "claude-sonnet-5-5"


@pytest.mark.parametrize("name", REPLIES)
async def test_blocks_follow_each_other_in_order(
    claude: anthropic.AsyncAnthropic, upstream: Upstream, name: str
) -> None:
    seen = [event.type for event in await events(claude, await upstream.answers(REPLIES[name]))]
    assert seen[0] == "message_start"
    assert seen[-2:] == ["message_delta", "message_stop"]
    assert seen.count("content_block_start") == seen.count("content_block_stop")


async def test_thinking_comes_first_and_ends_with_its_signature(
    claude: anthropic.AsyncAnthropic, upstream: Upstream
) -> None:
    message = await claude.messages.create(**asked(await upstream.answers(REPLIES["redacted"])))
    assert [block.type for block in message.content] == ["redacted_thinking", "thinking", "text"]
    seen = await events(claude, await upstream.answers(REPLIES["thinking"]))
    deltas = [event.delta.type for event in seen if event.type == "content_block_delta" and event.index == 0]
    assert set(deltas[:-1]) == {"thinking_delta"}
    assert deltas[-1] == "signature_delta"


async def test_an_empty_input_is_one_empty_fragment(claude: anthropic.AsyncAnthropic, upstream: Upstream) -> None:
    seen = await events(claude, await upstream.answers(REPLIES["empty-arguments"]))
    parts = [event.delta for event in seen if event.type == "content_block_delta"]
    assert [part.partial_json for part in parts if part.type == "input_json_delta"] == [""]


async def test_cached_tokens_are_counted_beside_the_input(claude: anthropic.AsyncAnthropic, upstream: Upstream) -> None:
    usage = (await claude.messages.create(**asked(await upstream.answers(REPLIES["usage"])))).usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (50, 30, 20)
    assert usage.output_tokens == 50
    assert usage.output_tokens_details
    assert usage.output_tokens_details.thinking_tokens == 40


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("text", "end_turn"),
        ("length", "max_tokens"),
        ("stop-sequence", "stop_sequence"),
        ("tool", "tool_use"),
        ("refusal", "refusal"),
        ("pause", "pause_turn"),
    ],
)
async def test_stop_reasons(claude: anthropic.AsyncAnthropic, upstream: Upstream, name: str, reason: str) -> None:
    message = await claude.messages.create(**asked(await upstream.answers(REPLIES[name])))
    assert message.stop_reason == reason
    assert message.stop_sequence == REPLIES[name].stop_sequence
    assert (message.stop_details.explanation if message.stop_details else None) == REPLIES[name].refusal


async def test_extra_fields_reach_whole_and_stream(claude: anthropic.AsyncAnthropic, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="x", extra={"unheard_of": [1, None]}))
    whole = await claude.messages.create(**asked(script))
    start = (await events(claude, script))[0]
    assert start.type == "message_start"
    assert whole.model_extra == start.message.model_extra == {"unheard_of": [1, None]}


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "authentication_error", anthropic.AuthenticationError),
        (403, "permission_error", anthropic.PermissionDeniedError),
        (404, "not_found_error", anthropic.NotFoundError),
        (413, "request_too_large", anthropic.APIStatusError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (500, "api_error", anthropic.InternalServerError),
        (529, "overloaded_error", anthropic.APIStatusError),
    ],
)
async def test_errors(
    claude: anthropic.AsyncAnthropic,
    upstream: Upstream,
    status: int,
    kind: str,
    error: type[anthropic.APIStatusError],
) -> None:
    refused = ProviderError(status=status, message="no", code="a_code", retry_after="7")
    script = await upstream.answers(Reply(error=refused))
    for stream in (False, True):
        with pytest.raises(error) as caught:
            await claude.messages.create(**asked(script), stream=stream)
        body = json.loads(caught.value.response.text)
        assert body["error"] == {"type": kind, "message": "no", "details": {"error_code": "a_code"}}
        assert body["request_id"] == caught.value.response.headers["request-id"] == caught.value.request_id
        assert caught.value.response.headers["retry-after"] == "7"


async def test_an_error_in_mid_stream_ends_it(claude: anthropic.AsyncAnthropic, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="some text", delivery=Delivery(error_after=3)))
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        await events(claude, script)
    assert (await script.received()).sent.count(b"event: ") == 4


async def test_count_tokens_and_models(claude: anthropic.AsyncAnthropic, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(input_tokens=77))
    counted = await claude.messages.count_tokens(model="m", messages=[{"role": "user", "content": script.prompt}])
    assert counted.input_tokens == 77
    listed = [model.id async for model in claude.models.list(limit=1)]
    assert listed == [model.id for model in (await claude.models.list()).data]
    assert len(listed) > 2
    backwards = await claude.models.list(before_id=listed[2], limit=1)
    assert [model.id for model in backwards.data] == [listed[1]]
    assert (await claude.models.retrieve(listed[0])).id == listed[0]
    with pytest.raises(anthropic.NotFoundError):
        await claude.models.retrieve("nobody")
