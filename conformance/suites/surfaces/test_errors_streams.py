"""Errors after a stream has begun: the provider's own words and kinds."""

import json

from conformance.api import (
    MESSAGES,
    Client,
    Delivery,
    Failure,
    Mode,
    ProviderError,
    Reply,
    ServerSentEvent,
    Tape,
    Upstream,
    check,
    parse,
)

STREAMED = (Mode.ASYNC_STREAM,)
WORDING = 'the "backend" had to stop: «no capacity» {left}'
ANTHROPIC_KINDS = (
    ProviderError(status=500, message=WORDING),
    ProviderError(status=429, message=WORDING),
    ProviderError(status=400, message=WORDING, code="content_flagged_tomorrow"),
    ProviderError(status=500, message=WORDING, type="tempest_error"),
)
OPENAI_KINDS = (
    ProviderError(status=500, message=WORDING, code="server_error"),
    ProviderError(status=429, message=WORDING, code="rate_limit_exceeded"),
    ProviderError(status=400, message=WORDING, code="context_length_exceeded", param="input"),
    ProviderError(status=500, message=WORDING, code="storm_of_tomorrow"),
)


@check(
    "errors/mid-stream/wording",
    requirement="error-wording",
    feature="errors",
    modes=STREAMED,
    catches=("hides-stream-messages", "swallows-stream-errors"),
)
async def test_the_words_of_an_error_in_a_stream_arrive(client: Client, upstream: Upstream) -> None:
    for after in (0, 3):
        script = await upstream.answers(_broken(ProviderError(status=500, message=WORDING), after))
        failure = await client.fails(script.prompt)
        assert WORDING in _said(failure), f"after {after} events, the client was told {failure}"


@check(
    "errors/mid-stream/kinds",
    requirement="stream-error-unchanged",
    feature="errors",
    modes=STREAMED,
    catches=("retypes-stream-errors", "hides-stream-messages"),
)
async def test_each_kind_of_error_in_a_stream_is_unchanged(client: Client, upstream: Upstream, tape: Tape) -> None:
    for error in ANTHROPIC_KINDS if client.surface == MESSAGES else OPENAI_KINDS:
        script = await upstream.answers(_broken(error, after=3))
        await client.fails(script.prompt)
        sent, got = _last((await script.received()).sent), _last(tape.last.content)
        assert got == sent, f"the last event was {got}, in place of {sent}"


def _broken(error: ProviderError, after: int) -> Reply:
    return Reply(text=("It began ", "well, ", "but"), error=error, delivery=Delivery(error_after=after))


def _said(failure: Failure) -> str:
    """All that the client got to know, with the escapes of JSON undone."""
    known = [failure.message, failure.body, *failure.seen]
    return "\n".join(json.dumps(part, ensure_ascii=False).replace('\\"', '"') for part in known)


def _last(stream: bytes) -> ServerSentEvent:
    return parse(stream).without_done[-1]
