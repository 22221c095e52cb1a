"""Errors of one provider, in the envelope of another's client."""

from conformance.api import (
    CHAT,
    GEMINI,
    MESSAGES,
    Client,
    Delivery,
    ProviderError,
    Reply,
    Tape,
    Upstream,
    check,
    protocol_of,
)
from conformance.suites.translation.replies import BOTH, HUBS, WORDS


@check(
    "translation/errors/status",
    requirement="translated-errors",
    feature="errors",
    surfaces=HUBS,
    modes=BOTH,
    catches=("flattens-status", "errors-as-200"),
)
async def test_a_refusal_keeps_its_status(client: Client, upstream: Upstream) -> None:
    for status in (400, 404, 429, 500):
        script = await upstream.answers(Reply(error=ProviderError(status, "refused, by script")))
        failure = await client.fails(script.prompt)
        assert failure.status == status, f"{status} became {failure.status}"


@check(
    "translation/errors/words",
    requirement="translated-error-words",
    feature="errors",
    surfaces=HUBS,
    modes=BOTH,
    catches=("hides-the-message",),
)
async def test_the_words_of_an_error_arrive(client: Client, upstream: Upstream) -> None:
    error = ProviderError(400, "refused, by script")
    amid = Delivery(error_after=4) if client.mode.streams else Delivery()
    for reply in (Reply(error=error), Reply(text=WORDS, error=error, delivery=amid)):
        script = await upstream.answers(reply)
        failure = await client.fails(script.prompt)
        told = f"{failure.message} {failure.body} {failure.seen}"
        assert "refused, by script" in told, f"the client was told {failure.message!r}"


@check(
    "translation/errors/envelope",
    requirement="translated-error-envelope",
    feature="errors",
    surfaces=HUBS,
    catches=("foreign-envelope",),
)
async def test_an_error_comes_in_the_clients_own_envelope(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers(Reply(error=ProviderError(429, "too fast, by script")))
    await client.fails(script.prompt)
    body = tape.last.json
    assert isinstance(body.get("error"), dict), f"no error object in {body}"
    assert isinstance(body["error"].get("message"), str)
    if client.surface == MESSAGES:
        assert body.get("type") == "error"
        assert body["error"].get("type") == "rate_limit_error"
    elif client.surface == GEMINI:
        assert (body["error"].get("code"), body["error"].get("status")) == (429, "RESOURCE_EXHAUSTED")
    elif client.surface == CHAT:
        assert "code" in body["error"], f"no code in {body}"


@check(
    "translation/errors/retry-after",
    requirement="retry-after-kept",
    feature="errors",
    catches=("loses-retry-after",),
)
async def test_a_client_learns_when_to_come_back(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(error=ProviderError(429, retry_after="7")))
    told = (await client.fails(script.prompt)).header("retry-after")
    in_the_body = protocol_of(await script.received()) == GEMINI  # where no SDK looks
    assert told == "7" or (told is None and in_the_body), f"the client was told {told}"
