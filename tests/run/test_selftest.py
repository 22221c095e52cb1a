"""The kill matrix: what counts as caught, as missed, as a false alarm; and the page that shows it."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.faulty import FAULTS
from conformance.run.results import Result
from conformance.run.selftest import as_json, as_text, matrix
from conformance.surface import Surface

if TYPE_CHECKING:
    from reports import Outcome

GENERATE = Path(__file__).parents[2] / "docs" / "generate.py"
CHAT, MESSAGES = Surface.OPENAI_CHAT, Surface.ANTHROPIC_MESSAGES


def ran(subject: str, outcome: Outcome, surface: Surface = CHAT) -> Result:
    return Result("plain/text", subject, surface, "async", outcome, 0.1, "found: nothing")


CLEAN = (ran("direct", "pass"), ran("relay", "pass"))
CAUGHT = (ran("fault:buffers", "pass"), ran("fault:buffers", "fail", MESSAGES))


def test_a_fault_is_caught_where_one_of_its_cases_fails() -> None:
    found = matrix([*CLEAN, *CAUGHT], narrowed=True)
    assert (found.caught, found.missed, found.passed, found.proven) == ((("plain/text", "buffers"),), (), 2, True)


def test_a_fault_that_nothing_notices_is_missed() -> None:
    found = matrix([*CLEAN, ran("fault:buffers", "pass"), ran("fault:buffers", "error")], narrowed=True)
    assert (found.caught, found.missed, found.proven) == ((), (("plain/text", "buffers"),), False)
    assert "NOT CAUGHT buffers by plain/text" in as_text(found).plain


def test_what_fails_without_a_fault_is_a_false_alarm() -> None:
    found = matrix([ran("relay", "fail"), *CAUGHT], narrowed=True)
    assert [alarm.subject for alarm in found.alarms] == ["relay"]
    assert not found.proven
    assert "FALSE ALARM plain/text on relay openai-chat async" in as_text(found).plain


def test_a_fault_that_no_check_names_is_idle_unless_the_run_was_narrowed() -> None:
    assert set(matrix(CAUGHT, narrowed=False).idle) == FAULTS.keys() - {"buffers"}
    assert matrix(CAUGHT, narrowed=True).idle == ()


def test_the_json_holds_every_case() -> None:
    told = json.loads(as_json(matrix([*CLEAN, *CAUGHT], narrowed=True)))
    assert told["cases"] == [
        {"check": "plain/text", "subject": subject, "surface": surface, "mode": "async", "outcome": outcome}
        for subject, surface, outcome in (
            ("direct", "openai-chat", "pass"),
            ("relay", "openai-chat", "pass"),
            ("fault:buffers", "openai-chat", "pass"),
            ("fault:buffers", "anthropic-messages", "fail"),
        )
    ]


def test_the_page_shows_how_many_cases_of_each_check_caught_a_fault() -> None:
    page = runpy.run_path(str(GENERATE))["kill_matrix_page"]
    text = page(json.loads(as_json(matrix([*CLEAN, *CAUGHT], narrowed=True))))
    assert f"| `buffers` | {FAULTS['buffers'].description} | `plain/text` 1/2 |" in text
    assert "1 faults, 1 of 1 pairs of check and fault caught" in text
    assert "2 cases passed and 0 failed" in text
