"""What the provider says in an error: its words, and the types and codes that clients branch on."""

import json
from typing import Any
from uuid import uuid4

from conformance.api import (
    MESSAGES,
    Client,
    Mode,
    ProviderError,
    Reply,
    Tape,
    Upstream,
    Verbatim,
    assert_unchanged,
    check,
    differences,
)

BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
WORDINGS = (
    "messages.1.content.0: Invalid `signature` in `thinking` block",
    "messages.3: role 'system' is not supported on this model",
    "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000",
    "Rate limit reached for gpt-5 in organization org-1 on tokens per min. Please try again in 1.898s.",
)
"""What agents look for, to do something about it."""

ODD_WORDINGS = (
    'le nom «é́» 日本 👩‍👩‍👧 is "not" valid: {braces} %s $HOME <b>&amp;</b> \\d+ \t\n2nd line',
    f"tools.0: {'x' * 2000} is too long",
)
"""What an escape, a template or a limit would spoil."""

ANTHROPIC_KINDS = (
    ProviderError(status=400, code="claude_code_version_too_old"),
    ProviderError(status=402),
    ProviderError(status=429, code="ramp_limit_exceeded"),
    ProviderError(status=429, type="billing_error", code="enforced_spend_limit_reached"),
    ProviderError(status=529),
)
OPENAI_KINDS = (
    ProviderError(status=400, code="context_length_exceeded", param="messages"),
    ProviderError(status=400, code="content_policy_violation", param="input[0].content"),
    ProviderError(status=404, code="model_not_found", param="model"),
    ProviderError(status=429, code="insufficient_quota"),
    ProviderError(status=429, type="tokens", code="rate_limit_exceeded"),
    ProviderError(status=503, type="server_error", code="slow_down"),
)


@check(
    "errors/wording/any",
    requirement="error-wording",
    feature="errors",
    modes=BOTH,
    catches=("cuts-error-messages", "hides-the-message"),
)
async def test_the_words_that_agents_look_for_arrive(client: Client, upstream: Upstream) -> None:
    await _assert_words_arrive(client, upstream, WORDINGS)


@check(
    "errors/wording/to-the-letter",
    requirement="error-body-unchanged",
    feature="errors",
    catches=("cuts-error-messages", "escapes-error-messages"),
)
async def test_the_words_of_an_error_arrive_to_the_letter(client: Client, upstream: Upstream) -> None:
    await _assert_words_arrive(client, upstream, ODD_WORDINGS)


async def _assert_words_arrive(client: Client, upstream: Upstream, wordings: tuple[str, ...]) -> None:
    for wording in wordings:
        script = await upstream.answers(Reply(error=ProviderError(status=400, message=wording)))
        failure = await client.fails(script.prompt)
        said = f"{failure.message} {json.dumps(failure.body, ensure_ascii=False)}"
        kept = wording in said or json.dumps(wording, ensure_ascii=False)[1:-1] in said
        assert kept, f"{wording[:200]!r} became {failure.message[:400]!r}"


@check(
    "errors/kinds",
    requirement="error-envelope",
    feature="errors",
    modes=BOTH,
    catches=("drops-error-codes", "retypes-errors"),
)
async def test_the_types_and_codes_that_clients_branch_on_are_kept(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    for error in ANTHROPIC_KINDS if client.surface == MESSAGES else OPENAI_KINDS:
        await _assert_kind_kept(client, upstream, tape, error)


@check(
    "errors/kinds/unheard-of",
    requirement="unknown-errors-kept",
    feature="errors",
    catches=("known-error-types-only", "drops-error-codes"),
)
async def test_types_and_codes_nobody_has_heard_of_are_kept(client: Client, upstream: Upstream, tape: Tape) -> None:
    for status in (400, 429, 500):
        name = uuid4().hex[:8]
        error = ProviderError(status=status, type=f"tempest_{name}", code=f"storm_{name}", param=f"messages[{name}]")
        await _assert_kind_kept(client, upstream, tape, error)


@check(
    "errors/unknown-fields",
    requirement="error-body-unchanged",
    feature="errors",
    catches=("drops-unknown-error-fields",),
)
async def test_fields_of_an_error_that_nobody_has_heard_of_are_kept(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    error = {
        "type": "invalid_request_error",
        "message": "no",
        "param": None,
        "code": None,
        "advice": {"wait": [1, None]},
    }
    told = {"type": "error", "error": error, "request_id": "req_1", "documentation": "https://errors.example/tomorrow"}
    body = json.dumps(told).encode()
    script = await upstream.answers(Reply(verbatim=Verbatim(400, (("content-type", "application/json"),), body)))
    await client.fails(script.prompt)
    assert_unchanged(tape.last.json, told, where="the error's body")


async def _assert_kind_kept(client: Client, upstream: Upstream, tape: Tape, error: ProviderError) -> None:
    script = await upstream.answers(Reply(error=error))
    await client.fails(script.prompt)
    got, sent = _kind(tape.last.json), _kind((await script.received()).sent_json)
    lost = [line for line in differences(got, sent) if not line.startswith("added")]
    assert not lost, f"the kind of a {error.status}: {'; '.join(lost)}"


def _kind(body: dict[str, Any]) -> dict[str, Any]:
    """All that an error says but its words; null is nothing said."""
    return {name: value for name, value in body["error"].items() if name != "message" and value is not None}
