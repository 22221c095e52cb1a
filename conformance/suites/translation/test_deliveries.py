"""However the provider's stream comes along, the client's is the same."""

from conformance.api import (
    AZURE,
    CHAT,
    GEMINI,
    MESSAGES,
    RESPONSES,
    VERTEX,
    Ask,
    Client,
    Delivery,
    ProviderError,
    Reply,
    Surface,
    Tape,
    Thinking,
    Tool,
    Upstream,
    assert_in_order,
    check,
)
from conformance.suites.translation.replies import CALLS, HUBS, LETTERS, STREAM, WORDS, meant

EVENTS = (CHAT, RESPONSES, MESSAGES, GEMINI, Surface.MISTRAL, AZURE, VERTEX)  # Bedrock's frames are no text
THOUGHTS = (Thinking("First Oslo.", "c2lnbmF0dXJl"), Thinking("Then Bergen.", "YW5vdGhlcg=="))


@check(
    "translation/stream/pieces",
    requirement="translated-stream-any-pieces",
    feature="tools",
    surfaces=HUBS,
    modes=STREAM,
    catches=("mixes-interleaved-calls", "skips-opening-arguments", "needs-argument-deltas", "ends-at-an-empty-delta"),
)
async def test_content_may_fall_into_any_pieces(client: Client, upstream: Upstream, tape: Tape) -> None:
    for pieces in ("whole", "characters", "interleaved", "arguments-when-done"):
        thoughts = THOUGHTS if pieces == "interleaved" else ()
        reply = Reply(text=("Two ", "cities."), thinking=thoughts, tool_calls=CALLS, delivery=Delivery(pieces=pieces))
        script = await upstream.answers(reply)
        answer = await client.ask(Ask(script.prompt, tools=(Tool("weather"),)))
        calls, expected = meant(answer.tool_calls), meant(CALLS)
        if pieces == "interleaved":  # who tells whole calls may tell each as soon as it is complete
            calls, expected = sorted(calls, key=str), sorted(expected, key=str)
        assert calls == expected, f"from pieces that come {pieces}"
        assert answer.text == "Two cities.", f"from pieces that come {pieces}"
        if pieces != "arguments-when-done":  # untranslated these break the grammar themselves
            assert_in_order(client.surface, tape.last.content)


@check(
    "translation/stream/letters",
    requirement="translated-text",
    feature="streaming",
    surfaces=HUBS,
    modes=STREAM,
    catches=("decodes-each-chunk", "mangles-unicode"),
)
async def test_letters_survive_bytes_that_come_one_by_one(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=(LETTERS,), delivery=Delivery(chunk_bytes=1)))
    assert (await client.ask(script.prompt)).text == LETTERS


@check(
    "translation/stream/framing",
    requirement="translated-stream-any-framing",
    feature="streaming",
    modes=STREAM,
    catches=("splits-on-lf-only",),
)
async def test_events_may_be_written_in_any_way_that_the_standard_allows(client: Client, upstream: Upstream) -> None:
    for delivery in (
        Delivery(line_end="\r\n"),
        Delivery(framing="no-space"),
        Delivery(framing="other-fields"),
        Delivery(comments=True, unknown_event=True),
    ):
        script = await upstream.answers(Reply(text=WORDS, delivery=delivery))
        answer = await client.ask(script.prompt)
        assert answer.text == "".join(WORDS), f"from a stream with {delivery}"


@check(
    "translation/stream/untyped",
    requirement="stream-without-label",
    feature="streaming",
    surfaces=(RESPONSES, MESSAGES),
    modes=STREAM,
    over=EVENTS,
    catches=("chokes-on-untyped",),
)
async def test_a_stream_without_content_type_is_translated_as_well(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(content_type="")))
    assert (await client.ask(script.prompt)).text == "".join(WORDS)


@check(
    "translation/stream/compressed",
    requirement="translated-coding",
    feature="streaming",
    surfaces=HUBS,
    modes=STREAM,
    catches=("forgets-the-coding",),
)
async def test_a_compressed_stream_stays_readable(client: Client, upstream: Upstream) -> None:
    for coding in ("gzip", "br"):
        script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(encoding=coding)))
        assert (await client.ask(script.prompt)).text == "".join(WORDS)


@check(
    "translation/stream/error-forms",
    requirement="translated-stream-error",
    feature="errors",
    surfaces=HUBS,
    modes=STREAM,
    catches=("swallows-stream-errors",),
)
async def test_an_error_in_any_form_ends_the_stream_as_an_error(client: Client, upstream: Upstream) -> None:
    for form in ("beside-choices", "failed", "failed-then-error"):
        error = ProviderError(500, "broken, by script")
        broken = Reply(text=WORDS, error=error, delivery=Delivery(error_after=4, error_form=form))
        script = await upstream.answers(broken)
        await client.fails(script.prompt)


@check(
    "translation/stream/cancel",
    requirement="cancel-upstream",
    feature="cancel",
    modes=STREAM,
    catches=("never-cancels",),
)
async def test_leaving_ends_the_call_upstream(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(gated=True)))
    await script.release()
    async with client.stream(script.prompt) as stream:
        await stream.next_text()
    assert await script.caller_left(), "the upstream's call went on though the client had left"
