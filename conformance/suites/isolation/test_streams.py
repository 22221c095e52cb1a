"""Clients that call at the same time."""

from conformance.api import Connect, Delivery, Mode, Reply, Upstream, check

MINE = ("mine-1 ", "mine-2 ", "mine-3 ", "mine-4 ")
YOURS = ("yours-1 ", "yours-2 ", "yours-3 ", "yours-4 ")


@check(
    "isolation/interleaved-streams",
    requirement="clients-never-mix",
    feature="isolation",
    modes=(Mode.ASYNC_STREAM,),
    catches=("crosses-streams",),
)
async def test_interleaved_streams_never_mix(connect: Connect, upstream: Upstream) -> None:
    gated = Delivery(gated=True)
    mine, yours = (
        await upstream.answers(Reply(text=MINE, delivery=gated)),
        await upstream.answers(Reply(text=YOURS, delivery=gated)),
    )
    async with connect().stream(mine.prompt) as my_stream, connect().stream(yours.prompt) as your_stream:
        for my_word, your_word in zip(MINE, YOURS, strict=True):
            assert await my_stream.next_text() == my_word
            assert await your_stream.next_text() == your_word
            await mine.release()
            await yours.release()
