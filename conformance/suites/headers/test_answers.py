"""Headers on their way to the client."""

from uuid import uuid4

from conformance.api import (
    MESSAGES,
    Ask,
    Client,
    Delivery,
    MessagesClient,
    Mode,
    ProviderError,
    Reply,
    Tape,
    Upstream,
    check,
)

BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
TEXT = "As long as it is written down, it can be pressed. " * 20


def unheard_of(client: Client) -> dict[str, str]:
    """Headers that only this provider has a meaning for: one of its own family, one of a vendor's, one of anybody's."""
    family, name = "anthropic" if client.surface == MESSAGES else "openai", uuid4().hex[:8]
    return {f"{family}-{name}": "of the provider", f"acme-{name}": "of a vendor", f"x-{name}": "of anybody"}


@check(
    "headers/request-id",
    requirement="request-id-kept",
    feature="request-ids",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("loses-request-id",),
)
async def test_the_client_learns_the_request_id_of_the_provider(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    name = "request-id" if client.surface == MESSAGES else "x-request-id"
    assert tape.last.values(name) == (await script.received()).sent_values(name)


@check(
    "headers/rate-limits",
    requirement="rate-limit-headers-kept",
    feature="custom-headers",
    modes=BOTH,
    catches=("answers-own-headers-only", "own-headers-only-in-streams"),
)
async def test_the_client_sees_its_rate_limits(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    sent = [name for name, _ in (await script.received()).sent_headers if "ratelimit" in name.lower()]
    assert sent
    lost = [name for name in sent if not tape.last.values(name)]
    assert not lost, f"lost: {', '.join(lost)}"


@check(
    "headers/answer-custom",
    requirement="answer-headers-pass",
    feature="custom-headers",
    modes=BOTH,
    catches=("answers-own-headers-only", "own-headers-only-in-streams"),
)
async def test_headers_nobody_has_heard_of_reach_the_client(client: Client, upstream: Upstream, tape: Tape) -> None:
    told = unheard_of(client)
    script = await upstream.answers(Reply(text="ok", headers=tuple(told.items())))
    await client.ask(script.prompt)
    lost = [name for name, value in told.items() if tape.last.values(name) != [value]]
    assert not lost, f"lost: {', '.join(lost)}"


@check(
    "headers/answer-custom/errors",
    requirement="answer-headers-pass",
    feature="custom-headers",
    modes=BOTH,
    catches=("own-headers-only-on-errors",),
)
async def test_headers_nobody_has_heard_of_come_with_errors_too(client: Client, upstream: Upstream, tape: Tape) -> None:
    told = unheard_of(client)
    script = await upstream.answers(Reply(error=ProviderError(status=400, headers=tuple(told.items()))))
    await client.fails(script.prompt)
    lost = [name for name, value in told.items() if tape.last.values(name) != [value]]
    assert not lost, f"lost: {', '.join(lost)}"


@check(
    "headers/answer-custom/count-tokens",
    requirement="answer-headers-pass",
    feature="count-tokens",
    surfaces=(MESSAGES,),
    catches=("own-headers-only-on-counts",),
)
async def test_headers_of_the_provider_come_with_a_count_too(
    client: MessagesClient, upstream: Upstream, tape: Tape
) -> None:
    told = unheard_of(client)
    script = await upstream.answers(Reply(headers=tuple(told.items())))
    await client.count_tokens(Ask(script.prompt))
    sent = (await script.received()).sent_headers
    wanted = [name for name, _ in sent if name in told or name == "request-id"]
    lost = [name for name in wanted if not tape.last.values(name)]
    assert not lost, f"lost: {', '.join(lost)}"


@check(
    "headers/answer-lines",
    requirement="header-lines-are-one-list",
    feature="custom-headers",
    catches=("last-answer-line-only",),
)
async def test_several_lines_of_one_answer_header_stay_one_list(client: Client, upstream: Upstream, tape: Tape) -> None:
    name = f"x-{uuid4().hex[:8]}"
    script = await upstream.answers(Reply(text="ok", headers=tuple((name, word) for word in ("one", "two", "three"))))
    await client.ask(script.prompt)
    found = [word.strip() for line in tape.last.values(name) for word in line.split(",")]
    assert found in ([], ["one", "two", "three"]), f"of three lines of {name} came {found}"


@check(
    "headers/coding",
    requirement="coding-matches-body",
    feature="body",
    catches=("forgets-the-coding",),
)
async def test_a_compressed_answer_can_be_read(client: Client, upstream: Upstream) -> None:
    for encoding in ("gzip", "br"):
        script = await upstream.answers(Reply(text=TEXT, delivery=Delivery(encoding=encoding)))
        answer = await client.ask(script.prompt)
        assert answer.text == TEXT, f"in {encoding}: {answer.text[:60]!r}"


@check(
    "headers/answer-hop-by-hop",
    requirement="hop-by-hop-ends-here",
    feature="hop-by-hop",
    direct=False,
    catches=("forwards-hop-by-hop",),
)
async def test_what_connection_names_in_an_answer_ends_at_the_gateway(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    headers = (("connection", "keep-alive, x-conformance-hop"), ("x-conformance-hop", "1"))
    script = await upstream.answers(Reply(text="ok", headers=headers))
    await client.ask(script.prompt)
    assert tape.last.values("x-conformance-hop") == []


@check(
    "headers/answer-cookies",
    requirement="cookies-stop-at-the-gateway",
    feature="isolation",
    direct=False,
    catches=("forwards-cookies",),
)
async def test_cookies_of_the_provider_stay_with_the_gateway(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers(Reply(text="ok", headers=(("set-cookie", "__cf_bm=of-the-provider"),)))
    await client.ask(script.prompt)
    assert not tape.last.values("set-cookie"), "the client received the provider's cookie"
