"""A client that hangs up."""

import anyio

from conformance.api import Client, Delivery, Mode, Reply, Upstream, check

WORDS = ("one ", "two ", "three ")


@check(
    "connection/cancel/stream",
    requirement="cancel-upstream",
    feature="cancel",
    modes=(Mode.ASYNC_STREAM,),
    catches=("never-cancels",),
)
async def test_leaving_a_stream_ends_the_call_upstream(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(gated=True)))
    async with client.stream(script.prompt) as stream:
        await stream.next_text()
    assert await script.caller_left(), "the upstream's call went on though the client had left"


@check(
    "connection/cancel/whole",
    requirement="cancel-upstream",
    feature="cancel",
    catches=("never-cancels-whole",),
)
async def test_leaving_before_the_answer_ends_the_call_upstream(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="too late", delivery=Delivery(hold_headers=True)))
    async with anyio.create_task_group() as calls:
        calls.start_soon(client.ask, script.prompt)
        await script.arrived()
        calls.cancel_scope.cancel()
    assert await script.caller_left(), "the upstream's call went on though the client had left"
