"""One call of the client is one call of the upstream, and does not wait for another's."""

import gzip
import re

import anyio

from conformance.api import (
    CHAT,
    MESSAGES,
    Ask,
    Client,
    Connect,
    Delivery,
    Http,
    Mode,
    ProviderError,
    Raw,
    Reply,
    Tape,
    Upstream,
    check,
    dialled,
)
from conformance.suites.connection.by_hand import asked, head
from conformance.suites.connection.trap import trap

FAILING = (408, 409, 429, 500, 502, 503, 504, 529)
REDIRECTS = (301, 302, 303, 307, 308)
UNSUPPORTED = 415
GZIP = b"\x1f\x8b"
TOGETHER = 200
PATIENCE = 20.0
"""Seconds: a slow gateway on a busy machine takes its time over two hundred calls."""

PIECE = re.compile(r"\[\d+[abc]\]")


@check(
    "connection/once",
    requirement="no-hidden-retries",
    feature="retries",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("calls-twice",),
)
async def test_a_call_is_made_once(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    assert len(await script.journal()) == 1, "the upstream was called more than once for one call"


@check(
    "connection/no-duplicates",
    requirement="refusals-are-not-retried",
    feature="retries",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("retries-errors",),
)
async def test_a_failed_call_is_not_made_again(client: Client, upstream: Upstream) -> None:
    for status in FAILING:
        script = await upstream.answers(Reply(error=ProviderError(status=status)), Reply(text="the second try"))
        await client.fails(script.prompt)
        assert len(await script.journal()) == 1, f"the upstream was called again after {status}"


@check(
    "connection/client-retries",
    requirement="client-retries-work",
    feature="retries",
    catches=("poisoned-by-errors",),
)
async def test_a_retry_by_the_sdk_gets_through(connect: Connect, upstream: Upstream) -> None:
    error = ProviderError(status=429, headers=(("retry-after-ms", "1"),))
    script = await upstream.answers(Reply(error=error), Reply(text="the second try"))
    answer = await connect(retries=1).ask(script.prompt)
    assert answer.text == "the second try"
    assert len(await script.journal()) == 2


@check(
    "connection/client-retries/counted",
    requirement="retries-tell-themselves",
    feature="retries",
    catches=("pins-retry-count", "retries-errors"),
)
async def test_the_sdk_retries_as_it_does_without_a_gateway(connect: Connect, upstream: Upstream) -> None:
    refused = Reply(error=ProviderError(status=503, headers=(("retry-after-ms", "1"),)))
    script = await upstream.answers(refused, refused, Reply(text="the third try"))
    key = f"idempotent-{script.token}"
    answer = await connect(retries=2).ask(Ask(script.prompt, headers={"x-call-key": key}))
    assert answer.text == "the third try"
    calls = await script.journal()
    assert [call.values("x-stainless-retry-count") for call in calls] == [["0"], ["1"], ["2"]]
    assert [call.values("x-call-key") for call in calls] == [[key]] * 3


@check(
    "connection/cut/before-answer",
    requirement="no-hidden-retries",
    feature="retries",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("retries-cuts",),
)
async def test_a_call_without_an_answer_is_not_made_again(client: Client, upstream: Upstream) -> None:
    # The provider may have done the work before its connection broke.
    for said in (b"", b"HTTP/1.1 200 OK\r\ncontent-le"):
        script = await upstream.answers(Reply(raw=Raw(said)), Reply(text="the second try"))
        await client.fails(script.prompt)
        assert len(await script.journal()) <= 1, f"the upstream was called again after {said!r}"


@check(
    "connection/redirects/elsewhere",
    requirement="redirects-not-followed",
    feature="retries",
    catches=("follows-redirects", "follows-redirects-elsewhere"),
    direct=False,
    lanes=False,  # left to themselves the SDKs follow redirects
)
async def test_no_redirect_is_followed_to_any_place(client: Client, upstream: Upstream) -> None:
    lured = await upstream.answers()
    async with trap() as (port, heard):
        here, there = f"/openai/v1/{lured.token}", f"//127.0.0.1:{port}/v1/take-the-key"
        places = [(status, place) for status in REDIRECTS for place in (here, f"http:{there}")]
        for status, place in (*places, (307, there), (307, f"http://key:word@127.0.0.1:{port}/")):
            error = ProviderError(status=status, headers=(("location", place),))
            script = await upstream.answers(Reply(error=error))
            await client.fails(script.prompt)
            assert len(await script.journal()) == 1, f"the call was repeated after {status}"
            assert not heard, f"{status} to another host was followed: {heard[0][:200]!r}"
    assert not await lured.journal(), "a redirect to another path was followed"


@check(
    "connection/redirects",
    requirement="redirects-not-followed",
    feature="retries",
    modes=(Mode.HTTP,),
    catches=("follows-redirects",),
)
async def test_a_redirect_is_not_followed_with_the_key_of_the_provider(
    client: Client, upstream: Upstream, http: Http
) -> None:
    elsewhere = ProviderError(status=307, headers=(("location", "/elsewhere/v1/take-the-key"),))
    script = await upstream.answers(Reply(error=elsewhere))
    headers = [("authorization", f"Bearer {client.door.key}")]
    headers += [("anthropic-version", "2023-06-01")] if client.surface == MESSAGES else []
    await http.send("POST", client.door.url + client.path, headers=headers, body=client.body(script.prompt))
    assert len(await script.journal()) == 1, "the gateway followed the redirect"


@check(
    "connection/concurrent",
    requirement="calls-do-not-wait-for-each-other",
    feature="streaming",
    catches=("one-at-a-time",),
)
async def test_a_call_does_not_wait_for_another(connect: Connect, upstream: Upstream) -> None:
    slow = await upstream.answers(Reply(text="slow", delivery=Delivery(hold_headers=True)))
    quick = await upstream.answers(Reply(text="quick"))
    async with anyio.create_task_group() as calls:
        calls.start_soon(connect().ask, slow.prompt)
        await slow.arrived()
        answer = await connect().ask(quick.prompt)
        await slow.release()
    assert answer.text == "quick"


@check(
    "connection/interleaved",
    requirement="many-streams-side-by-side",
    feature="streaming",
    surfaces=(CHAT,),
    catches=("serves-a-hundred", "crosses-streams"),
    direct=False,
)
async def test_two_hundred_streams_at_once_bring_each_its_own_text(client: Client, upstream: Upstream) -> None:
    # All are open before any goes on; the nth call to arrive gets the nth reply, which the journal tells apart.
    replies = [
        Reply(text=(f"[{n}a]", f"[{n}b]", f"[{n}c]"), delivery=Delivery(gated=True)) for n in range(1, TOGETHER + 1)
    ]
    script = await upstream.answers(*replies)
    texts: dict[int, list[str]] = {}
    async with anyio.create_task_group() as calls:
        for caller in range(TOGETHER):
            calls.start_soon(_streamed, client, script.prompt, caller, texts)
        open_now = await upstream.journal(script.token, count=TOGETHER, patience=PATIENCE)
        assert len(open_now) == TOGETHER, f"{len(open_now)} of {TOGETHER} streams are open at once"
        await script.release(3 * TOGETHER)
    for call in await script.journal():
        caller = int(call.body.partition(b"caller ")[2].split(b".")[0])
        expected = [f"[{call.number}{part}]" for part in "abc"]
        assert texts[caller] == expected, f"caller {caller} of {TOGETHER} got {texts[caller][:9]}, not {expected}"


async def _streamed(client: Client, prompt: str, caller: int, texts: dict[int, list[str]]) -> None:
    """Off the tape: two hundred answers more would be no better evidence, and take long to write down."""
    body = asked(client, f"{prompt} caller {caller}.", stream=True)
    async with dialled(client.door.url, Tape()) as wire:
        await wire.send(head(client, f"Content-Length: {len(body)}") + body)
        answer = await wire.answer(patience=PATIENCE)
    assert answer is not None, "the gateway hung up"
    assert not answer.refuses, f"{answer.status}: {answer.body[:300]!r}"
    texts[caller] = list(dict.fromkeys(PIECE.findall(answer.body.decode())))


@check(
    "connection/coded-request",
    requirement="coded-requests-taken-or-refused",
    feature="body",
    catches=("refuses-coded-requests", "decodes-requests-only"),
)
async def test_a_compressed_request_is_read_or_refused_as_such(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="got it"))
    body = gzip.compress(asked(client, script.prompt))
    async with dialled(client.door.url, client.tape) as wire:
        await wire.send(head(client, f"Content-Length: {len(body)}", "Content-Encoding: gzip") + body)
        answer = await wire.answer()
    assert answer is not None, "the gateway hung up"
    if answer.status == UNSUPPORTED:
        return
    assert b"got it" in answer.body, f"{answer.status}: {answer.body[:300]!r}"
    received = await script.received()
    coded, squeezed = bool(received.values("content-encoding")), received.body.startswith(GZIP)
    assert coded == squeezed, (
        f"the header says {'gzip' if coded else 'plain'}, the body {received.body[:40]!r} does not"
    )
    assert script.prompt.encode() in (gzip.decompress(received.body) if squeezed else received.body)
