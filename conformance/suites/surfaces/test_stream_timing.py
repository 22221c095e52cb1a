"""Streams in time: not only text is relayed as it is made."""

import anyio

from conformance.api import MESSAGES, RESPONSES, Client, Delivery, Mode, Reply, Thinking, ToolCall, Upstream, check
from conformance.suites.surfaces.streams import piece_of

PATIENCE = 10.0
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
