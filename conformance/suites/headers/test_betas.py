"""`anthropic-beta`: an open list that only the provider may judge."""

from uuid import uuid4

from conformance.api import MESSAGES, Ask, Http, MessagesClient, Mode, Received, Upstream, check

ONLY = (MESSAGES,)
PUBLISHED = (
    "interleaved-thinking-2025-05-14",
    "context-management-2025-06-27",
    "fine-grained-tool-streaming-2025-05-14",
)


def never_seen_betas(count: int) -> tuple[str, ...]:
    return tuple(f"conformance-{uuid4().hex[:8]}-2099-01-01" for _ in range(count))


def assert_arrived(betas: tuple[str, ...], received: Received) -> None:
    """All of them; a gateway may have betas of its own to add."""
    arrived = received.tokens("anthropic-beta")
    lost = [beta for beta in betas if beta not in arrived]
    assert not lost, f"of the betas {', '.join(betas)} the upstream received {', '.join(arrived) or 'none'}"


@check(
    "headers/beta/known",
    requirement="forward-beta-verbatim",
    feature="betas",
    surfaces=ONLY,
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("drops-beta", "first-beta-only"),
)
async def test_published_betas_reach_the_provider(client: MessagesClient, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, betas=PUBLISHED))
    assert_arrived(PUBLISHED, await script.received())


@check(
    "headers/beta/never-seen",
    requirement="forward-beta-verbatim",
    feature="betas",
    surfaces=ONLY,
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("known-betas-only", "drops-beta"),
)
async def test_betas_nobody_has_heard_of_reach_the_provider(client: MessagesClient, upstream: Upstream) -> None:
    betas = never_seen_betas(3)
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, betas=betas))
    assert_arrived(betas, await script.received())


@check(
    "headers/beta/order",
    requirement="forward-beta-in-order",
    feature="betas",
    surfaces=ONLY,
    catches=("sorts-betas",),
)
async def test_betas_keep_their_order_and_nothing_joins_them(client: MessagesClient, upstream: Upstream) -> None:
    betas = tuple(f"{letter}-conformance-2099-01-01" for letter in "zamb")
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, betas=betas))
    assert tuple((await script.received()).tokens("anthropic-beta")) == betas


@check(
    "headers/beta/several-lines",
    requirement="header-lines-are-one-list",
    feature="betas",
    surfaces=ONLY,
    modes=(Mode.HTTP,),
    catches=("merges-no-repeats",),
)
async def test_betas_on_several_header_lines_all_reach_the_provider(
    client: MessagesClient, upstream: Upstream, http: Http
) -> None:
    betas = never_seen_betas(2)
    script = await upstream.answers()
    headers = [
        ("authorization", f"Bearer {client.door.key}"),
        ("anthropic-version", "2023-06-01"),
        *(("anthropic-beta", beta) for beta in betas),
    ]
    await http.send("POST", client.door.url + client.path, headers=headers, body=client.body(script.prompt))
    assert_arrived(betas, await script.received())


@check(
    "headers/beta/count-tokens",
    requirement="forward-beta-verbatim",
    feature="count-tokens",
    surfaces=ONLY,
    catches=("no-beta-on-count-tokens", "known-betas-only"),
)
async def test_betas_reach_the_provider_when_counting_too(client: MessagesClient, upstream: Upstream) -> None:
    betas = never_seen_betas(2)
    script = await upstream.answers()
    await client.count_tokens(Ask(script.prompt, betas=betas))
    for received in await script.journal():  # none where the gateway counts by itself
        assert_arrived(betas, received)
