"""`anthropic-version`: the client's choice, request by request."""

from conformance.api import MESSAGES, Ask, MessagesClient, Upstream, check

ONLY = (MESSAGES,)
VERSIONS = ("2023-06-01", "2026-10-21")


@check(
    "headers/version/kept",
    requirement="forward-version-unchanged",
    feature="versions",
    surfaces=ONLY,
    catches=("pins-version", "pins-new-version"),
)
async def test_the_version_is_what_the_client_said_in_either_generation(
    client: MessagesClient, upstream: Upstream
) -> None:
    for version in VERSIONS:
        script = await upstream.answers()
        await client.ask(Ask(script.prompt, headers={"anthropic-version": version}))
        assert (await script.received()).values("anthropic-version") == [version]


@check(
    "headers/version/count-tokens",
    requirement="forward-version-unchanged",
    feature="count-tokens",
    surfaces=ONLY,
    catches=("version-pinned-on-count-tokens",),
)
async def test_the_version_is_what_the_client_said_when_counting_too(
    client: MessagesClient, upstream: Upstream
) -> None:
    for version in VERSIONS:
        script = await upstream.answers()
        await client.count_tokens(Ask(script.prompt, headers={"anthropic-version": version}))
        for received in await script.journal():  # none where the gateway counts by itself
            assert received.values("anthropic-version") == [version]
