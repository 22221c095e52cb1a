"""Tokens a minute: known when a call is over, and from then on."""

from __future__ import annotations

from conformance.api import CHAT, MESSAGES, Connect, Hooks, Mode, Reply, Upstream, Usage, check
from conformance.suites.limits.limited import TOO_MANY, counted, limited, refused, served

LIMIT = 100_000
MOSTLY_ANSWER = Usage(input=1_000, output=70_000)


@check(
    "limits/tokens/spent",
    requirement="tokens-count-when-used",
    feature="token-limits",
    surfaces=(CHAT, MESSAGES),
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    direct=False,
    catches=("charges-nothing", "charges-no-streams", "charges-the-question-only"),
)
async def test_who_has_used_the_minutes_tokens_has_to_wait(connect: Connect, upstream: Upstream, hooks: Hooks) -> None:
    script = await upstream.answers(Reply(text="much was said", usage=MOSTLY_ANSWER))
    client = connect(key=await limited(hooks, tokens_per_minute=LIMIT))
    ask = counted(client, script.prompt)
    await served(client, ask)
    await served(client, ask)
    failure = await refused(client, ask, f"after 142,000 tokens, where {LIMIT:,} a minute are allowed")
    assert failure.status == TOO_MANY, f"the SDK sees {failure}"
    assert len(await script.journal()) == 2, "a refused call reached the upstream"
