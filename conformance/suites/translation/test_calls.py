"""Tool calls in a stream that changes its protocol, with nothing else in the answer."""

from conformance.api import Ask, Client, Delivery, Reply, Tape, Tool, Upstream, assert_in_order, check
from conformance.suites.translation.replies import CALLS, HUBS, STREAM, assert_apart, meant


@check(
    "translation/stream/parallel-calls",
    requirement="translated-tool-calls",
    feature="tools",
    surfaces=HUBS,
    modes=STREAM,
    catches=("loses-second-tool-call", "merges-parallel-calls"),
)
async def test_calls_at_once_stay_apart_in_a_stream(client: Client, upstream: Upstream) -> None:
    await _calls_arrive(client, upstream, Delivery())


@check(
    "translation/stream/arguments-when-done",
    requirement="translated-tool-calls",
    feature="tools",
    surfaces=HUBS,
    modes=STREAM,
    catches=("needs-argument-deltas",),
)
async def test_arguments_that_are_told_only_when_done_arrive(client: Client, upstream: Upstream) -> None:
    await _calls_arrive(client, upstream, Delivery(pieces="arguments-when-done"))


@check(
    "translation/stream/grammar-of-calls",
    requirement="translated-stream-grammar",
    feature="tools",
    surfaces=HUBS,
    modes=STREAM,
    catches=("repeats-start", "restarts-indices", "repeats-terminal"),
)
async def test_a_stream_of_calls_alone_keeps_the_order_of_the_clients_protocol(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    script = await upstream.answers(Reply(tool_calls=CALLS))
    await client.ask(Ask(script.prompt, tools=(Tool("weather"),)))
    assert_in_order(client.surface, tape.last.content)


async def _calls_arrive(client: Client, upstream: Upstream, delivery: Delivery) -> None:
    script = await upstream.answers(Reply(tool_calls=CALLS, delivery=delivery))
    answer = await client.ask(Ask(script.prompt, tools=(Tool("weather"),)))
    assert meant(answer.tool_calls) == meant(CALLS)
    assert_apart(client.surface, answer.tool_calls)
