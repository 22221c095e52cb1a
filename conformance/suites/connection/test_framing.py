"""Where a request ends: if gateway and provider see it differently, one client speaks in another's name."""

from conformance.api import Client, Reply, Upstream, check, dialled
from conformance.suites.connection.by_hand import CHUNKED, address, asked, call, head, in_chunks, named
from conformance.suites.connection.oddities import (
    assert_read_in_one_way,
    length,
    no_length,
    odd_chunks,
    tried,
    two_framings,
)

CONTINUE = 100
LENGTH_REQUIRED = 411
WORDS = ("one ", "two ", "three")


@check(
    "connection/smuggling/two-framings",
    requirement="framing-read-in-one-way",
    feature="retries",
    catches=("pipes-blindly", "prefers-length-to-chunks"),
    direct=False,
)
async def test_a_request_with_a_length_and_chunks_is_one_request_or_refused(client: Client, upstream: Upstream) -> None:
    assert_read_in_one_way(await tried(client, upstream, two_framings))


@check(
    "connection/smuggling/no-length",
    requirement="unreadable-length-refused",
    feature="retries",
    catches=("pipes-blindly", "mends-lengths"),
    direct=False,
)
async def test_a_request_whose_length_cannot_be_told_is_refused(client: Client, upstream: Upstream) -> None:
    trials = await tried(client, upstream, no_length)
    assert_read_in_one_way(trials)
    taken = [trial.name for trial in trials if not trial.refused]
    assert not taken, f"taken for a good request: {', '.join(taken)}"


@check(
    "connection/smuggling/chunks",
    requirement="framing-read-in-one-way",
    feature="retries",
    catches=("pipes-blindly",),
    direct=False,
)
async def test_chunks_that_are_none_make_no_second_request(client: Client, upstream: Upstream) -> None:
    assert_read_in_one_way(await tried(client, upstream, odd_chunks))


@check(
    "connection/smuggling/control-characters",
    requirement="no-control-characters-in-fields",
    feature="retries",
    catches=("pipes-blindly", "splits-lines-at-cr"),
    direct=False,
)
async def test_a_control_character_in_a_field_makes_no_field_of_its_own(client: Client, upstream: Upstream) -> None:
    for odd in ("a\rx-made: 1", "a\0b", "a\r\0x-made: 1"):
        script = await upstream.answers()
        async with dialled(client.door.url, client.tape) as wire:
            await wire.send(call(client, script.prompt, f"x-odd: {odd}"))
            await wire.answer()
        for received in await script.journal():
            assert received.legible, f"passed on as it was: {received.body[-300:]!r}"
            assert not received.values("x-made"), f"{odd!r} became a field of its own"
            assert all(not {"\r", "\0"} & set(value) for value in received.values("x-odd")), f"{odd!r} was passed on"


@check(
    "connection/smuggling/trailers",
    requirement="trailers-are-no-headers",
    feature="retries",
    catches=("merges-trailers",),
    direct=False,
)
async def test_fields_behind_the_body_do_not_become_headers(client: Client, upstream: Upstream) -> None:
    for field in ("x-trailing", "anthropic-beta", "authorization", "x-api-key", "content-length"):
        script = await upstream.answers()
        body = in_chunks(asked(client, script.prompt), f"{field}: 17\r\n".encode())
        async with dialled(client.door.url, client.tape) as wire:
            await wire.send(head(client, CHUNKED) + body)
            await wire.answer()
        for received in await script.journal():
            assert "17" not in received.values(field), f"the trailer {field} became a header"


@check(
    "connection/host",
    requirement="one-host",
    feature="retries",
    catches=("pipes-blindly",),
    direct=False,
)
async def test_a_request_names_one_host(client: Client, upstream: Upstream) -> None:
    host, *others = named(client)
    for what, names in (("no host", others), ("two hosts", [host, "Host: elsewhere.example", *others])):
        script = await upstream.answers()
        body = asked(client, script.prompt)
        async with dialled(client.door.url, client.tape) as wire:
            await wire.send(head(client, length(len(body)), names=names) + body)
            answer = await wire.answer()
        assert not await script.journal(), f"a request with {what} was passed on"
        assert answer is None or answer.refuses, f"a request with {what} was answered with {answer.status}"


@check(
    "connection/chunked-request",
    requirement="chunked-requests-read",
    feature="body",
    catches=("loses-chunked-bodies",),
)
async def test_a_request_may_come_in_chunks(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="got it"))
    body = asked(client, script.prompt)
    async with dialled(client.door.url, client.tape) as wire:
        await wire.send(head(client, CHUNKED))
        for piece in (b"%x;part=1\r\n" % len(body), body[:20], body[20:], b"\r\n0", b"\r\nx-checksum: 1\r\n\r\n"):
            await wire.send(piece)
        answer = await wire.answer()
    assert answer is not None, "the gateway hung up"
    if answer.status == LENGTH_REQUIRED:
        return
    assert b"got it" in answer.body, f"{answer.status}: {answer.body[:300]!r}"
    assert script.prompt.encode() in (await script.received()).body


@check(
    "connection/expect-continue", requirement="expect-continue-answered", feature="body", catches=("swallows-continue",)
)
async def test_a_client_that_asks_before_it_sends_its_body_is_answered(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="got it"))
    body = asked(client, script.prompt)
    async with dialled(client.door.url, client.tape) as wire:
        await wire.send(head(client, length(len(body)), "Expect: 100-continue"))
        told = await wire.answer(interim=True)
        assert told is not None, "the gateway hung up"
        if told.refuses:
            return
        assert told.status == CONTINUE, f"{told.status} before the body was sent"
        await wire.send(body)
        answer = await wire.answer()
    assert answer is not None, "the gateway hung up"
    assert b"got it" in answer.body, f"{answer.status}: {answer.body[:300]!r}"


@check(
    "connection/http-1-0",
    requirement="no-chunks-before-http-1-1",
    feature="streaming",
    catches=("forgets-the-old-version",),
)
async def test_a_client_of_http_1_0_gets_no_chunks(client: Client, upstream: Upstream) -> None:
    for streams in (False, True):
        script = await upstream.answers(Reply(text=WORDS))
        body = asked(client, script.prompt, stream=streams)
        async with dialled(client.door.url, client.tape) as wire:
            first = f"POST {address(client)} HTTP/1.0"
            await wire.send(head(client, length(len(body)), first=first) + body)
            answer = await wire.answer()
        assert answer is not None, "the gateway hung up"
        assert not answer.values("transfer-encoding"), "an answer in chunks, which HTTP/1.0 does not know"
        assert answer.refuses or WORDS[-1].encode() in answer.body, f"{answer.status}: {answer.body[:300]!r}"
