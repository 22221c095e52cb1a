"""Streams that change their protocol on the way: in time, in the client's own grammar, and honest to their end."""

from typing import Any

from conformance.api import (
    CHAT,
    GEMINI,
    MESSAGES,
    Ask,
    Client,
    Delivery,
    Mode,
    ProviderError,
    Reply,
    ServerSentEvent,
    Tape,
    Thinking,
    Tool,
    Upstream,
    assert_in_order,
    check,
    parse,
)
from conformance.suites.translation.replies import CALLS, HUBS, STREAM, WORDS, meant

RICH = Reply(text=("Let me ", "look."), thinking=(Thinking("Two cities.", "c2lnbmF0dXJl"),), tool_calls=CALLS)


@check(
    "translation/stream/incremental",
    requirement="translated-stream-in-time",
    feature="streaming",
    surfaces=HUBS,
    modes=STREAM,
    catches=("buffers",),
)
async def test_each_piece_arrives_before_the_next_but_one_is_sent(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(gated=True)))
    await script.release()  # a translator may look one event ahead, even before it answers at all
    async with client.stream(script.prompt) as stream:
        for word in WORDS:
            assert await stream.next_text() == word
            await script.release()


@check(
    "translation/stream/grammar",
    requirement="translated-stream-grammar",
    feature="streaming",
    surfaces=HUBS,
    modes=STREAM,
    catches=(
        "restarts-indices",
        "interleaves-blocks",
        "repeats-start",
        "repeats-terminal",
        "loses-terminal",
        "loses-item-done",
        "skips-sequence-numbers",
    ),
)
async def test_events_come_in_the_order_of_the_clients_protocol(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers(RICH)
    await client.ask(Ask(script.prompt, tools=(Tool("weather"),)))
    assert_in_order(client.surface, tape.last.content)


@check(
    "translation/stream/helper",
    requirement="translated-tool-calls",
    feature="tools",
    modes=(Mode.ASYNC_HELPER,),
    catches=("loses-second-tool-call", "merges-parallel-calls"),
)
async def test_the_sdks_own_accumulator_reads_it(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(RICH)
    answer = await client.ask(Ask(script.prompt, tools=(Tool("weather"),)))
    assert meant(answer.tool_calls) == meant(CALLS)
    assert answer.text == "Let me look."


@check(
    "translation/stream/error",
    requirement="translated-stream-error",
    feature="errors",
    surfaces=HUBS,
    modes=STREAM,
    catches=("swallows-stream-errors",),
)
async def test_an_error_amid_the_stream_is_an_error_for_the_client(client: Client, upstream: Upstream) -> None:
    failing = Reply(text=WORDS, error=ProviderError(529, "overloaded, by script"), delivery=Delivery(error_after=4))
    script = await upstream.answers(failing)
    await client.fails(script.prompt)


@check(
    "translation/stream/truncated",
    requirement="translated-stream-truncated",
    feature="cut",
    surfaces=HUBS,
    modes=STREAM,
    catches=("makes-up-ending",),
)
async def test_an_answer_that_broke_off_is_never_shown_as_finished(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    for broken in (Delivery(end_after=4), Delivery(cut_after=4)):
        script = await upstream.answers(Reply(text=WORDS, delivery=broken))
        try:
            answer = await client.ask(script.prompt)
        except AssertionError:
            continue
        assert answer.stop in (None, "in_progress"), f"a stream that broke off ended with {answer.stop}"
        assert not _ended_well(client, tape), "a stream that broke off has the marks of a complete one"


def _choices(event: ServerSentEvent) -> list[dict[str, Any]]:
    return list(event.json.get("choices") or ())


def _ended_well(client: Client, tape: Tape) -> bool:
    events = parse(tape.last.content).events
    if client.surface == CHAT:
        return any(choice.get("finish_reason") for e in events if e.data != "[DONE]" for choice in _choices(e))
    if client.surface == GEMINI:
        return any(said.get("finishReason") for e in events for said in e.json.get("candidates") or ())
    wanted = "message_stop" if client.surface == MESSAGES else "response.completed"
    return any(event.name == wanted for event in events)
