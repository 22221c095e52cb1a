"""Token counts: the provider's own, whole or streamed."""

import json
from typing import Any

from conformance.api import (
    CHAT,
    EVERY_MODE,
    MESSAGES,
    OPENAI,
    Answer,
    Ask,
    Client,
    Http,
    Mode,
    ProviderError,
    Reply,
    ToolCall,
    Upstream,
    Usage,
    Verbatim,
    check,
    differences,
)

BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
PLAIN_USAGE = Usage(input=1234, output=567)
CACHED = Usage(input=9000, output=80, cache_read=7000, cache_write=1500)
REASONED = Usage(input=100, output=900, reasoning=800)
DETAILS: dict[str, dict[str, Any]] = {
    MESSAGES: {
        "cache_creation": {"ephemeral_5m_input_tokens": 1100, "ephemeral_1h_input_tokens": 400},
        "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 2},
    },
    CHAT: {
        "prompt_tokens_details": {"cached_tokens": 7000, "cache_write_tokens": 1500, "audio_tokens": 311},
        "completion_tokens_details": {
            "reasoning_tokens": 33,
            "audio_tokens": 47,
            "accepted_prediction_tokens": 21,
            "rejected_prediction_tokens": 7,
        },
    },
}
"""What a provider counts beside the totals, in its own terms."""

OF_TOMORROW = {"tokens_of_tomorrow": 4711, "tomorrow_details": {"deep_tokens": 5, "tier": "of-tomorrow"}}


@check(
    "usage/tokens",
    requirement="usage-conserved",
    feature="usage",
    modes=EVERY_MODE,
    catches=("loses-usage", "counts-twice", "usage-only-when-whole"),
)
async def test_input_and_output_tokens_are_as_the_provider_counted(client: Client, upstream: Upstream) -> None:
    assert await _reported(client, upstream, PLAIN_USAGE) == PLAIN_USAGE


@check(
    "usage/cached",
    requirement="usage-conserved",
    feature="usage",
    modes=EVERY_MODE,
    catches=("loses-cached-usage",),
)
async def test_cached_tokens_are_told_apart(client: Client, upstream: Upstream) -> None:
    assert await _reported(client, upstream, CACHED) == CACHED


@check(
    "usage/reasoning",
    requirement="usage-conserved",
    feature="usage",
    modes=EVERY_MODE,
    catches=("loses-reasoning-usage",),
)
async def test_reasoning_tokens_are_told_apart(client: Client, upstream: Upstream) -> None:
    assert await _reported(client, upstream, REASONED) == REASONED


@check(
    "usage/details",
    requirement="usage-conserved",
    feature="usage",
    surfaces=(MESSAGES, CHAT),
    modes=BOTH,
    catches=("flattens-cache-writes", "drops-unlisted-usage"),
)
async def test_every_documented_count_arrives(client: Client, upstream: Upstream) -> None:
    details = DETAILS[client.surface]
    counted = Usage(input=9000, output=80, cache_read=7000, cache_write=1500, extra=details)
    answer = await _answered(client, upstream, Reply(text="Counted.", usage=counted))
    lost = [line for line in differences(answer.raw["usage"], details) if not line.startswith("added")]
    assert not lost, f"the provider counted {details}: {'; '.join(lost)}"


@check(
    "usage/total",
    requirement="usage-conserved",
    feature="usage",
    surfaces=OPENAI,
    modes=BOTH,
    catches=("totals-what-is-not-cached",),
)
async def test_the_total_is_the_provider_s(client: Client, upstream: Upstream) -> None:
    total = (await _answered(client, upstream, Reply(text="Counted.", usage=CACHED))).raw["usage"].get("total_tokens")
    assert total == CACHED.input + CACHED.output, f"{total} in place of {CACHED.input + CACHED.output}"


@check(
    "usage/every-ending",
    requirement="usage-conserved",
    feature="usage",
    modes=BOTH,
    catches=("usage-only-when-complete",),
)
async def test_tokens_are_counted_however_the_answer_ends(client: Client, upstream: Upstream) -> None:
    for ending in (
        Reply(text="It began and", stop="length", usage=PLAIN_USAGE),
        Reply(tool_calls=(ToolCall("call_1", "look"),), usage=PLAIN_USAGE),
        Reply(refusal="I would rather not.", usage=PLAIN_USAGE),
    ):
        found = (await _answered(client, upstream, ending)).usage
        assert found == PLAIN_USAGE, f"after {ending.why_it_stops}: {found} in place of {PLAIN_USAGE}"


@check(
    "usage/cumulative",
    requirement="usage-is-cumulative",
    feature="usage",
    surfaces=(MESSAGES,),
    modes=(Mode.ASYNC_STREAM,),
    catches=("sums-running-usage",),
)
async def test_the_counts_at_the_end_take_the_place_of_those_at_the_beginning(
    client: Client, upstream: Upstream
) -> None:
    answer = await _answered(client, upstream, Reply(verbatim=_streamed(*_growing_message())))
    assert answer.usage == Usage(input=4025, output=15), f"4025 and 15 tokens were counted, not {answer.usage}"


@check(
    "usage/running",
    requirement="running-usage-is-not-summed",
    feature="usage",
    surfaces=(CHAT,),
    modes=(Mode.ASYNC_STREAM,),
    catches=("sums-running-usage",),
)
async def test_counts_in_every_chunk_are_running_totals(client: Client, upstream: Upstream) -> None:
    answer = await _answered(client, upstream, Reply(verbatim=_streamed(*_metered_chunks(), "[DONE]")))
    assert answer.usage == Usage(input=40, output=3), f"40 and 3 tokens were counted, not {answer.usage}"


@check(
    "usage/any-number",
    requirement="any-count-is-a-count",
    feature="usage",
    modes=BOTH,
    catches=("zero-usage-is-lost", "caps-usage"),
)
async def test_no_count_is_too_small_or_too_large(client: Client, upstream: Upstream) -> None:
    for usage in (Usage(input=1, output=0), Usage(input=2**31 + 7, output=2**31 + 11)):
        found = await _reported(client, upstream, usage)
        assert found == usage, f"{found} in place of {usage}"


@check(
    "usage/unknown-fields",
    requirement="answer-unchanged",
    feature="usage",
    modes=BOTH,
    catches=("drops-unlisted-usage",),
)
async def test_counts_nobody_has_heard_of_arrive(client: Client, upstream: Upstream) -> None:
    answer = await _answered(client, upstream, Reply(text="Counted.", usage=Usage(extra=OF_TOMORROW)))
    found = {name: answer.raw["usage"].get(name) for name in OF_TOMORROW}
    assert found == OF_TOMORROW, f"the provider counted {OF_TOMORROW}, the client was told {found}"


@check(
    "usage/not-made-up",
    requirement="usage-is-not-made-up",
    feature="usage",
    surfaces=OPENAI,
    modes=BOTH,
    catches=("estimates-usage",),
)
async def test_what_the_provider_did_not_count_is_not_counted(client: Client, upstream: Upstream) -> None:
    found = (await _answered(client, upstream, Reply(text="Uncounted.", extra={"usage": None}))).usage
    assert found in (None, Usage(input=0, output=0)), f"the provider counted nothing, the client was told {found}"


@check(
    "usage/count-tokens/numbers",
    requirement="count-tokens-upstream",
    feature="count-tokens",
    surfaces=(MESSAGES,),
    modes=(Mode.HTTP,),
    catches=("doubts-small-counts", "guesses-token-count"),
)
async def test_any_number_of_tokens_is_the_provider_s(client: Client, upstream: Upstream, http: Http) -> None:
    for count in (0, 1, 7_654_321):
        status, answer = await _counted(client, upstream, http, Reply(input_tokens=count))
        assert (status, answer.get("input_tokens")) == (200, count), f"{count} tokens became {status} {answer}"


@check(
    "usage/count-tokens/errors",
    requirement="count-tokens-upstream",
    feature="count-tokens",
    surfaces=(MESSAGES,),
    modes=(Mode.HTTP,),
    catches=("guesses-when-refused", "count-errors-become-500"),
)
async def test_each_error_of_a_count_is_the_provider_s(client: Client, upstream: Upstream, http: Http) -> None:
    for status in (400, 403, 404, 413, 429, 500, 529):
        got, _ = await _counted(client, upstream, http, Reply(error=ProviderError(status=status)))
        assert got == status, f"the provider refused to count with {status}, the client got {got}"


async def _reported(client: Client, upstream: Upstream, usage: Usage) -> Usage | None:
    return (await _answered(client, upstream, Reply(text="Counted.", usage=usage))).usage


async def _answered(client: Client, upstream: Upstream, reply: Reply) -> Answer:
    script = await upstream.answers(reply)
    asked = client.surface == CHAT and client.mode.streams
    return await client.ask(Ask(script.prompt, fields={"stream_options": {"include_usage": True}} if asked else {}))


async def _counted(client: Client, upstream: Upstream, http: Http, reply: Reply) -> tuple[int | None, dict[str, Any]]:
    script = await upstream.answers(reply)
    body = {name: value for name, value in client.body(script.prompt).items() if name != "max_tokens"}
    headers = [("x-api-key", client.door.key), ("anthropic-version", "2023-06-01")]
    url = f"{client.door.url}/v1/messages/count_tokens"
    answer = await http.send("POST", url, headers=headers, body=body)
    return answer.status, answer.json


def _streamed(*events: dict[str, Any] | str) -> Verbatim:
    body = "".join(f"{_line(event)}\n\n" for event in events).encode()
    return Verbatim(200, (("content-type", "text/event-stream"),), body)


def _line(event: dict[str, Any] | str) -> str:
    """A server-sent event, named where its type names it."""
    if isinstance(event, str):
        return f"data: {event}"
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}"


def _growing_message() -> list[dict[str, Any]]:
    """A tool of the provider's own reads on while the model answers: its input grows."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    ending = {"stop_reason": None, "stop_sequence": None}
    return [
        {"type": "message_start", "message": message | ending | {"usage": {"input_tokens": 25, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Read."}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": ending | {"stop_reason": "end_turn"},
            "usage": {"input_tokens": 4025, "output_tokens": 15},
        },
        {"type": "message_stop"},
    ]


def _metered_chunks() -> list[dict[str, Any]]:
    """A provider that counts in each chunk what it has cost so far."""
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_767_225_600, "model": "m"}
    deltas: list[tuple[dict[str, Any], str | None]] = [
        ({"role": "assistant", "content": "One "}, None),
        ({"content": "two"}, None),
        ({}, "stop"),
    ]
    return [
        chunk
        | {
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
            "usage": {"prompt_tokens": 40, "completion_tokens": count, "total_tokens": 40 + count},
        }
        for count, (delta, finish) in enumerate(deltas, 1)
    ]
