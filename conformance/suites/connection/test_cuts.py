"""An upstream that breaks off."""

from conformance.api import STREAMED, WHOLE, Client, Delivery, Mode, Reply, Upstream, check

WORDS = ("It began ", "well, ", "but then ", "it broke.")


@check(
    "connection/cut/stream",
    requirement="cut-is-an-error",
    feature="cut",
    modes=STREAMED,
    catches=("cut-becomes-clean-end",),
)
async def test_a_stream_that_is_cut_is_no_complete_answer(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(cut_after=3)))
    await client.fails(script.prompt)


@check(
    "connection/cut/whole",
    requirement="cut-is-an-error",
    feature="cut",
    modes=WHOLE,
    catches=("cut-becomes-success",),
)
async def test_an_answer_that_is_cut_is_an_error(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="".join(WORDS), delivery=Delivery(cut_after=1)))
    await client.fails(script.prompt)


@check(
    "connection/cut/truncated",
    requirement="truncation-is-an-error",
    feature="cut",
    modes=(Mode.ASYNC_STREAM, Mode.ASYNC_HELPER),
    direct=False,
    catches=("truncation-becomes-clean-end",),
)
async def test_a_stream_that_just_stops_is_no_complete_answer(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(end_after=4)))
    await client.fails(script.prompt)


@check(
    "connection/cut/no-retry",
    requirement="no-hidden-retries",
    feature="retries",
    catches=("retries-cuts",),
)
async def test_a_cut_call_is_not_made_again(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="half", delivery=Delivery(cut_after=0)), Reply(text="the second try"))
    await client.fails(script.prompt)
    assert len(await script.journal()) == 1, "the upstream was called again"
