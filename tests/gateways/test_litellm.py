"""LiteLLM 1.106.2 without a database, with one master key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateways.sheet import (
    ALL,
    CHAT,
    MESSAGES,
    OPENAI,
    RESPONSES,
    Sheet,
    assert_found,
    assert_kept,
    assert_no_fault_of_ours,
)

if TYPE_CHECKING:
    from reports import Report

SHEET = Sheet(
    target="litellm",
    rows={
        "count_tokens: betas replaced": {"headers/beta/count-tokens": (MESSAGES,)},
        "count_tokens: version pinned to 2023-06-01": {"headers/version/count-tokens": (MESSAGES,)},
        "custom headers dropped": {"headers/custom": ALL},
        "request id of the client dropped": {"headers/client-request-id": ALL},
        "traceparent dropped": {"headers/traceparent": ALL},
        "idempotency-key dropped": {"headers/idempotency-key": ALL},
        "openai-beta dropped": {"headers/openai": OPENAI},
        "query dropped": {"headers/query": ALL},
        "unknown fields dropped on responses and messages": {
            "body/unknown-fields": (RESPONSES,),
            "body/unknown-fields-messages": (MESSAGES,),
        },
        "metadata lost on chat, service_tier on messages": {"body/request-unchanged": (CHAT, MESSAGES)},
        "developer becomes system": {"chat/developer-role": (CHAT,)},
        "include_usage injected": {"body/nothing-added": (CHAT,)},
        "parameters refused by its own model map": {"chat/client-decides": (CHAT,)},
        "model renamed to the alias": {"plain/model": ALL},
        "answers rewritten: fields moved, nulls removed, cost added": {"body/answer-unchanged": OPENAI},
        "id of a response rewritten": {"plain/id": (RESPONSES,)},
        "created rewritten, events of responses changed, [DONE] added": {"stream/unchanged": OPENAI},
        "comments dropped": {"stream/comments": OPENAI},
        "usage chunk lacks choices: []": {"stream/usage-chunk": (CHAT,)},
        "request ids lost": {"headers/request-id": ALL, "errors/request-id": ALL},
        "rate-limit headers renamed or lost": {"headers/rate-limits": (MESSAGES,), "errors/rate-limits": ALL},
        "retry-after lost on 429": {"errors/retry-after": ALL},
        "413 becomes 400, 529 becomes 500": {"errors/status": (MESSAGES,)},
        "error envelopes rewritten": {"errors/envelope": OPENAI, "errors/body-unchanged": ALL},
        "a wrong key is a 400": {"keys/refused/wrong": ALL},
        "errors in mid-stream rewritten": {"errors/mid-stream-unchanged": OPENAI},
        "a client that leaves early cancels nothing": {"connection/cancel/whole": ALL},
        "count_tokens: fields dropped": {"messages/count-tokens/request": (MESSAGES,)},
        "count_tokens: a guess where the provider refuses": {"messages/count-tokens/error": (MESSAGES,)},
        "models made up": {"models/unchanged": ALL},
    },
    confirmed={
        "headers/beta/several-lines": "only one of several anthropic-beta lines arrives",
        "plain/refusal": "the refusal of a chat answer is lost",
        "keys/refused/none": "a call without a key is a 500",
        "keys/refused/empty": "an empty key is a 500",
        "keys/refused/nearly-right": "a wrong key is a 400",
        "translation/answer/text": "U+2028 and U+0085 end a line for its reader of Anthropic's streams",
        "translation/errors/retry-after": "retry-after is lost",
        "translation/request/one-call-only": "disable_parallel_tool_use of a Messages client is dropped",
        "translation/stream/arguments-when-done": "arguments of a Responses stream that come only when done are lost",
        "translation/stream/grammar": "reasoning comes outside of any summary part",
        "translation/stream/helper": "thinking blocks in chat deltas have no index: the SDK's accumulator raises",
        "translation/stream/letters": "U+2028 and U+0085 end a line, as above",
        "translation/stream/pieces": "empty pieces of arguments break a stream, those told when done are lost",
        "translation/stream/truncated": "a stream of Anthropic's that broke off ends with a made-up stop",
        "body/answer-documented": "the refusal of a chat answer is lost",
        "body/documented-fields": "documented fields are dropped, or refused by its own model map",
        "body/documented-turns": "turns of server tools are rewritten",
        "body/unknown-types-messages": "service_tier of a message is dropped",
        "body/unknown-within-messages": "fields that it does not know are dropped, thinking is rewritten",
        "errors/kinds": "the details of an error are dropped",
        "errors/mid-stream/wording": "the words of an error amid a Responses stream are lost",
        "errors/retry-after/any-status": "retry-after is lost",
        "headers/query/model": "a model in the query is taken in place of the body's",
        "keys/refused/count-tokens": "a call without a key is a 500",
        "messages/count-tokens/documented": "fields are not counted",
        "stream/event-order/kinds": "a further chunk with a choice comes after the last one",
        "stream/kinds": "the refusal of a chat answer is lost",
        "stream/no-made-up-ending": "a stream that broke off ends with a made-up stop",
        "tools/schemas": "a property by the name of cache_control is cut out of a schema",
        "translation/stream/grammar-of-calls": "sequence numbers of a Responses stream made of Anthropic's begin anew",
    },
    kept={
        "headers/beta/known": (MESSAGES,),
        "headers/beta/never-seen": (MESSAGES,),
        "stream/incremental": (CHAT,),
        "stream/unchanged": (MESSAGES,),
        "body/unknown-fields": (CHAT,),
        "connection/cancel/stream": (CHAT,),
        "connection/no-duplicates": (CHAT,),
        "isolation/client-key/calls": (CHAT,),
        "isolation/provider-key/echoed-in-error": (CHAT,),
    },
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return SHEET.certified(tmp_path_factory.mktemp(SHEET.target))


@pytest.mark.parametrize("row", SHEET.rows)
def test_every_row_of_the_answer_sheet_is_found(report: Report, row: str) -> None:
    assert_found(report, SHEET.rows[row])


def test_no_must_fails_that_was_not_confirmed(report: Report) -> None:
    assert not SHEET.unconfirmed(report)


@pytest.mark.parametrize("check", SHEET.kept)
def test_what_it_keeps_raises_no_alarm(report: Report, check: str) -> None:
    assert_kept(report, check, SHEET.kept[check])


def test_the_harness_itself_is_at_fault_nowhere(report: Report) -> None:
    assert_no_fault_of_ours(report, SHEET.unsteady)
