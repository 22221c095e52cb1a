"""Streams, by the letter of the standard: however their events are written down, they say the same."""

from dataclasses import replace

from conformance.api import (
    Client,
    Delivery,
    Http,
    Mode,
    Reply,
    Thinking,
    ToolCall,
    Upstream,
    assert_in_order,
    check,
    parse,
)
from conformance.suites.surfaces.raw import Sender
from conformance.suites.surfaces.streams import RICH, WORDS, misread, misread_deliveries

STREAM = (Mode.ASYNC_STREAM,)

# What only line ends of other kinds of text are, joined emoji, combining marks, and what must be escaped in JSON.
ODD = (
    "a\u2028b\u2029c\u0085d\u000be\u000cf\u001cg\u001eh \U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1f3\U0001f1f4"
    ' e\u0301 n\u0303 日本語 \u202eש\u202c \u0000 \\ " \t \ufeff end'
)
SPELT = Reply(
    text=(ODD, "and ", ODD[::-1]),
    thinking=(Thinking(f"thinking {ODD}", "c2ln"),),
    tool_calls=(ToolCall("call_odd", "look", '{"place": "a\u2028b\u0085c 日本 e\u0301 \\u0000 \\ud83d\\ude00"}'),),
)
MEGABYTES = "0123456789abcdef" * 2**17


@check(
    "stream/framing",
    requirement="stream-fields",
    feature="streaming",
    modes=STREAM,
    catches=(
        "needs-a-space",
        "reads-one-data-line",
        "chokes-on-other-fields",
        "comments-end-events",
        "needs-the-name-first",
        "needs-an-event-first",
    ),
)
async def test_events_may_be_written_in_every_way_of_the_standard(client: Client, upstream: Upstream) -> None:
    ways = {
        "no space after the colon": Delivery(framing="no-space"),
        "data over several lines": Delivery(framing="several-data-lines"),
        "id, retry and unknown fields": Delivery(framing="other-fields"),
        "comments inside of events": Delivery(framing="comments-inside"),
        "the name after the data": Delivery(framing="data-first"),
        "comments and pings between events": Delivery(comments=True, pings=True),
    }
    found = await misread_deliveries(client, upstream, RICH, ways)
    assert not found, "; ".join(found)


@check(
    "stream/byte-order-mark",
    requirement="byte-order-mark-ignored",
    feature="streaming",
    modes=(Mode.HTTP,),  # the SDKs themselves stumble over it
    catches=("takes-the-byte-order-mark-for-text",),
)
async def test_a_byte_order_mark_costs_no_event(client: Client, http: Http, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(framing="byte-order-mark")))
    answer = await Sender(client, http, upstream).post(client.body(script.prompt) | {"stream": True})
    assert answer.status == 200, f"{answer.status}: {answer.content[:300]!r}"
    assert_in_order(client.surface, answer.content)
    text = "".join(client.piece(event.json) for event in parse(answer.content).without_done)
    assert text == "".join(WORDS), f"{text!r} in place of {''.join(WORDS)!r}"


@check(
    "stream/line-ends",
    requirement="stream-line-ends",
    feature="streaming",
    modes=STREAM,
    catches=("knows-no-lone-cr", "splits-on-lf-only"),
)
async def test_lines_may_end_in_any_of_the_three_ways(client: Client, upstream: Upstream) -> None:
    ways = {
        "CR": Delivery(line_end="\r"),
        "another with each event": Delivery(line_end="mixed"),
        "CRLF, three bytes at a time": Delivery(line_end="\r\n", chunk_bytes=3),
    }
    found = await misread_deliveries(client, upstream, RICH, ways)
    assert not found, "; ".join(found)


@check(
    "stream/odd-characters",
    requirement="stream-is-utf-8",
    feature="streaming",
    modes=STREAM,
    catches=("splits-lines-like-python", "unescapes-by-halves", "decodes-each-chunk"),
)
async def test_no_character_is_a_line_end_or_too_odd(client: Client, upstream: Upstream) -> None:
    ways = {
        "as UTF-8": Delivery(),
        "as UTF-8, in pieces of three bytes": Delivery(chunk_bytes=3),
        "as escapes": Delivery(framing="escaped"),
    }
    found = await misread_deliveries(client, upstream, SPELT, ways)
    assert not found, "; ".join(found)


@check(
    "stream/huge-event",
    requirement="stream-huge-events",
    feature="streaming",
    modes=STREAM,
    catches=("cuts-events-over-a-megabyte", "cuts-long-events"),
)
async def test_one_event_may_hold_two_megabytes(client: Client, upstream: Upstream) -> None:
    found = await misread(client, upstream, Reply(text=("begin ", MEGABYTES, " end")))
    assert not found, "; ".join(found)


@check(
    "stream/many-events",
    requirement="stream-many-events",
    feature="streaming",
    modes=STREAM,
    catches=("forgets-after-a-thousand-events",),
)
async def test_a_stream_may_have_thousands_of_events(client: Client, upstream: Upstream) -> None:
    found = await misread(client, upstream, Reply(text=tuple(f"{number} " for number in range(1200))))
    assert not found, "; ".join(found)


@check(
    "stream/untyped",
    requirement="stream-without-label",
    feature="streaming",
    modes=STREAM,
    catches=("buffers-untyped", "chokes-on-untyped"),
)
async def test_a_stream_without_content_type_is_still_a_stream(client: Client, upstream: Upstream) -> None:
    words = ("eins ", "zwei ", "drei")
    script = await upstream.answers(Reply(text=words, delivery=Delivery(gated=True, content_type="")))
    async with client.stream(script.prompt) as stream:
        for word in words:
            assert await stream.next_text() == word
            await script.release()
    found = await misread(client, upstream, replace(RICH, delivery=Delivery(content_type="")))
    assert not found, "; ".join(found)


@check(
    "stream/compressed",
    requirement="stream-codings",
    feature="streaming",
    modes=STREAM,
    catches=("buffers-coded-streams", "mislabels-coded-streams"),
)
async def test_a_compressed_stream_arrives_piece_by_piece(client: Client, upstream: Upstream) -> None:
    words = ("eins ", "zwei ", "drei")
    for coding in ("gzip", "br"):
        script = await upstream.answers(Reply(text=words, delivery=Delivery(gated=True, encoding=coding)))
        async with client.stream(script.prompt) as stream:
            for word in words:
                assert await stream.next_text() == word, f"as {coding}"
                await script.release()
