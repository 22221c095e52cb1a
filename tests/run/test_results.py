from __future__ import annotations

from typing import Any

import pytest

from conformance.drivers import ClientFailedError, Failure
from conformance.run.afterwards import Afterwards
from conformance.run.results import RESULT, Result, message_of, outcome_of
from conformance.surface import Surface
from conformance.upstream import UpstreamUnreachableError

LEFT = Afterwards(lambda: "client saw: nothing\nupstream saw: nothing")


def result(**fields: Any) -> Result:
    given = {"check": "plain/text", "subject": "target", "surface": Surface.OPENAI_CHAT, "mode": "async"}
    return Result(**{**given, "outcome": "fail", "seconds": 0.1, **fields})


def caught(error: BaseException) -> pytest.ExceptionInfo[BaseException]:
    with pytest.raises(type(error)) as info:
        raise error
    return pytest.ExceptionInfo.from_exception(info.value)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "pass"),
        (AssertionError("lost"), "fail"),
        (ClientFailedError(Failure("APIError", "refused")), "fail"),
        (TimeoutError(), "fail"),
        (UpstreamUnreachableError("gone"), "error"),
        (OSError("disk full"), "error"),
        (KeyError("ours"), "error"),
    ],
)
def test_only_assertions_and_deadlines_are_the_gateways(error: BaseException | None, outcome: str) -> None:
    assert outcome_of(error) == outcome


def test_a_message_says_what_was_required_found_and_seen() -> None:
    said = message_of(caught(AssertionError("lost one")), "All arrive.", LEFT)
    assert said == "required: All arrive.\nfound: lost one\nclient saw: nothing\nupstream saw: nothing"


def test_a_deadline_and_an_error_are_told_as_what_they_are() -> None:
    assert "found: the check did not come to an end before its deadline" in message_of(
        caught(TimeoutError()), "r", LEFT
    )
    assert f"found: OSError: disk full\nat {__file__}:" in message_of(caught(OSError("disk full")), "r", LEFT)
    assert message_of(None, "r", LEFT) == ""


def test_a_flood_of_words_is_clipped() -> None:
    assert "[... 98500 more characters]" in message_of(caught(AssertionError("x" * 100_000)), "r", LEFT)


@pytest.mark.parametrize(("second", "outcome"), [("pass", "flaky"), ("fail", "fail"), ("error", "error")])
def test_a_failure_counts_when_it_repeats_itself(second: str, outcome: str) -> None:
    assert result(message="first").confirmed_by(result(outcome=second)).outcome == outcome


def test_only_failures_of_the_target_want_confirming() -> None:
    assert result().needs_confirmation
    assert not result(outcome="pass").needs_confirmation
    assert not result(outcome="error").needs_confirmation
    assert not result(subject="direct").needs_confirmation
    assert not result(subject="fault:drops-beta").needs_confirmation


def test_a_result_crosses_processes_unchanged() -> None:
    told = result(message="\u2028 <b>", to_client=("a leak",), evidence="evidence/x")
    assert RESULT.validate_json(RESULT.dump_json(told)) == told
