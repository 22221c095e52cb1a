"""Streams add up: whatever the answer is of, and into whatever pieces it falls."""

from dataclasses import replace

from conformance.api import CHAT, RESPONSES, Client, Connect, Delivery, Mode, Reply, Upstream, Usage, check
from conformance.suites.surfaces.streams import KINDS, RICH, asking, counted, misread, misread_deliveries, said

STREAM = (Mode.ASYNC_STREAM,)
HELPED = (Mode.ASYNC_STREAM, Mode.ASYNC_HELPER)


@check(
    "stream/pieces",
    requirement="stream-pieces-of-any-size",
    feature="streaming",
    modes=HELPED,
    catches=("skips-opening-arguments", "ends-at-an-empty-delta", "drops-short-deltas"),
)
async def test_how_an_answer_falls_into_pieces_means_nothing(client: Client, upstream: Upstream) -> None:
    ways = {
        "everything in one delta": Delivery(pieces="whole"),
        "one character a delta, empty ones between": Delivery(pieces="characters"),
    }
    found = await misread_deliveries(client, upstream, RICH, ways)
    assert not found, "; ".join(found)


@check(
    "stream/interleaved-calls",
    requirement="calls-go-by-index",
    feature="tools",
    surfaces=(CHAT,),
    modes=HELPED,
    catches=("mixes-interleaved-calls",),
)
async def test_fragments_of_parallel_calls_may_come_by_turns(client: Client, upstream: Upstream) -> None:
    found = await misread(client, upstream, replace(RICH, delivery=Delivery(pieces="interleaved")))
    assert not found, "; ".join(found)


@check(
    "stream/arguments-when-done",
    requirement="arguments-when-done",
    feature="tools",
    surfaces=(RESPONSES,),
    modes=STREAM,
    catches=("needs-argument-deltas",),
)
async def test_arguments_may_come_in_their_done_event_alone(client: Client, upstream: Upstream) -> None:
    found = await misread(client, upstream, replace(RICH, delivery=Delivery(pieces="arguments-when-done")))
    assert not found, "; ".join(found)


@check(
    "stream/done-or-not",
    requirement="done-or-not",
    feature="streaming",
    surfaces=(CHAT, RESPONSES),
    modes=HELPED,
    catches=("needs-done", "chokes-on-done"),
)
async def test_an_answer_is_complete_with_and_without_done(client: Client, upstream: Upstream) -> None:
    ways = {"with [DONE]": Delivery(done=True), "without [DONE]": Delivery(done=False)}
    found = await misread_deliveries(client, upstream, RICH, ways)
    assert not found, "; ".join(found)


@check(
    "stream/usage-beside-finish",
    requirement="usage-beside-finish",
    feature="usage",
    surfaces=(CHAT,),
    modes=STREAM,
    catches=("usage-in-its-own-chunk-only",),
)
async def test_usage_may_come_with_the_finish_reason(client: Client, upstream: Upstream) -> None:
    usage = Usage(input=1234, output=17)
    script = await upstream.answers(Reply(text="ok", usage=usage, delivery=Delivery(early_usage=True)))
    answer = await client.ask(counted(script.prompt))
    assert answer.usage == usage


@check(
    "stream/kinds",
    requirement="stream-same-as-whole",
    feature="streaming",
    modes=STREAM,
    catches=("flattens-stop-in-streams", "loses-refusal-in-streams", "zeroes-usage-in-streams"),
)
async def test_every_kind_of_answer_is_the_same_streamed_and_whole(
    client: Client, connect: Connect, upstream: Upstream
) -> None:
    asks_whole = connect(mode=Mode.ASYNC)
    found = []
    for kind, reply in KINDS.items():
        script = await upstream.answers(reply)
        streamed = await client.ask(asking(client, script.prompt))
        whole = await asks_whole.ask(script.prompt)
        got = {**said(streamed, client.surface), "refusal": streamed.refusal, "usage": streamed.usage}
        expected = {**said(whole, client.surface), "refusal": whole.refusal, "usage": whole.usage}
        found += [
            f"{kind}: {part} {got[part]!r} streamed, {expected[part]!r} whole"
            for part in got
            if got[part] != expected[part]
        ]
    assert not found, "; ".join(found)
