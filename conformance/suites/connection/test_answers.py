"""What an upstream may say in HTTP, and what it must not: the client gets the right answer or a failure."""

from contextlib import suppress

from conformance.api import Client, ClientFailedError, Mode, Raw, Reply, Upstream, check

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
POISON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 6\r\n\r\npoison"


def length(body: bytes, more: int = 0) -> bytes:
    return b"Content-Length: %d\r\n" % (len(body) + more)


def chunk(body: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(body), extension, body)


async def said(client: Client, upstream: Upstream, text: str) -> bytes:
    """The body with which the provider says that, to this client."""
    script = await upstream.answers(Reply(text=text))
    await client.ask(script.prompt)
    return (await script.received()).sent


@check(
    "connection/answers/interim",
    requirement="interim-answers-read",
    feature="body",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("takes-interim-for-final",),
)
async def test_what_comes_before_the_answer_is_not_taken_for_it(client: Client, upstream: Upstream) -> None:
    body = await said(client, upstream, "the answer itself")
    kind = EVENTS if client.mode.streams else JSON
    for interim in (b"100 Continue\r\n", b"103 Early Hints\r\nLink: </a>; rel=preload\r\n"):
        raw = b"HTTP/1.1 " + interim + b"\r\n" + kind + length(body) + b"Connection: close\r\n\r\n" + body
        script = await upstream.answers(Reply(raw=Raw(raw)))
        assert (await client.ask(script.prompt)).text == "the answer itself"


@check(
    "connection/answers/forms",
    requirement="every-form-of-http-read",
    feature="body",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("goes-by-lengths-only",),
)
async def test_an_answer_is_read_in_every_form_that_http_has(client: Client, upstream: Upstream) -> None:
    body = await said(client, upstream, "the answer itself")
    kind = EVENTS if client.mode.streams else JSON
    half = len(body) // 2
    for raw in (
        kind.replace(b" OK", b" ") + length(body) + b"\r\n" + body,
        kind.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n" + body,
        kind + b"Connection: close\r\n\r\n" + body,
        kind.replace(b": ", b":\t") + length(body) + b"\r\n" + body,
        kind + CHUNKED + b"\r\n" + chunk(body[:half], b";part=1") + chunk(body[half:]) + b"000;last\r\n\r\n",
        kind + CHUNKED + b"Trailer: x-sum\r\n\r\n" + chunk(body) + b"0\r\nx-sum: 1\r\nx-cost: 2\r\n\r\n",
    ):
        # Closing without notice, where the end is known, would fail whoever takes the connection next: other cases.
        ends_by_closing = b"Content-Length" not in raw and CHUNKED not in raw
        script = await upstream.answers(Reply(raw=Raw(raw, keeps=not ends_by_closing)))
        answer = await client.ask(script.prompt)
        assert answer.text == "the answer itself", f"{raw[:80]!r}: {answer.text}"


@check(
    "connection/answers/short",
    requirement="short-answers-are-errors",
    feature="cut",
    catches=("cut-becomes-success",),
)
async def test_an_answer_that_ends_before_its_length_is_an_error(client: Client, upstream: Upstream) -> None:
    # The connection ends cleanly: only the length, or the chunk that is missing, shows that there should be more.
    body = await said(client, upstream, "the answer itself")
    for raw in (
        JSON + length(body, 40) + b"\r\n" + body,
        JSON + CHUNKED + b"\r\n" + chunk(body),
        JSON + CHUNKED + b"\r\n" + b"%x\r\n" % (len(body) + 40) + body,
        JSON + CHUNKED + b"\r\n" + chunk(body) + b"zz\r\n\r\n",
    ):
        script = await upstream.answers(Reply(raw=Raw(raw)))
        await client.fails(script.prompt)


@check(
    "connection/answers/poison",
    requirement="bytes-behind-an-answer-are-none",
    feature="cut",
    catches=("pipes-blindly",),
    direct=False,
)
async def test_bytes_behind_an_answer_are_nobodys_answer(client: Client, upstream: Upstream) -> None:
    body = await said(client, upstream, "the answer itself")
    for raw in (
        JSON + length(body) + b"\r\n" + body + POISON,
        JSON + length(body, -10) + b"\r\n" + body + POISON,
        JSON + CHUNKED + b"\r\n" + chunk(body) + b"0\r\n\r\n" + POISON,
        JSON + CHUNKED + length(body) + b"\r\n" + chunk(body) + b"0\r\n\r\n" + POISON,
        b"HTTP/1.1 204 No Content\r\n\r\n" + POISON,
        b"HTTP/1.1 304 Not Modified\r\n" + length(POISON) + b"\r\n" + POISON,
    ):
        script = await upstream.answers(Reply(raw=Raw(raw, keeps=True)))
        with suppress(ClientFailedError):
            assert (await client.ask(script.prompt)).text == "the answer itself"
        after = await upstream.answers(Reply(text="mine"))
        assert (await client.ask(after.prompt)).text == "mine", "the next call got what was left of another's answer"
