"""A provider that says nothing for a while."""

import anyio

from conformance.api import (
    CHAT,
    Client,
    ClientFailedError,
    Connect,
    Delivery,
    Mode,
    ProviderError,
    Reply,
    Upstream,
    check,
)

SILENCE = 1.25
"""Seconds, and the only ones of all suites that pass unused: what a gateway does when it hears nothing takes time."""

WORDS = ("after ", "a ", "while")
REFUSED = ProviderError(status=429, message="too many at once")
HELD = Delivery(hold_headers=True)
WAITED_FOR = {
    "a whole answer": (Mode.ASYNC, Reply(text=WORDS, delivery=HELD)),
    "the beginning of a stream": (Mode.ASYNC_STREAM, Reply(text=WORDS, delivery=HELD)),
    "the rest of a stream": (Mode.ASYNC_STREAM, Reply(text=WORDS, delivery=Delivery(gated=True))),
    "a refusal": (Mode.ASYNC, Reply(error=REFUSED, delivery=HELD)),
    "the refusal of a stream": (Mode.ASYNC_STREAM, Reply(error=REFUSED, delivery=HELD)),
}


@check(
    "connection/silence",
    requirement="silence-is-waited-out",
    feature="streaming",
    surfaces=(CHAT,),  # once, for what it costs
    catches=("gives-up-after-a-second", "promises-success-after-a-second"),
    lanes=False,
)
async def test_a_provider_that_is_silent_for_a_while_is_waited_for(connect: Connect, upstream: Upstream) -> None:
    plain = await upstream.answers(Reply(error=REFUSED))
    refused = {mode: await _heard(connect(mode=mode), plain.prompt) for mode in (Mode.ASYNC, Mode.ASYNC_STREAM)}
    scripts = {what: await upstream.answers(reply) for what, (_, reply) in WAITED_FOR.items()}
    heard: dict[str, str] = {}

    async def ask(what: str, mode: Mode) -> None:
        heard[what] = await _heard(connect(mode=mode), scripts[what].prompt)

    async with anyio.create_task_group() as calls:
        for what, (mode, _) in WAITED_FOR.items():
            calls.start_soon(ask, what, mode)
            await scripts[what].arrived()
        await anyio.sleep(SILENCE)
        for script in scripts.values():
            await script.release(len(WORDS))
    for what, (mode, reply) in WAITED_FOR.items():
        expected = refused[mode] if reply.error else "".join(WORDS)
        assert heard[what] == expected, f"{what} came after {SILENCE} s, and the client heard {heard[what]}"


async def _heard(client: Client, prompt: str) -> str:
    """What the client makes of an answer: its text, or how it failed."""
    try:
        return (await client.ask(prompt)).text
    except ClientFailedError as error:
        return f"{error.failure.kind} {error.failure.status}"
