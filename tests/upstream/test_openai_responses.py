"""What the official OpenAI SDK makes of every kind of reply, as Responses."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

import openai
import pytest

from conformance.upstream import Delivery, ProviderError, Reply, Scripted, Upstream
from tests.upstream.replies import REPLIES

if TYPE_CHECKING:
    from openai.types.responses import Response, ResponseStreamEvent

COMPLETE = [name for name in REPLIES if name not in ("length", "filtered")]


def said(response: Response) -> dict[str, Any]:
    """As the SDK shows it, without what its stream helper adds."""
    value: dict[str, Any] = response.model_dump(exclude_none=True)
    for item in value["output"]:
        for part in item.get("content", []):
            part.pop("parsed", None)
    return value


async def events(client: openai.AsyncOpenAI, script: Scripted, **options: Any) -> list[ResponseStreamEvent]:
    async with await client.responses.create(model="gpt-4.1", input=script.prompt, stream=True, **options) as stream:
        return [event async for event in stream]


@pytest.mark.parametrize("name", COMPLETE)
async def test_whole_and_streamed_are_the_same_response(gpt: openai.AsyncOpenAI, upstream: Upstream, name: str) -> None:
    script = await upstream.answers(REPLIES[name])
    whole = await gpt.responses.create(model="gpt-4.1", input=script.prompt)
    async with gpt.responses.stream(model="gpt-4.1", input=script.prompt) as stream:
        streamed = await stream.get_final_response()
    assert said(streamed) == said(whole)
    assert whole.id == f"resp_{script.token}"
    assert whole.output_text == REPLIES[name].whole_text
    assert whole.status == "completed"


@pytest.mark.parametrize(("name", "reason"), [("length", "max_output_tokens"), ("filtered", "content_filter")])
async def test_an_answer_that_is_cut_short_is_incomplete(
    gpt: openai.AsyncOpenAI, upstream: Upstream, name: str, reason: str
) -> None:
    script = await upstream.answers(REPLIES[name])
    whole = await gpt.responses.create(model="gpt-4.1", input=script.prompt)
    assert (whole.status, whole.completed_at) == ("incomplete", None)
    assert whole.incomplete_details
    assert whole.incomplete_details.reason == reason
    last = (await events(gpt, script))[-1]
    assert last.type == "response.incomplete"
    assert last.response == whole


@pytest.mark.parametrize("name", REPLIES)
async def test_events_are_numbered_and_items_enclosed(gpt: openai.AsyncOpenAI, upstream: Upstream, name: str) -> None:
    seen = await events(gpt, await upstream.answers(REPLIES[name]))
    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    kinds = [event.type for event in seen]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done")


async def test_reasoning_can_be_sent_back(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    """The sealed reasoning of the first event about an item is not yet the one to keep."""
    script = await upstream.answers(REPLIES["redacted"])
    sealed, readable, _ = (await gpt.responses.create(model="gpt-4.1", input=script.prompt)).output
    assert sealed.type == readable.type == "reasoning"
    assert (sealed.encrypted_content, sealed.summary) == ("b3BhcXVl", [])
    assert (readable.encrypted_content, readable.summary[0].text) == ("c2ln", "hm")
    seen = await events(gpt, script)
    added = next(event.item for event in seen if event.type == "response.output_item.added")
    done = next(event.item for event in seen if event.type == "response.output_item.done")
    assert added.type == done.type == "reasoning"
    assert added.encrypted_content != done.encrypted_content == "b3BhcXVl"


async def test_what_was_asked_for_is_echoed(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="x"))
    response = await gpt.responses.create(
        model="gpt-4.1",
        input=script.prompt,
        instructions="be brief",
        metadata={"a": "b"},
        max_output_tokens=9,
        temperature=0.5,
        store=False,
        tools=[{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False}],
        reasoning={"effort": "high"},
        text={"verbosity": "low"},
    )
    assert (response.instructions, response.metadata, response.max_output_tokens) == ("be brief", {"a": "b"}, 9)
    assert (response.temperature, response.model_dump()["store"]) == (0.5, False)
    assert response.tools[0].model_dump()["strict"] is False
    assert response.reasoning
    assert response.reasoning.effort == "high"
    assert response.text
    assert response.text.verbosity == "low"


async def test_extra_fields_reach_the_response_of_every_event(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    seen = await events(gpt, await upstream.answers(Reply(text="x", extra={"unheard_of": 1})))
    responses = [getattr(event, "response", None) for event in seen]
    assert [response.model_extra["unheard_of"] for response in responses if response] == [1, 1, 1]


async def test_there_is_no_done(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="x"))
    await events(gpt, script)
    assert b"[DONE]" not in (await script.received()).sent


async def test_errors(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(error=ProviderError(status=429, message="slow down")))
    with pytest.raises(openai.RateLimitError) as caught:
        await events(gpt, script)
    assert (caught.value.type, caught.value.code) == ("requests", "rate_limit_exceeded")


async def test_an_error_in_mid_stream_ends_it(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="some text", delivery=Delivery(error_after=4, unknown_event=True)))
    seen = await events(gpt, script)
    assert seen[-1].type == "error"
    assert seen[-1].code == "server_error"
    assert [event.sequence_number for event in seen] == list(range(6))


async def test_a_conversation_is_compacted(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="in short"))
    compacted = await gpt.responses.compact(model="gpt-4.1", input=script.prompt)
    [item] = compacted.output
    assert (compacted.object, compacted.usage.output_tokens) == ("response.compaction", 13)
    assert item.type == "compaction"
    assert b64decode(item.encrypted_content) == b"in short"


async def test_input_tokens(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(input_tokens=78))
    counted = await gpt.responses.input_tokens.count(model="gpt-4.1", input=script.prompt)
    assert (counted.object, counted.input_tokens) == ("response.input_tokens", 78)
