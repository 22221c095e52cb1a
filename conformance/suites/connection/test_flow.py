"""More than a connection holds: who does not read is waited for, and who has answered is listened to."""

import anyio

from conformance.api import (
    CHAT,
    MESSAGES,
    Client,
    Delivery,
    Http,
    ProviderError,
    Reply,
    Scripted,
    Spoken,
    Tape,
    Upstream,
    check,
    dialled,
)
from conformance.suites.connection.by_hand import call

MEGABYTE = 2**20
TWO = ("internationalisation " * 2**12, "responsibilities " * 2**12)  # a stream that says but one thing some would end
OFFERED = 72 * MEGABYTE
MOST = 64 * MEGABYTE
"""Twice what the socket of a gateway may hold where the system allows it much (32 MB): it took 34 on a busy machine."""

QUIET = 5
"""Calls through the gateway, one after the other, during which the provider sends nothing more."""

PATIENCE = 30.0
"""Seconds: there are gateways that are long about megabytes, which is not what is judged here."""

OK = 200
LARGE = "y" * 8 * MEGABYTE
WORDS = "the provider takes no more than it takes"


@check(
    "connection/back-pressure",
    requirement="unread-streams-wait",
    feature="streaming",
    surfaces=(CHAT, MESSAGES),
    catches=("hoards-what-nobody-reads",),
)
async def test_a_stream_that_its_client_does_not_read_is_not_read_from_the_provider(
    client: Client, upstream: Upstream
) -> None:
    script = await upstream.answers(Reply(text=TWO, repeats=OFFERED // sum(map(len, TWO))))
    reader = Http(Tape(), client.door.headers, unread=2**16)  # off the tape: megabytes of the same are no evidence
    body = client.body(script.prompt) | {"stream": True}
    async with reader.open("POST", client.url(stream=True), headers=_named(client), body=body) as (exchange, chunks):
        assert exchange.status == OK, f"{exchange.status} for a stream"
        taken = await _at_rest(client, upstream, script)
        assert taken < MOST, f"the client reads nothing, and the gateway took {taken // MEGABYTE} MB for it"
        looked_at = 0
        async for _ in chunks:
            if len(exchange.body) - looked_at > MEGABYTE:
                looked_at = len(exchange.body)
                if await script.progress() > taken:
                    break
        assert await script.progress() > taken, "nothing more was taken when the client read on"
    await reader.aclose()
    await script.forget()


def _named(client: Client) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {client.door.key}"), ("anthropic-version", "2023-06-01")]


async def _at_rest(client: Client, upstream: Upstream, script: Scripted) -> int:
    """How much has left the provider when nothing more does, though the gateway goes on serving others."""
    other = await upstream.answers()
    before, quiet = 0, 0
    async with dialled(client.door.url, Tape()) as wire:
        while quiet < QUIET and before < MOST:
            await wire.send(call(client, other.prompt))
            answer = await wire.answer(patience=PATIENCE)
            assert answer is not None, "while one client did not read, another was hung up on"
            now = await script.progress()
            quiet = quiet + 1 if now == before > 0 else 0
            before = now
    return before


@check(
    "connection/early-answer",
    requirement="early-answers-heard",
    feature="errors",
    surfaces=(CHAT, MESSAGES),
    catches=("talks-over-early-answers",),
)
async def test_an_answer_that_comes_before_the_request_has_ended_is_the_answer(
    client: Client, upstream: Upstream
) -> None:
    refusal = ProviderError(status=413, message=WORDS)
    plain = await upstream.answers(Reply(error=refusal))
    usual = await _while_sending(client, call(client, plain.prompt))
    assert usual is not None, "the gateway hung up on its client where a provider had refused"
    for early in ("reads-on", "reads-no-more"):
        script = await upstream.answers(Reply(error=refusal, delivery=Delivery(early=early)))
        answer = await _while_sending(client, call(client, f"{script.prompt} {LARGE}"))
        await script.release()
        if not await script.journal():
            return  # a gateway that takes less itself, which another check judges
        assert answer is not None, f"the gateway hung up on its client where a provider that {early} had answered"
        heard = f"of a provider that {early} the client heard {answer.status} {answer.body[:300]!r}"
        assert answer.status == usual.status, f"{heard}, where it hears {usual.status} otherwise"
        assert WORDS.encode() in answer.body or WORDS.encode() not in usual.body, heard
    after = await upstream.answers(Reply(text="my own answer"))
    assert (await client.ask(after.prompt)).text == "my own answer"


async def _while_sending(client: Client, data: bytes) -> Spoken | None:
    """The answer, as soon as it comes; off the tape, where eight megabytes of the same are no evidence."""
    async with dialled(client.door.url, Tape()) as wire, anyio.create_task_group() as sending:
        sending.start_soon(wire.send, data)
        answer = await wire.answer()
        sending.cancel_scope.cancel()
    return answer
