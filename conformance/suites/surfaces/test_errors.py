"""The provider's errors: their status, envelope, wording and headers, and life after them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from conformance.api import (
    MESSAGES,
    Client,
    Delivery,
    Mode,
    ProviderError,
    Reply,
    Surface,
    Tape,
    Upstream,
    assert_kept,
    assert_unchanged,
    check,
    parse,
)

BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
OF_OPENAI = (400, 401, 403, 404, 409, 422, 429, 500, 503)
STATUSES = {
    Surface.ANTHROPIC_MESSAGES: (400, 401, 402, 403, 404, 409, 413, 429, 500, 504, 529),
    Surface.OPENAI_CHAT: OF_OPENAI,
    Surface.OPENAI_RESPONSES: OF_OPENAI,
}
"""What each provider documents."""

UNHEARD_OF = (402, 408, 413, 418, 424, 451, 502, 504, 520, 529)
REFUSED_KEY, SERVERS = 401, 500
"""The key that the provider refuses is the gateway's: to call that its own failure is fair to the client."""

_BRANCHED_ON = ("type", "code", "param")
WORDING = "prompt is too long: 213462 tokens > 200000 maximum"
A_MINUTE = 60
TOO_MANY = ProviderError(status=429, message="slow down", retry_after="7")


@check(
    "errors/status",
    requirement="error-status-unchanged",
    feature="errors",
    modes=BOTH,
    catches=("flattens-status", "413-becomes-400", "529-becomes-500", "errors-as-200"),
)
async def test_each_status_is_kept_and_raises_the_same_exception(
    client: Client, control: Client, upstream: Upstream
) -> None:
    await _assert_kept(client, control, upstream, STATUSES[client.surface])


@check(
    "errors/status/unheard-of",
    requirement="any-error-status-unchanged",
    feature="errors",
    catches=("knows-few-statuses", "529-becomes-500"),
)
async def test_a_status_that_the_provider_has_never_used_is_kept(
    client: Client, control: Client, upstream: Upstream
) -> None:
    others = [status for status in UNHEARD_OF if status not in STATUSES[client.surface]]
    await _assert_kept(client, control, upstream, others)


async def _assert_kept(client: Client, control: Client, upstream: Upstream, statuses: Iterable[int]) -> None:
    found = []
    for status in statuses:
        script = await upstream.answers(Reply(error=ProviderError(status=status)))
        expected, got = await control.fails(script.prompt), await client.fails(script.prompt)
        own = expected.status == REFUSED_KEY and (got.status or 0) >= SERVERS
        if not own and (got.status, got.kind) != (expected.status, expected.kind):
            found.append(f"{expected.status} {expected.kind} became {got.status} {got.kind}")
    assert not found, "; ".join(found)


@check(
    "errors/envelope",
    requirement="error-envelope",
    feature="errors",
    catches=("foreign-envelope", "retypes-errors"),
)
async def test_an_error_keeps_its_envelope(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers(Reply(error=ProviderError(status=429, message="slow down")))
    await client.fails(script.prompt)
    sent = _envelope((await script.received()).sent_json)
    assert_kept(_envelope(tape.last.json), sent, where="the error's envelope", aside=("request_id",))


@check(
    "errors/wording",
    requirement="error-wording",
    feature="errors",
    modes=BOTH,
    catches=("hides-the-message",),
)
async def test_an_error_keeps_its_words(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(error=ProviderError(status=400, message=WORDING)))
    failure = await client.fails(script.prompt)
    assert WORDING in f"{failure.message} {failure.body}", f"the client was told {failure.message!r}"


@check(
    "errors/body-unchanged",
    requirement="error-body-unchanged",
    feature="errors",
    catches=("rewords-errors", "foreign-envelope"),
)
async def test_the_body_of_an_error_is_unchanged(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers(Reply(error=ProviderError(status=400, message=WORDING, param="messages")))
    await client.fails(script.prompt)
    assert_unchanged(tape.last.json, (await script.received()).sent_json, where="the error's body")


@check(
    "errors/retry-after",
    requirement="retry-after-kept",
    feature="errors",
    modes=BOTH,
    catches=("loses-retry-after", "renames-retry-after", "rounds-retry-after"),
)
async def test_a_client_learns_when_to_come_back(client: Client, upstream: Upstream) -> None:
    for form in ("7", "0", "86400", "Wed, 21 Oct 2099 07:28:00 GMT"):
        script = await upstream.answers(Reply(error=ProviderError(status=429, retry_after=form)))
        failure = await client.fails(script.prompt)
        found = failure.header("retry-after")
        assert found == form or _means(found, form), f"retry-after {form} became {found}"


@check(
    "errors/retry-after/any-status",
    requirement="retry-after-kept",
    feature="errors",
    catches=("retry-after-only-on-429",),
)
async def test_a_client_learns_when_to_come_back_whatever_happened(client: Client, upstream: Upstream) -> None:
    for status in (429, 503, *((529,) if client.surface == MESSAGES else ())):
        script = await upstream.answers(Reply(error=ProviderError(status=status, retry_after="7")))
        failure = await client.fails(script.prompt)
        assert failure.header("retry-after") == "7", (
            f"on {status}, retry-after 7 became {failure.header('retry-after')}"
        )


@check(
    "errors/retry-hints",
    requirement="retry-hints-kept",
    feature="errors",
    catches=("loses-retry-hints",),
)
async def test_the_hints_of_the_provider_to_its_sdk_arrive(client: Client, upstream: Upstream) -> None:
    hints = (("x-should-retry", "false"), ("retry-after-ms", "1500"), ("retry-after", "1.5"))
    script = await upstream.answers(Reply(error=ProviderError(status=429, headers=hints)))
    failure = await client.fails(script.prompt)
    assert [(name, failure.header(name)) for name, _ in hints] == list(hints)


@check(
    "errors/rate-limits",
    requirement="rate-limit-headers-kept",
    feature="errors",
    catches=("loses-rate-limits", "answers-own-headers-only"),
)
async def test_rate_limit_headers_come_with_the_refusal(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers(Reply(error=TOO_MANY))
    await client.fails(script.prompt)
    sent = [name for name, _ in (await script.received()).sent_headers if "ratelimit" in name.lower()]
    assert sent
    lost = [name for name in sent if not tape.last.values(name)]
    assert not lost, f"lost: {', '.join(lost)}"


@check(
    "errors/rate-limits/unheard-of",
    requirement="rate-limit-headers-kept",
    feature="errors",
    catches=("knows-few-rate-limits", "loses-rate-limits"),
)
async def test_rate_limit_headers_nobody_has_heard_of_come_too(client: Client, upstream: Upstream) -> None:
    family = "anthropic-ratelimit" if client.surface == MESSAGES else "x-ratelimit"
    limits = {
        f"{family}-unified-status": "rejected",
        f"{family}-unified-reset": "4070908800",
        f"{family}-limit-tomorrow": "9",
    }
    script = await upstream.answers(Reply(error=ProviderError(status=429, headers=tuple(limits.items()))))
    failure = await client.fails(script.prompt)
    found = {name: failure.header(name) for name in limits}
    assert found == limits, f"the provider sent {limits}, the client received {found}"


@check(
    "errors/request-id",
    requirement="request-id-kept",
    feature="request-ids",
    catches=("loses-error-request-id", "loses-request-id"),
)
async def test_an_error_names_the_request_at_the_provider(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(error=ProviderError(status=400)))
    failure = await client.fails(script.prompt)
    sent = (await script.received()).sent_values(_request_id(client))
    assert [failure.request_id] == sent, f"the provider gave {sent}, the client learnt {failure.request_id}"


@check(
    "errors/mid-stream",
    requirement="stream-errors-surface",
    feature="errors",
    modes=(Mode.ASYNC_STREAM, Mode.SYNC_STREAM, Mode.ASYNC_HELPER),
    catches=("swallows-stream-errors",),
)
async def test_an_error_in_mid_stream_is_an_error_for_the_client(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=("It began ", "well, ", "but"), delivery=Delivery(error_after=3)))
    await client.fails(script.prompt)


@check(
    "errors/mid-stream-unchanged",
    requirement="stream-error-unchanged",
    feature="errors",
    modes=(Mode.ASYNC_STREAM,),
    catches=("rewords-stream-errors", "swallows-stream-errors"),
)
async def test_an_error_in_mid_stream_is_unchanged(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers(Reply(text=("It began ", "well, ", "but"), delivery=Delivery(error_after=3)))
    await client.fails(script.prompt)
    sent = parse((await script.received()).sent).without_done[-1]
    got = parse(tape.last.content).without_done[-1]
    assert got == sent, f"the last event was {got}, in place of {sent}"


@check(
    "errors/next-call",
    requirement="errors-do-not-linger",
    feature="errors",
    catches=("poisoned-by-errors",),
)
async def test_the_call_after_an_error_works(client: Client, upstream: Upstream) -> None:
    for status in (401, 403, 404, 408, 429, 500, 503, 529):
        script = await upstream.answers(Reply(error=ProviderError(status=status)), Reply(text="as if nothing"))
        await client.fails(script.prompt)
        answer = await client.ask(script.prompt)
        assert answer.text == "as if nothing"


@check(
    "errors/next-call/after-several",
    requirement="errors-do-not-linger",
    feature="errors",
    catches=("opens-the-circuit",),
)
async def test_the_call_after_several_errors_works(client: Client, upstream: Upstream) -> None:
    errors = [Reply(error=ProviderError(status=status)) for status in (500, 503, 429, 500, 429, 503)]
    script = await upstream.answers(*errors, Reply(text="as if nothing"))
    for _ in errors:
        await client.fails(script.prompt)
    answer = await client.ask(script.prompt)
    assert answer.text == "as if nothing"


def _means(found: str | None, form: str) -> bool:
    """Whether it says the same in another way: no need to wait, or the seconds until a date."""
    if form == "0":
        return found is None
    seconds = (parsedate_to_datetime(form) - datetime.now(UTC)).total_seconds() if ":" in form else None
    return seconds is not None and str(found).isdecimal() and abs(int(str(found)) - seconds) < A_MINUTE


def _envelope(body: Any) -> Any:
    """The shape of an error and the values that clients branch on; the words may differ, and null is nothing said."""
    if not isinstance(body, dict):
        return body
    said = {key: value for key, value in body.items() if value is not None}
    return {key: value if key in _BRANCHED_ON else _shape(value) for key, value in said.items()}


def _shape(value: Any) -> Any:
    return _envelope(value) if isinstance(value, dict) else f"some {type(value).__name__}"


def _request_id(client: Client) -> str:
    return "request-id" if client.surface == MESSAGES else "x-request-id"
