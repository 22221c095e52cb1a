from __future__ import annotations

from conformance.catalogue import load_suites
from conformance.drivers import Mode
from conformance.run.plan import CaseOf, Plan
from conformance.surface import Surface
from conformance.target import FEATURES, PROFILES

CHECKS = load_suites()
CHAT, MESSAGES = Surface.OPENAI_CHAT, Surface.ANTHROPIC_MESSAGES


def plan(
    *surfaces: Surface, profiles: set[str] | None = None, without: str = "", only: str = "", selftest: bool = False
) -> Plan:
    return Plan(
        surfaces or tuple(Surface),
        frozenset(profiles or PROFILES),
        frozenset(FEATURES) - {without},
        frozenset(filter(None, [only])),
        selftest=selftest,
    )


def test_each_case_runs_directly_first_and_then_at_the_target() -> None:
    cases = plan(CHAT).cases(CHECKS["plain/text"])
    modes = CHECKS["plain/text"].modes
    assert cases == [CaseOf(subject, CHAT, mode) for subject in ("direct", "target") for mode in modes]


def test_a_canary_runs_through_a_relay_with_its_first_fault() -> None:
    check = CHECKS["keys/refused/wrong"]
    assert list(plan().subjects(check)) == [f"fault:{check.catches[0]}", "target"]


def test_the_selftest_runs_each_fault_and_a_relay_without_any() -> None:
    check = CHECKS["stream/event-order"]
    assert list(plan(selftest=True).subjects(check)) == ["direct", "relay", *(f"fault:{f}" for f in check.catches)]


def test_a_check_runs_where_surface_profile_and_feature_are_claimed() -> None:
    check = CHECKS["plain/text"]
    assert plan().surfaces_of(check) == list(Surface)
    assert plan(MESSAGES).surfaces_of(check) == [MESSAGES]
    assert plan(profiles={"openai-chat", "headers"}).surfaces_of(check) == [CHAT]
    assert plan(without="body").surfaces_of(check) == []
    assert plan(only="plain/text").surfaces_of(check) == list(Surface)
    assert plan(only="plain/unicode").surfaces_of(check) == []


def test_what_is_not_claimed_is_named_once_a_surface() -> None:
    found = list(plan(MESSAGES, without="betas").unclaimed(CHECKS.values()))
    assert {check.feature for check, _ in found} == {"betas"}
    assert {check.id for check, _ in found} == {check.id for check in CHECKS.values() if check.feature == "betas"}
    assert [
        check.id for check, _ in plan(MESSAGES, without="betas", only="plain/text").unclaimed(CHECKS.values())
    ] == []


def test_a_case_is_shown_with_all_its_parts() -> None:
    assert str(CaseOf("target", CHAT, Mode.SYNC_STREAM)) == "target-openai-chat-sync-stream"
