from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from reports import Case, CheckResult
from tests.reports.sample import HOSTILE, report, row


def test_lone_surrogates_become_visible_because_no_file_can_hold_them() -> None:
    assert row(message="cut \ud83d here").message == r"cut \ud83d here"


def test_other_hostile_bytes_are_kept_as_evidence() -> None:
    assert "<script>" in row(message=HOSTILE).message
    assert "\x1b[31m" in row(message=HOSTILE).message


def test_a_check_has_one_row_for_each_case() -> None:
    case = Case(surface="openai-chat", driver="sync")
    report(row(case=case), row(case=Case(surface="openai-chat", driver="async")))
    with pytest.raises(ValidationError, match=r"'messages/plain' has 2 rows for the same case \(openai-chat · sync\)"):
        report(row(case=case), row(case=case))


def test_times_are_told_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    found = report(row(), started_at=datetime(2026, 11, 21, 10, 30, tzinfo=berlin))
    assert found.started_at == datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    assert '"started_at":"2026-11-21T09:30:00Z"' in found.model_dump_json()


def test_rows_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        row().outcome = "pass"


@pytest.mark.parametrize(
    "wrong", [{"outcome": "skipped"}, {"level": "shall"}, {"seconds": -1}, {"seconds": float("nan")}]
)
def test_what_the_contract_does_not_know_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CheckResult.model_validate(row().model_dump() | wrong)


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (Case(), ""),
        (Case(surface="openai-chat"), "openai-chat"),
        (Case(surface="openai-chat", upstream="openai-chat", driver="sync"), "openai-chat · sync"),
        (Case(surface="openai-chat", upstream="anthropic-messages"), "openai-chat → anthropic-messages"),
    ],
)
def test_a_case_is_told_in_few_words(case: Case, told: str) -> None:
    assert str(case) == told
