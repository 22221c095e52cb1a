import pytest

from reports import Case, signature
from reports.failures import alike, places
from tests.reports.sample import row


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lost case-9f2c4e1ab0d4", "lost case-00aa11bb22cc"),
        ("id toolu_01AbCdEfGh2345", "id toolu_77XyZwVuTs9876"),
        ("http://127.0.0.1:41873/v1", "http://127.0.0.1:39002/v1"),
        ("nothing for 5.0 s", "nothing for 12 s"),
        ("at 2026-11-21T09:30:00Z", "at 2027-01-01T00:00:00.5Z"),
        ("a\n   b", "a b"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id 00000000-0000-0000-0000-000000000000"),
    ],
)
def test_what_varies_from_run_to_run_does_not_make_another_failure(one: str, other: str) -> None:
    assert signature(one) == signature(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("client saw 429", "client saw 500"),
        ("2 tool calls", "1 tool calls"),
        ("no message_stop", "no message_delta"),
    ],
)
def test_what_was_seen_does(one: str, other: str) -> None:
    assert signature(one) != signature(other)


def test_rows_of_one_check_that_fail_alike_are_told_once() -> None:
    rows = [
        row("a", "fail", message="port 41873", case=Case(driver="sync")),
        row("a", "flaky", message="port 39002", case=Case(driver="async")),
        row("a", "fail", message="no answer", case=Case(driver="raw")),
        row("b", "fail", message="port 41873"),
    ]
    assert [(found.first.id, len(found.rows), found.flaky) for found in alike(rows)] == [
        ("a", 2, 1),
        ("a", 1, 0),
        ("b", 1, 0),
    ]


def test_places_are_told_by_road() -> None:
    native = [Case(surface="openai-chat", upstream="openai-chat", driver=f"lane {number}") for number in range(8)]
    crossed = Case(surface="openai-chat", upstream="anthropic-messages", driver="sync")
    assert places([*native, crossed]) == [
        "openai-chat: lane 0, lane 1, lane 2, lane 3, lane 4, lane 5, and 2 more",
        "openai-chat → anthropic-messages: sync",
    ]
    assert places([Case()]) == []
