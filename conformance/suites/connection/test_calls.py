"""One call of the client is one call of the upstream, and does not wait for another's."""

import anyio

from conformance.api import MESSAGES, Client, Connect, Delivery, Http, Mode, ProviderError, Reply, Upstream, check


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
    requirement="no-hidden-retries",
    feature="retries",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("retries-errors",),
)
async def test_a_failed_call_is_not_made_again(client: Client, upstream: Upstream) -> None:
    for status in (429, 500, 503):
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
