"""A client that hangs up."""

import json

import anyio

from conformance.api import Client, Delivery, Mode, Reply, ToolCall, Upstream, check

WORDS = ("one ", "two ", "three ")
GATED = Delivery(gated=True)
MANY = 20
SECONDS_TO_SEE = 5
SECONDS_TO_HANG_UP = 10
MOMENTS = {
    "before the headers": (Reply(text="too late", delivery=Delivery(hold_headers=True)), ""),
    "before the first event": (Reply(text="too late", delivery=Delivery(stall_after=0)), ""),
    "inside the arguments of a tool": (
        Reply(tool_calls=(ToolCall("call_left", "moor", '{"quay": "Bergen"}'),), delivery=GATED),
        r"{\"qu",
    ),
    "behind the last piece of text": (Reply(text=("all there is",), delivery=GATED), "all there is"),
}


@check(
    "connection/cancel/stream",
    requirement="cancel-upstream",
    feature="cancel",
    modes=(Mode.ASYNC_STREAM,),
    catches=("never-cancels",),
)
async def test_leaving_a_stream_ends_the_call_upstream(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=GATED))
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


@check(
    "connection/cancel/moments",
    requirement="cancel-upstream",
    feature="cancel",
    modes=(Mode.ASYNC_STREAM,),
    catches=("never-cancels", "cancels-only-begun-streams"),
)
async def test_leaving_a_stream_at_any_moment_ends_the_call_upstream(client: Client, upstream: Upstream) -> None:
    for moment, (reply, sign) in MOMENTS.items():
        script = await upstream.answers(reply)
        seen = anyio.Event()
        async with anyio.create_task_group() as calls:
            calls.start_soon(_read_until, client, script.prompt, sign, seen)
            await script.arrived()
            if sign:
                with anyio.move_on_after(SECONDS_TO_SEE):  # a gateway that holds back is another check's business
                    await seen.wait()
            calls.cancel_scope.cancel()
        assert await script.caller_left(), f"the upstream's call went on though the client had left {moment}"


async def _read_until(client: Client, prompt: str, sign: str, seen: anyio.Event) -> None:
    async with client.stream(prompt) as stream:
        while (event := await stream.next_event()) is not None:
            if sign in json.dumps(event):
                seen.set()


@check(
    "connection/cancel/many",
    requirement="cancel-leaves-nothing-behind",
    feature="cancel",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("never-cancels", "never-cancels-whole", "keeps-slots-of-the-gone"),
)
async def test_clients_that_leave_leave_no_connection_behind(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="too late", delivery=Delivery(hold_headers=True)))
    async with anyio.create_task_group() as calls:
        for _ in range(MANY):
            calls.start_soon(client.ask, script.prompt)
        await script.arrived(MANY)
        calls.cancel_scope.cancel()
    journal = await upstream.journal(script.token, until="left", count=MANY, patience=SECONDS_TO_HANG_UP)
    left = sum(call.client_left_at is not None for call in journal)
    assert left == MANY, f"{MANY} clients left, and {MANY - left} calls of the upstream's go on"
    after = await upstream.answers(Reply(text="still here"))
    assert (await client.ask(after.prompt)).text == "still here"
