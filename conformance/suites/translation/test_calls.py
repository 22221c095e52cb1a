"""Tool calls in a stream that changes its protocol, with nothing else in the answer."""

import json

from conformance.api import (
    CHAT,
    GRAMMARS,
    Ask,
    Client,
    Delivery,
    Mode,
    Reply,
    Tape,
    Tool,
    ToolCall,
    Upstream,
    check,
    parse,
)

STREAM = (Mode.ASYNC_STREAM,)
CALLS = (
    ToolCall("call_one", "weather", '{"city": "Oslo"}'),
    ToolCall("call_two", "weather", '{"city": "Bergen"}'),
)


@check(
    "translation/stream/parallel-calls",
    requirement="translated-tool-calls",
    feature="tools",
    modes=STREAM,
    catches=("loses-second-tool-call", "merges-parallel-calls"),
)
async def test_calls_at_once_stay_apart_in_a_stream(client: Client, upstream: Upstream) -> None:
    await _calls_arrive(client, upstream, Delivery())


@check(
    "translation/stream/arguments-when-done",
    requirement="translated-tool-calls",
    feature="tools",
    modes=STREAM,
    catches=("needs-argument-deltas",),
)
async def test_arguments_that_are_told_only_when_done_arrive(client: Client, upstream: Upstream) -> None:
    await _calls_arrive(client, upstream, Delivery(pieces="arguments-when-done"))


@check(
    "translation/stream/grammar-of-calls",
    requirement="translated-stream-grammar",
    feature="tools",
    modes=STREAM,
    catches=("repeats-start", "restarts-indices", "repeats-terminal"),
)
async def test_a_stream_of_calls_alone_keeps_the_order_of_the_clients_protocol(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    script = await upstream.answers(Reply(tool_calls=CALLS))
    await client.ask(Ask(script.prompt, tools=(Tool("weather"),)))
    events = [e for e in parse(tape.last.content).events if client.surface == CHAT or e.data != "[DONE]"]
    GRAMMARS[client.surface]().check(events)


async def _calls_arrive(client: Client, upstream: Upstream, delivery: Delivery) -> None:
    script = await upstream.answers(Reply(tool_calls=CALLS, delivery=delivery))
    answer = await client.ask(Ask(script.prompt, tools=(Tool("weather"),)))
    said = [(call.name, json.loads(call.arguments or "null")) for call in answer.tool_calls]
    assert said == [(call.name, json.loads(call.arguments)) for call in CALLS]
    assert len({call.id for call in answer.tool_calls}) == len(CALLS), "two calls under one id"
