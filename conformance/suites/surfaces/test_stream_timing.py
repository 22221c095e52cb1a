"""Streams in time: not only text is relayed as it is made."""

import re

import anyio

from conformance.api import (
    MESSAGES,
    RESPONSES,
    Client,
    Delivery,
    Http,
    Mode,
    Reply,
    Thinking,
    ToolCall,
    Upstream,
    check,
)
from conformance.suites.surfaces.raw import Sender
from conformance.suites.surfaces.streams import piece_of

PATIENCE = 10.0
KEEP_ALIVE = re.compile(rb"[\r\n](:|event: ?ping)")
STREAM = (Mode.ASYNC_STREAM,)
CALL = ToolCall("call_write", "write", '{"path": "notes.txt", "text": "one two three four five"}')
THOUGHT = "First I look at one side of it, and then I look at the other one."


@check(
    "stream/incremental/arguments",
    requirement="stream-without-buffering",
    feature="tools",
    modes=STREAM,
    catches=("collects-arguments",),
)
async def test_each_piece_of_arguments_arrives_before_the_next_is_sent(client: Client, upstream: Upstream) -> None:
    await _arrives_in_time(client, upstream, Reply(tool_calls=(CALL,)), CALL.arguments)


@check(
    "stream/incremental/thinking",
    requirement="stream-without-buffering",
    feature="thinking",
    surfaces=(RESPONSES, MESSAGES),
    modes=STREAM,
    catches=("collects-thinking",),
)
async def test_each_piece_of_thinking_arrives_before_the_next_is_sent(client: Client, upstream: Upstream) -> None:
    await _arrives_in_time(client, upstream, Reply(text="42", thinking=(Thinking(THOUGHT, "c2ln"),)), THOUGHT)


@check(
    "stream/keep-alives",
    requirement="keep-alives-in-time",
    feature="streaming",
    modes=(Mode.HTTP,),
    catches=("lags-keep-alives", "lags-one-event"),
)
async def test_a_keep_alive_arrives_while_nothing_else_does(client: Client, http: Http, upstream: Upstream) -> None:
    sender = Sender(client, http, upstream)
    words, pings = ("eins", "zwei"), client.surface == MESSAGES
    plain = await upstream.answers(Reply(text=words, delivery=Delivery(comments=True, pings=pings)))
    answer = await sender.post(client.body(plain.prompt) | {"stream": True})
    if not KEEP_ALIVE.search(answer.content):
        return  # a gateway that passes none on, which another check judges
    script = await upstream.answers(Reply(text=words, delivery=Delivery(gated=True, comments=True, pings=pings)))
    async with sender.opened(client.body(script.prompt) | {"stream": True}) as (exchange, chunks):
        with anyio.move_on_after(PATIENCE):
            async for _ in chunks:
                if KEEP_ALIVE.search(exchange.content.partition(b"eins")[2]):
                    break
        _, seen, behind = exchange.content.partition(b"eins")
        assert seen, f"the first word did not arrive within {PATIENCE:.0f} s"
        assert KEEP_ALIVE.search(behind), f"no keep-alive within {PATIENCE:.0f} s, though the provider has sent it"


async def _arrives_in_time(client: Client, upstream: Upstream, reply: Reply, expected: str) -> None:
    """Read the pieces one by one; the upstream sends each only when the one before has been seen."""
    script = await upstream.answers(Reply(**{**vars(reply), "delivery": Delivery(gated=True)}))
    seen = ""
    async with client.stream(script.prompt) as stream:
        while len(seen) < len(expected):
            with anyio.move_on_after(PATIENCE) as waited:
                event = await stream.next_event()
            assert not waited.cancelled_caught, f"after {seen!r} nothing came, though the upstream has sent more"
            assert event is not None, f"the stream ended after {seen!r}"
            if piece := piece_of(event):
                seen += piece
                await script.release()
    assert seen == expected
