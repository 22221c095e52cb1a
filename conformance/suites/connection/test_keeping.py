"""One connection, several calls: each gets its own answer."""

from conformance.api import CHAT, Client, ProviderError, Raw, Reply, Upstream, Wire, check, dialled
from conformance.suites.connection.by_hand import asked, call, head, models, named

PLAIN = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"


@check(
    "connection/keep-alive",
    requirement="connections-kept",
    feature="streaming",
    catches=("closes-each-connection", "closes-after-streams"),
)
async def test_a_connection_serves_one_call_after_the_other(client: Client, upstream: Upstream) -> None:
    async with dialled(client.door.url, client.tape) as wire:
        for number, streams in enumerate((False, True, False, True)):
            script = await upstream.answers(Reply(text=f"answer {number}"))
            await wire.send(call(client, script.prompt, stream=streams))
            answer = await wire.answer()
            assert answer is not None, f"the gateway hung up before call {number + 1}"
            assert f"answer {number}".encode() in answer.body, f"{answer.status}: {answer.body[:300]!r}"
            assert "close" not in answer.values("connection"), (
                f"the gateway closes the connection after call {number + 1}"
            )


@check(
    "connection/after-errors",
    requirement="answers-in-order",
    feature="errors",
    catches=("poisoned-by-errors", "pipes-blindly"),
)
async def test_after_an_error_the_connection_is_in_step_or_closed(client: Client, upstream: Upstream) -> None:
    # A refusal may come before the body is read: what is left of it must not be taken for the next call.
    good = await upstream.answers(Reply(text="my own answer"))
    failing = await upstream.answers(Reply(error=ProviderError(status=429)))
    body = asked(client, failing.prompt, padding="x" * 100_000)
    wrong = [line.replace(client.door.key, "sk-of-nobody-000000000") for line in named(client)]
    refused = head(client, f"Content-Length: {len(body)}", names=wrong) + body
    for broken in (call(client, failing.prompt), refused, head(client, "Content-Length: 2") + b"{]"):
        async with dialled(client.door.url, client.tape) as wire:
            await wire.send(broken)
            first = await wire.answer()
            assert first is None or first.refuses, f"answered with {first.status}"
            await wire.send(call(client, good.prompt))
            await _is_own(wire, b"my own answer")


async def _is_own(wire: Wire, text: bytes) -> None:
    answer = await wire.answer()
    assert answer is None or text in answer.body, f"not its own answer: {answer.status} {answer.body[:300]!r}"


@check(
    "connection/pipelined",
    requirement="answers-in-order",
    feature="retries",
    catches=("pipes-blindly",),
    direct=False,
)
async def test_calls_sent_at_once_are_answered_in_order(client: Client, upstream: Upstream) -> None:
    one, two = await upstream.answers(Reply(text="answer one")), await upstream.answers(Reply(text="answer two"))
    async with dialled(client.door.url, client.tape) as wire:
        await wire.send(call(client, one.prompt) + call(client, two.prompt))
        first = await wire.answer()
        assert first is not None, "the gateway hung up"
        assert b"answer one" in first.body, f"{first.status}: {first.body[:300]!r}"
        await _is_own(wire, b"answer two")


@check("connection/head", requirement="no-content-for-head", feature="models", catches=("answers-head-with-body",))
async def test_head_is_answered_without_a_body(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="my own answer"))
    first = head(client, first=f"HEAD {models(client)} HTTP/1.1")
    async with dialled(client.door.url, client.tape) as wire:
        await wire.send(first)
        answer = await wire.answer("HEAD")
        assert answer is not None, "the gateway hung up"
        await wire.send(call(client, script.prompt))
        await _is_own(wire, b"my own answer")


@check(
    "connection/upstream-closes",
    requirement="closed-connections-left-alone",
    feature="retries",
    surfaces=(CHAT,),  # once: another case's call may be the one that takes the closed connection
    catches=("keeps-dead-connections",),
)
async def test_a_connection_that_the_upstream_has_closed_fails_no_call(client: Client, upstream: Upstream) -> None:
    # Providers close idle connections without notice: the next call wants a new one.
    plain = await upstream.answers(Reply(text="first"))
    await client.ask(plain.prompt)
    body = (await plain.received()).sent
    closing = await upstream.answers(Reply(raw=Raw(PLAIN % (len(body), body))))
    assert (await client.ask(closing.prompt)).text == "first"
    after = await upstream.answers(Reply(text="second"))
    assert (await client.ask(after.prompt)).text == "second"
