"""Claude on a cloud for clients of Anthropic's own API: betas that the cloud takes, pings that it does not send."""

from contextlib import suppress

import anyio

from conformance.api import (
    BEDROCK,
    MESSAGES,
    VERTEX,
    Ask,
    Client,
    Delivery,
    Http,
    Mode,
    Received,
    Reply,
    Upstream,
    check,
)

CLOUDS = (BEDROCK, VERTEX)
TAKEN, NEVER_SEEN = "interleaved-thinking-2025-05-14", "never-seen-2099-01-01"
LONGEST_SILENCE = 40.0
"""Seconds: a gateway that sends a ping every half a minute keeps every client waiting."""


@check(
    "translation/cloud/betas",
    requirement="cloud-betas-mapped",
    profile="translation",
    feature="betas",
    surfaces=(MESSAGES,),
    over=CLOUDS,
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("drops-beta",),
)
async def test_a_cloud_is_sent_the_betas_that_it_knows_and_no_others(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    answer = await client.ask(Ask(script.prompt, betas=(TAKEN, NEVER_SEEN)))
    assert answer.text == "ok"
    received = await script.received()
    betas = _betas(received)
    assert TAKEN in betas, f"{received.provider} knows {TAKEN}, and was not sent it"
    if received.provider in CLOUDS:
        assert NEVER_SEEN not in betas, f"{received.provider} refuses calls that name betas it does not know"


def _betas(received: Received) -> list[str]:
    said = [token.strip() for line in received.values("anthropic-beta") for token in line.split(",")]
    return [*said, *received.json.get("anthropic_beta", [])]


@check(
    "translation/cloud/pings",
    requirement="cloud-pings-made",
    profile="translation",
    feature="streaming",
    surfaces=(MESSAGES,),
    over=(BEDROCK,),
    modes=(Mode.HTTP,),
    catches=("drops-pings",),
)
async def test_a_client_hears_pings_while_the_cloud_is_silent(client: Client, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers(Reply(text=("One ", "two."), delivery=Delivery(gated=True, pings=True)))
    headers = [("x-api-key", client.door.key), ("anthropic-version", "2023-06-01")]
    body = client.body(script.prompt) | {"stream": True}
    async with http.open("POST", client.url(), headers=headers, body=body) as (exchange, chunks):
        with suppress(TimeoutError), anyio.fail_after(LONGEST_SILENCE):
            async for _ in chunks:
                if b"event: ping" in exchange.body:
                    break
        assert b"event: ping" in exchange.body, f"no ping within {LONGEST_SILENCE:.0f} s of silence"
