"""Streams: in time, in order, complete, whatever way their bytes travel."""

from dataclasses import replace

from conformance.api import (
    CHAT,
    MESSAGES,
    Ask,
    Client,
    Connect,
    Delivery,
    Mode,
    Reply,
    ServerSentEvent,
    Tape,
    Upstream,
    assert_in_order,
    assert_unchanged,
    check,
    parse,
)
from conformance.suites.surfaces.streams import KINDS, RICH, WORDS, asking, said

EMOJI = "👩‍👩‍👧 naïve 日本語 " * 4
STREAMS = (Mode.ASYNC_STREAM, Mode.SYNC_STREAM)
HELPED = (Mode.ASYNC_STREAM, Mode.ASYNC_HELPER)


@check(
    "stream/incremental",
    requirement="stream-without-buffering",
    feature="streaming",
    modes=STREAMS,
    catches=("buffers", "lags-one-event"),
)
async def test_each_piece_arrives_before_the_next_is_sent(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(gated=True)))
    async with client.stream(script.prompt) as stream:
        for word in WORDS:
            assert await stream.next_text() == word
            await script.release()


@check(
    "stream/event-order",
    requirement="stream-grammar",
    feature="streaming",
    modes=(Mode.ASYNC_STREAM,),
    catches=(
        "loses-terminal",
        "restarts-indices",
        "interleaves-blocks",
        "repeats-start",
        "repeats-terminal",
        "loses-item-done",
        "loses-stop-event",
        "skips-sequence-numbers",
        "new-id-each-chunk",
        "swaps-events",
    ),
)
async def test_events_come_in_the_order_of_the_protocol(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers(RICH)
    await client.ask(script.prompt)
    assert_in_order(client.surface, tape.last.content)


@check(
    "stream/event-order/kinds",
    requirement="stream-grammar",
    feature="streaming",
    modes=(Mode.ASYNC_STREAM,),
    catches=(
        "thinking-in-text-block",
        "error-after-the-end",
        "loses-role",
        "repeats-call-names",
        "finishes-twice",
        "model-changes-midway",
        "usage-before-finish",
        "new-item-id-each-event",
        "completes-in-progress",
        "drops-content-parts",
        "garbles-argument-deltas",
        "signs-first",
        "start-without-usage",
        "stops-without-reason",
    ),
)
async def test_every_kind_of_answer_follows_the_protocol(client: Client, upstream: Upstream, tape: Tape) -> None:
    found = []
    for kind, reply in KINDS.items():
        script = await upstream.answers(reply)
        try:
            await client.ask(asking(client, script.prompt))
            assert_in_order(client.surface, tape.last.content)
        except AssertionError as error:
            found.append(f"{kind}: {error}")
    assert not found, "; ".join(found)


@check(
    "stream/same-as-whole",
    requirement="stream-same-as-whole",
    feature="streaming",
    modes=(Mode.ASYNC_STREAM, Mode.ASYNC_HELPER),
    catches=("loses-last-delta",),
)
async def test_a_stream_adds_up_to_the_whole_answer(client: Client, connect: Connect, upstream: Upstream) -> None:
    script = await upstream.answers(RICH)
    streamed = said(await client.ask(script.prompt), client.surface)
    whole = said(await connect(mode=Mode.ASYNC).ask(script.prompt), client.surface)
    differing = [part for part in whole if streamed[part] != whole[part]]
    found = [f"{part} {streamed[part]!r} streamed, {whole[part]!r} whole" for part in differing]
    assert not found, "; ".join(found)


@check(
    "stream/content-type",
    requirement="stream-content-type",
    feature="streaming",
    modes=(Mode.ASYNC_STREAM,),
    catches=("says-text-plain", "says-json"),
)
async def test_a_stream_is_labelled_as_one(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    label = tape.last.value("content-type") or "none"
    assert label.split(";")[0].strip().lower() == "text/event-stream"


@check(
    "stream/split-anywhere",
    requirement="stream-bytes-any-split",
    feature="streaming",
    modes=HELPED,
    catches=("decodes-each-chunk",),
)
async def test_bytes_may_be_split_anywhere(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=(EMOJI,), delivery=Delivery(chunk_bytes=1)))
    answer = await client.ask(script.prompt)
    assert answer.text == EMOJI


@check(
    "stream/crlf",
    requirement="stream-line-ends",
    feature="streaming",
    modes=HELPED,
    catches=("splits-on-lf-only",),
)
async def test_lines_may_end_in_crlf(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(line_end="\r\n")))
    answer = await client.ask(script.prompt)
    assert answer.text == "".join(WORDS)


@check(
    "stream/long-event",
    requirement="stream-long-events",
    feature="streaming",
    modes=HELPED,
    catches=("cuts-long-events",),
)
async def test_one_event_may_hold_a_hundred_kilobytes(client: Client, upstream: Upstream) -> None:
    long = "0123456789abcdef" * 8192
    script = await upstream.answers(Reply(text=("begin ", long, " end")))
    answer = await client.ask(script.prompt)
    assert answer.text == f"begin {long} end"


@check(
    "stream/pings",
    requirement="forward-pings",
    feature="streaming",
    surfaces=(MESSAGES,),
    modes=(Mode.ASYNC_STREAM,),
    catches=("drops-pings",),
)
async def test_pings_keep_coming(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(pings=True)))
    await client.ask(script.prompt)
    sent, got = (_named("ping", body) for body in ((await script.received()).sent, tape.last.content))
    assert sent
    assert len(got) >= len(sent), f"the provider sent {len(sent)} pings, the client received {len(got)}"


@check(
    "stream/comments",
    requirement="forward-comments",
    feature="streaming",
    modes=(Mode.ASYNC_STREAM,),
    catches=("drops-comments",),
)
async def test_comments_keep_the_connection_alive(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(comments=True)))
    await client.ask(script.prompt)
    assert parse((await script.received()).sent).comments
    assert parse(tape.last.content).comments


@check(
    "stream/unknown-event",
    requirement="tolerate-unknown-events",
    feature="streaming",
    modes=HELPED,
    catches=("chokes-on-unknown-event",),
)
async def test_an_event_nobody_has_heard_of_does_no_harm(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(unknown_event=True)))
    answer = await client.ask(script.prompt)
    assert answer.text == "".join(WORDS)


@check(
    "stream/unchanged",
    requirement="stream-unchanged",
    feature="streaming",
    modes=(Mode.ASYNC_STREAM,),
    catches=("appends-done", "drops-unknown-events", "changes-created"),
)
async def test_every_event_arrives_as_it_was_sent(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(unknown_event=True)))
    await client.ask(script.prompt)
    sent = _by_kind(parse((await script.received()).sent).events)
    got = _by_kind(parse(tape.last.content).events)
    assert_unchanged(got, sent, where="the events, by kind")


@check(
    "stream/unchanged/kinds",
    requirement="stream-unchanged",
    feature="streaming",
    modes=(Mode.ASYNC_STREAM,),
    catches=("drops-null-answer-fields", "zeroes-usage-in-streams"),
)
async def test_the_events_of_every_kind_of_answer_arrive_as_they_were_sent(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    for kind, reply in KINDS.items():
        script = await upstream.answers(reply)
        await client.ask(asking(client, script.prompt))
        sent = _by_kind(parse((await script.received()).sent).events)
        got = _by_kind(parse(tape.last.content).events)
        assert_unchanged(got, sent, where=f"{kind}: the events, by kind")


@check(
    "stream/unchanged/members",
    requirement="stream-unchanged",
    feature="streaming",
    modes=(Mode.ASYNC_STREAM,),
    catches=("knows-the-members-of-deltas",),
)
async def test_members_nobody_has_heard_of_arrive_wherever_they_stand(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    script = await upstream.answers(replace(RICH, delivery=Delivery(framing="unheard-of")))
    await client.ask(asking(client, script.prompt))
    sent = _by_kind(parse((await script.received()).sent).events)
    got = _by_kind(parse(tape.last.content).events)
    assert_unchanged(got, sent, where="the events, by kind")


@check(
    "stream/usage-chunk",
    requirement="usage-chunk-complete",
    feature="usage",
    profile="openai-chat",
    surfaces=(CHAT,),
    modes=(Mode.ASYNC_STREAM,),
    catches=("usage-only-when-whole",),
)
async def test_usage_comes_in_a_chunk_of_its_own_when_asked_for(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, fields={"stream_options": {"include_usage": True}}))
    chunks = [event.json for event in parse(tape.last.content).without_done]
    assert [chunk.get("choices") for chunk in chunks if chunk.get("usage")] == [[]]


@check(
    "stream/no-usage-unasked",
    requirement="nothing-added-to-streams",
    feature="usage",
    profile="openai-chat",
    surfaces=(CHAT,),
    modes=(Mode.ASYNC_STREAM,),
    catches=("injects-field",),
)
async def test_usage_does_not_come_unasked(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    assert not [event for event in parse(tape.last.content).events if '"usage":{' in event.data.replace(" ", "")]


def _named(name: str, body: bytes) -> list[ServerSentEvent]:
    return [event for event in parse(body).events if event.name == name]


def _by_kind(events: tuple[ServerSentEvent, ...]) -> dict[str, list[object]]:
    """The events in order, each among its kind: one that is lost does not make all later ones look changed."""
    kinds: dict[str, list[object]] = {}
    for event in events:
        kinds.setdefault(_kind(event), []).append(_without_model(event))
    return kinds


def _kind(event: ServerSentEvent) -> str:
    if event.data == "[DONE]":
        return "[DONE]"
    value = event.json
    return str(value.get("type") or value.get("object") or "of an unknown kind")


def _without_model(event: ServerSentEvent) -> object:
    """An event without the model's name, which a gateway may have aliased."""
    if event.data == "[DONE]":
        return event.data
    value = event.json
    for holder in (value, value.get("message"), value.get("response")):
        if isinstance(holder, dict):
            holder.pop("model", None)
    return value
