from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import CheckResult, Control, Level, Outcome, Verdict, exit_code, judge, reasons
from tests.reports.sample import CONTROLS, report, row

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
LEVELS: tuple[Level, ...] = get_args(Level)


def verdict(*rows: CheckResult, claimed: tuple[str, ...] = ("anthropic-messages",)) -> Verdict:
    return judge(rows, claimed_profiles=claimed, controls=CONTROLS, focused=False).verdict


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("pass", "conformant"),
        ("fail", "nonconformant"),
        ("flaky", "nonconformant"),
        ("error", "not-measured"),
        ("waived", "partial"),
        ("not-observable", "partial"),
        ("not-applicable", "conformant"),
    ],
)
def test_what_one_must_does_to_a_profile_that_otherwise_passes(outcome: Outcome, expected: Verdict) -> None:
    assert verdict(row("a"), row("b", outcome)) == expected


@pytest.mark.parametrize("level", ["should", "may"])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_only_a_must_decides(level: Level, outcome: Outcome) -> None:
    assert verdict(row("a"), row("b", outcome, level=level)) == "conformant"


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (("fail", "error", "waived"), "nonconformant"),
        (("error", "waived"), "not-measured"),
        (("waived", "not-observable"), "partial"),
    ],
)
def test_the_worst_row_decides(outcomes: tuple[Outcome, ...], expected: Verdict) -> None:
    rows = [row(f"check-{number}", outcome) for number, outcome in enumerate(("pass", *outcomes))]
    assert verdict(*rows) == expected


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (("pass", "pass"), "conformant"),
        (("pass", "waived"), "partial"),
        (("waived", "error"), "not-measured"),
        (("error", "fail"), "nonconformant"),
    ],
)
def test_the_worst_profile_decides(outcomes: tuple[Outcome, Outcome], expected: Verdict) -> None:
    rows = [row("a", profile=name) for name in ("one", "two")]
    rows += [row("b", outcome, profile=name) for name, outcome in zip(("one", "two"), outcomes, strict=True)]
    assert verdict(*rows, claimed=("one", "two")) == expected


def test_an_empty_run_is_not_a_green_one() -> None:
    assert verdict() == "not-measured"
    assert verdict(claimed=()) == "not-measured"


@pytest.mark.parametrize("outcome", ["not-applicable", "not-observable", "error"])
def test_a_profile_of_which_nothing_ran_was_not_measured(outcome: Outcome) -> None:
    assert verdict(row("a", outcome)) == "not-measured"
    assert verdict(row("a", outcome, level="should")) == "not-measured"


def test_a_claimed_profile_without_a_row_was_not_measured() -> None:
    judged = judge([row()], claimed_profiles=["anthropic-messages", "keys"], controls=CONTROLS, focused=False)
    assert [(profile.name, profile.verdict) for profile in judged.profiles] == [
        ("anthropic-messages", "conformant"),
        ("keys", "not-measured"),
    ]
    assert judged.verdict == "not-measured"


def test_a_failure_outside_of_the_claimed_profiles_is_never_lost() -> None:
    assert verdict(row("a"), row("waivers/expired", "fail", profile="waivers")) == "nonconformant"


def test_an_unclaimed_profile_that_only_does_not_apply_is_left_out() -> None:
    judged = judge(
        [row(), row("b", "not-applicable", profile="keys")],
        claimed_profiles=["anthropic-messages"],
        controls=CONTROLS,
        focused=False,
    )
    assert [profile.name for profile in judged.profiles] == ["anthropic-messages"]


@pytest.mark.parametrize(
    "control",
    [
        Control(name="direct", check="keys/leak", outcome="fail"),
        Control(name="direct", check="keys/leak", outcome="error"),
        Control(name="faulty", check="keys/leak", outcome="pass"),
        Control(name="faulty", check="keys/leak", outcome="error"),
    ],
)
@pytest.mark.parametrize("outcome", ["pass", "fail"])
def test_with_a_broken_instrument_nothing_is_measured_not_even_a_failure(control: Control, outcome: Outcome) -> None:
    found = report(row("a", outcome), controls=(*CONTROLS, control))
    assert found.verdict == "not-measured"
    assert [profile.verdict for profile in found.profiles] == ["not-measured"]
    assert any("keys/leak" in reason for reason in reasons(found))


@pytest.mark.parametrize("controls", [(), CONTROLS[:1], CONTROLS[1:]])
def test_without_both_controls_nothing_is_measured(controls: tuple[Control, ...]) -> None:
    found = report(row(), controls=controls)
    assert found.verdict == "not-measured"
    assert "control did not run" in reasons(found)[0]


def test_a_focused_run_owes_neither_controls_nor_every_profile() -> None:
    judged = judge([row()], claimed_profiles=["anthropic-messages", "keys"], controls=(), focused=True)
    assert judged.verdict == "conformant"
    assert [profile.name for profile in judged.profiles] == ["anthropic-messages"]


def test_a_focused_run_of_nothing_was_not_measured() -> None:
    assert judge([], claimed_profiles=["keys"], controls=CONTROLS, focused=True).verdict == "not-measured"


def test_rows_are_counted_by_level_and_outcome() -> None:
    rows = [row("a"), row("b", "fail"), row("c", "waived"), row("d", level="should"), row("e", "flaky", level="may")]
    (profile,) = judge(rows, claimed_profiles=["anthropic-messages"], controls=CONTROLS, focused=False).profiles
    assert profile.must == {"pass": 1, "fail": 1, "waived": 1}
    assert profile.should == {"pass": 1, "fail": 0}
    assert profile.may == {"pass": 0, "fail": 0, "flaky": 1}


@pytest.mark.parametrize(("outcome", "code"), [("pass", 0), ("waived", 1), ("fail", 1), ("error", 3)])
def test_exit_codes(outcome: Outcome, code: int) -> None:
    assert exit_code(report(row("a"), row("b", outcome))) == code


def test_reasons_say_what_stands_between_the_target_and_conformant() -> None:
    assert reasons(report(row())) == []
    assert reasons(report(row("a"), row("b", "fail"), row("c", "flaky"))) == [
        "Profile anthropic-messages is nonconformant: of its musts 1 fail, 1 flaky."
    ]
    assert reasons(report(row("a", "not-applicable"))) == [
        "Profile anthropic-messages is not-measured: none of its checks ran."
    ]
    assert reasons(report()) == ["No check ran."]


def test_many_broken_controls_are_told_in_few_lines() -> None:
    broken = tuple(Control(name="direct", check=f"check-{number}", outcome="fail") for number in range(40))
    told = reasons(report(row(), controls=(*CONTROLS, *broken)))
    assert told[-1] == "And 35 more controls."
    assert len(told) == 6


@given(st.lists(st.tuples(st.sampled_from(LEVELS), st.sampled_from(OUTCOMES))))
def test_nothing_hides_a_must_that_fails(others: list[tuple[Level, Outcome]]) -> None:
    rows = [row(f"check-{number}", outcome, level=level) for number, (level, outcome) in enumerate(others)]
    assert verdict(*rows, row("broken", "fail")) == "nonconformant"


@given(st.lists(st.tuples(st.sampled_from(LEVELS), st.sampled_from(OUTCOMES))))
def test_conformant_needs_a_row_that_ran_and_only_musts_that_pass_or_do_not_apply(
    sampled: list[tuple[Level, Outcome]],
) -> None:
    rows = [row(f"check-{number}", outcome, level=level) for number, (level, outcome) in enumerate(sampled)]
    if verdict(*rows) == "conformant":
        assert any(found.outcome in {"pass", "fail", "flaky", "waived"} for found in rows)
        assert all(found.outcome in {"pass", "not-applicable"} for found in rows if found.level == "must")
