"""Token counts: the provider's own, whole or streamed."""

from conformance.api import CHAT, EVERY_MODE, Ask, Client, Reply, Upstream, Usage, check

PLAIN_USAGE = Usage(input=1234, output=567)
CACHED = Usage(input=9000, output=80, cache_read=7000, cache_write=1500)
REASONED = Usage(input=100, output=900, reasoning=800)


@check(
    "usage/tokens",
    requirement="usage-conserved",
    feature="usage",
    modes=EVERY_MODE,
    catches=("loses-usage", "counts-twice", "usage-only-when-whole"),
)
async def test_input_and_output_tokens_are_as_the_provider_counted(client: Client, upstream: Upstream) -> None:
    assert await _reported(client, upstream, PLAIN_USAGE) == PLAIN_USAGE


@check(
    "usage/cached",
    requirement="usage-conserved",
    feature="usage",
    modes=EVERY_MODE,
    catches=("loses-cached-usage",),
)
async def test_cached_tokens_are_told_apart(client: Client, upstream: Upstream) -> None:
    assert await _reported(client, upstream, CACHED) == CACHED


@check(
    "usage/reasoning",
    requirement="usage-conserved",
    feature="usage",
    modes=EVERY_MODE,
    catches=("loses-reasoning-usage",),
)
async def test_reasoning_tokens_are_told_apart(client: Client, upstream: Upstream) -> None:
    assert await _reported(client, upstream, REASONED) == REASONED


async def _reported(client: Client, upstream: Upstream, usage: Usage) -> Usage | None:
    script = await upstream.answers(Reply(text="Counted.", usage=usage))
    asked = client.surface == CHAT and client.mode.streams
    answer = await client.ask(Ask(script.prompt, fields={"stream_options": {"include_usage": True}} if asked else {}))
    return answer.usage
