"""Clients that call at the same time."""

import anyio

from conformance.api import Client, Connect, Delivery, Mode, Reply, Upstream, check

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
    texts: dict[str, str] = {}

    async def hear(client: Client, prompt: str) -> None:
        texts[prompt] = (await client.ask(prompt)).text

    async with anyio.create_task_group() as calls:
        calls.start_soon(hear, connect(), mine.prompt)
        calls.start_soon(hear, connect(), yours.prompt)
        await mine.arrived()
        await yours.arrived()
        for _ in MINE:  # that each word comes in time is another check's business
            await mine.release()
            await yours.release()
    heard = (texts[mine.prompt], texts[yours.prompt])
    assert heard == ("".join(MINE), "".join(YOURS)), f"the two clients heard {heard}"
