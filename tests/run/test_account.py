from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from conformance.catalogue import load_suites
from conformance.lanes import Lane
from conformance.run.account import report
from conformance.run.plan import Plan
from conformance.run.progress import ProgressDisplay
from conformance.run.sweep import TO_CLIENT, TO_UPSTREAM
from conformance.surface import CORE, Surface
from conformance.target import FEATURES, load
from tests.run.test_results import result

if TYPE_CHECKING:
    from conformance.run.results import Result
    from reports import CheckResult, Report

RELAY = load("relay")


LANE = Lane("openai-2", "pip", "openai", "2.54.0", (Surface.OPENAI_CHAT,), {"plain/unicode": "it knows no unicode"})


def accounted(
    *results: Result, asked_for: str = "relay", without: str = "", lanes: tuple[Lane, ...] = (), **options: Any
) -> Report:
    plan = Plan(CORE, frozenset(RELAY.claims.profiles), frozenset(FEATURES) - {without}, lanes=lanes)
    return report(
        **{
            "target": RELAY,
            "asked_for": asked_for,
            "target_version": "1.2.3",
            "plan": plan,
            "checks": load_suites(),
            "results": results,
            "ends": (),
            "waivers": (),
            "started_at": datetime.now(UTC),
            "seconds": 1.0,
            "focused": False,
            **options,
        }
    )


def row(found: Report, check: str) -> CheckResult:
    [only] = [row for row in found.checks if row.id == check]
    return only


def test_a_row_names_its_check_case_and_driver() -> None:
    found = row(
        accounted(result(mode="sync-stream", message="required: x"), asked_for="my targets/mine.toml"), "plain/text"
    )
    assert (found.profile, found.level, found.feature) == ("openai-chat", "must", "body")
    assert (found.case.surface, found.case.upstream) == ("openai-chat", "openai-chat")
    assert found.case.driver is not None
    assert found.case.driver.startswith("openai-")
    assert found.case.driver.endswith(" sync-stream")
    assert found.reproduce == "conformance certify 'my targets/mine.toml' --check plain/text"


def test_plain_http_is_a_driver_without_an_sdk() -> None:
    assert row(accounted(result(mode="http")), "plain/text").case.driver == "http"


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [(("pass", "pass"), "pass"), (("pass", "flaky", "fail"), "fail"), (("fail", "error"), "error")],
)
def test_the_direct_control_is_as_good_as_its_worst_case(outcomes: tuple[str, ...], worst: str) -> None:
    cases = [result(subject="direct", outcome=outcome) for outcome in outcomes]
    [control] = accounted(*cases).controls
    assert (control.name, control.check, control.outcome, control.behaved) == (
        "direct",
        "plain/text",
        worst,
        worst == "pass",
    )


@pytest.mark.parametrize(
    ("outcomes", "told"), [(("pass", "fail"), "fail"), (("pass", "pass"), "pass"), (("error",), "error")]
)
def test_a_fault_is_caught_where_any_case_catches_it(outcomes: tuple[str, ...], told: str) -> None:
    cases = [result(subject="fault:buffers", outcome=outcome) for outcome in outcomes]
    [control] = accounted(*cases).controls
    assert (control.name, control.outcome, control.message) == ("faulty", told, "fault:buffers")


def test_what_is_not_claimed_is_not_applicable() -> None:
    rows = [row for row in accounted(without="betas").checks if row.feature == "betas"]
    assert rows
    assert {row.outcome for row in rows} == {"not-applicable"}
    assert "does not claim the feature betas" in rows[0].message


def test_an_empty_run_was_not_measured() -> None:
    assert accounted().verdict == "not-measured"


def test_the_environment_names_the_sdks() -> None:
    said = accounted(lanes=(LANE,)).environment.model_dump()
    assert {"python", "platform", "openai", "anthropic"} <= said.keys()
    assert said["openai-2"] == "2.54.0"


def test_a_lane_is_part_of_the_case_and_of_the_way_to_repeat_it() -> None:
    found = accounted(result(outcome="fail"), result(outcome="fail", lane="openai-2"), lanes=(LANE,))
    drivers = {row.case.driver: row.reproduce for row in found.checks if row.id == "plain/text"}
    assert drivers["openai-2 async"] == "conformance certify relay --check plain/text --lane openai-2"
    assert drivers["openai-3 async"] == "conformance certify relay --check plain/text"


def test_what_a_lane_cannot_be_asked_is_not_applicable_and_says_why() -> None:
    [found] = [row for row in accounted(lanes=(LANE,)).checks if row.case.driver == "openai-2"]
    assert (found.id, found.outcome) == ("plain/unicode", "not-applicable")
    assert found.message == "openai-2 cannot be asked: it knows no unicode"


def test_the_sweep_tells_what_leaked_and_during_which_check() -> None:
    leaky = result(outcome="pass", to_client=tuple(f"leak {number}" for number in range(7)), evidence="evidence/x")
    found = accounted(leaky)
    swept = row(found, TO_CLIENT)
    assert (swept.outcome, swept.evidence) == ("fail", "evidence/x")
    assert "found: 7 leaks\n  leak 0, during plain/text" in swept.message
    assert swept.message.endswith("  and 2 more")
    assert row(found, TO_UPSTREAM).outcome == "pass"


def test_a_leak_that_a_check_provokes_is_judged_by_that_check_alone() -> None:
    lured = result(check="connection/redirects/elsewhere", outcome="fail", to_upstream=("anthropic key at openai",))
    assert row(accounted(lured), TO_UPSTREAM).outcome == "pass"


def test_there_is_no_sweep_where_isolation_is_not_covered() -> None:
    assert TO_CLIENT not in {row.id for row in accounted(result(), without="isolation").checks}
    assert TO_CLIENT not in {row.id for row in accounted().checks}, "nothing ran, so nothing was swept"


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_told_on_any_console(terminal: bool) -> None:  # noqa: FBT001 - what it is about
    screen = StringIO()
    display = ProgressDisplay(Console(file=screen, force_terminal=terminal, width=100))
    display.start()
    display.expect(200)
    for number in range(200):
        display.saw(result(subject="target" if number % 2 else "direct", outcome="pass"))
    display.stop()
    assert "100 controls  100 pass" in screen.getvalue()
    assert ("\x1b[" in screen.getvalue()) == terminal
