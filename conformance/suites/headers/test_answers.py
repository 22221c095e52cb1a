"""Headers on their way to the client."""

from conformance.api import MESSAGES, Client, Mode, Reply, Tape, Upstream, check


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
    catches=("answers-own-headers-only",),
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
    catches=("answers-own-headers-only",),
)
async def test_headers_nobody_has_heard_of_reach_the_client(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers(Reply(text="ok", headers=(("x-conformance-answer", "kept"),)))
    await client.ask(script.prompt)
    assert tape.last.values("x-conformance-answer") == ["kept"]


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
