"""Errors as a client of Anthropic's reads them."""

from conformance.api import MESSAGES, MessagesClient, Mode, ProviderError, Reply, Tape, Upstream, check


@check(
    "messages/errors/rate-limit",
    requirement="rate-limit-is-anthropics",
    feature="errors",
    surfaces=(MESSAGES,),
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("foreign-envelope", "retypes-errors"),
)
async def test_a_rate_limit_is_one_of_anthropics_own(client: MessagesClient, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers(Reply(error=ProviderError(429, "slow down")))
    await client.fails(script.prompt)
    body = tape.last.json
    assert body.get("type") == "error", f"the body says type {body.get('type')!r}, not 'error'"
    assert body["error"]["type"] == "rate_limit_error", f"a rate limit has the type {body['error']['type']!r}"
    assert "slow down" in body["error"]["message"], f"the words became {body['error']['message']!r}"
