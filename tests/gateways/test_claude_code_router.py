"""claude-code-router 2.0.0 with a key, in front of Anthropic and OpenAI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateways.sheet import MESSAGES, Sheet, assert_found, assert_kept, assert_no_fault_of_ours

if TYPE_CHECKING:
    from reports import Report

SHEET = Sheet(
    target="claude-code-router",
    rows={
        "query dropped": {"headers/query": (MESSAGES,)},
        "request ids lost": {"headers/request-id": (MESSAGES,), "errors/request-id": (MESSAGES,)},
        "rate-limit headers lost": {"headers/rate-limits": (MESSAGES,), "errors/rate-limits": (MESSAGES,)},
        "retry-after lost on 429": {"errors/retry-after": (MESSAGES,)},
        "errors in an envelope of its own": {"errors/envelope": (MESSAGES,), "errors/body-unchanged": (MESSAGES,)},
        "the provider's key repeated in an error": {"isolation/provider-key/echoed-in-error": (MESSAGES,)},
        "a wrong key is refused in plain text": {"keys/refused/envelope": (MESSAGES,)},
        "a client that leaves early cancels nothing": {"connection/cancel/whole": (MESSAGES,)},
        "tokens guessed": {"messages/count-tokens/answer": (MESSAGES,), "messages/count-tokens/error": (MESSAGES,)},
        "an empty list of annotations becomes a search": {"translation/answer/made-up": (MESSAGES,)},
    },
    confirmed={
        "headers/hop-by-hop": "a Connection header that names another is a 500",
        "keys/carrier/scheme-case": "a scheme in lower case is refused",
        "translation/answer/usage": "a streamed answer reports no tokens",
        "translation/errors/envelope": "errors in an envelope of its own",
        "translation/errors/retry-after": "retry-after lost",
        "translation/request/one-call-only": "disable_parallel_tool_use is dropped",
        "translation/request/tool-choice": "the choice any is passed on, which Chat Completions does not know",
        "translation/stream/pieces": "a delta without partial_json",
        "translation/stream/truncated": "a stream that broke off ends with end_turn",
        "connection/answers/interim": "an interim answer that was not asked for is a 500",
        "connection/chunked-request": "a request body in chunks is a 500",
        "connection/expect-continue": "a request that waits for 100 is a 500",
        "connection/host": "a request with two hosts is passed on",
        "errors/kinds": "errors in an envelope of its own",
        "errors/retry-after/any-status": "retry-after lost",
        "messages/errors/rate-limit": "errors in an envelope of its own",
        "translation/request/agent": "reasoning, which Chat Completions does not know, is sent",
        "translation/request/result-parts": "a result in parts becomes their JSON",
        "translation/tools/long-name": "a name of 90 letters goes to a provider that takes 64",
    },
    kept={
        "headers/beta/known": (MESSAGES,),
        "headers/beta/never-seen": (MESSAGES,),
        "headers/version/kept": (MESSAGES,),
        "headers/custom": (MESSAGES,),
        "body/unknown-fields-messages": (MESSAGES,),
        "stream/incremental": (MESSAGES,),
        "stream/unchanged": (MESSAGES,),
        "errors/status": (MESSAGES,),
        "connection/cut/stream": (MESSAGES,),
        "connection/cancel/stream": (MESSAGES,),
        "keys/refused/wrong": (MESSAGES,),
        "isolation/client-key/calls": (MESSAGES,),
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
