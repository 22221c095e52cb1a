from __future__ import annotations

from dataclasses import replace

from conformance.catalogue import load_suites
from conformance.check import TRANSLATION, Check
from conformance.drivers import Mode
from conformance.lanes import MAIN, Lane, lanes
from conformance.run.plan import CaseOf, Plan
from conformance.surface import CORE, Surface
from conformance.target import FEATURES, PROFILES

CHECKS = load_suites()
CHAT, MESSAGES = Surface.OPENAI_CHAT, Surface.ANTHROPIC_MESSAGES


def plan(
    *surfaces: Surface, profiles: set[str] | None = None, without: str = "", only: str = "", selftest: bool = False
) -> Plan:
    return Plan(
        surfaces or CORE,
        frozenset(profiles or PROFILES),
        frozenset(FEATURES) - {without},
        frozenset(filter(None, [only])),
        selftest=selftest,
    )


def surfaces(chosen: Plan, check: Check) -> set[Surface]:
    return {case.surface for case in chosen.cases(check)}


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
    assert surfaces(plan(), check) == set(CORE)
    assert surfaces(plan(MESSAGES), check) == {MESSAGES}
    assert surfaces(plan(profiles={"openai-chat", "headers"}), check) == {CHAT}
    assert surfaces(plan(without="body"), check) == set()
    assert surfaces(plan(only="plain/text"), check) == set(CORE)
    assert surfaces(plan(only="plain/unicode"), check) == set()


def test_what_is_not_claimed_is_named_once_a_surface() -> None:
    found = list(plan(MESSAGES, without="betas").unclaimed(CHECKS.values()))
    assert {check.feature for check, _, _ in found} == {"betas"}
    betas = [check for check in CHECKS.values() if check.feature == "betas" and MESSAGES in check.surfaces]
    assert {check.id for check, _, _ in found} == {check.id for check in betas if not check.bridges}
    assert [
        check.id for check, _, _ in plan(MESSAGES, without="betas", only="plain/text").unclaimed(CHECKS.values())
    ] == []


def test_a_case_is_shown_with_all_its_parts() -> None:
    assert str(CaseOf("target", CHAT, Mode.SYNC_STREAM)) == "target-openai-chat-sync-stream"
    assert str(CaseOf("target", CHAT, Mode.ASYNC, MESSAGES)) == "target-openai-chat-over-anthropic-messages-async"


def test_translation_runs_on_each_declared_pair_and_its_controls_without_translating() -> None:
    check = replace(CHECKS["plain/text"], profile=TRANSLATION, modes=(Mode.ASYNC,))
    chosen = replace(plan(MESSAGES), bridges=((CHAT, MESSAGES), (CHAT, Surface.OPENAI_RESPONSES)))
    assert chosen.cases(check) == [
        CaseOf("direct", CHAT, Mode.ASYNC),
        CaseOf("target", CHAT, Mode.ASYNC, MESSAGES),
        CaseOf("target", CHAT, Mode.ASYNC, Surface.OPENAI_RESPONSES),
    ]
    assert replace(chosen, profiles=frozenset({"openai-chat"})).cases(check) == []


LANE = Lane("openai-2", "pip", "openai", "2.54.0", (CHAT,), {"plain/unicode": "it cannot"})


def on_lanes(check: str) -> list[CaseOf]:
    chosen = replace(plan(only=check), lanes=(LANE,))
    return [case for case in chosen.cases(CHECKS[check]) if case.lane != MAIN]


def test_lanes_run_on_their_surfaces_whole_and_streamed_with_the_direct_control() -> None:
    assert on_lanes("plain/text") == [
        CaseOf(subject, CHAT, mode, lane="openai-2")
        for subject in ("direct", "target")
        for mode in (Mode.ASYNC, Mode.ASYNC_STREAM)
    ]
    assert str(on_lanes("plain/text")[0]) == "direct-openai-chat-openai-2-async"


def test_what_drives_no_sdk_and_what_a_lane_cannot_be_asked_runs_on_the_main_lane_only() -> None:
    assert on_lanes("keys/carrier/bearer") == []
    assert on_lanes("messages/count-tokens/error") == []
    assert on_lanes("plain/unicode") == []


def test_what_a_lane_cannot_be_asked_is_named() -> None:
    chosen = replace(plan(), lanes=(LANE,))
    excluded = list(chosen.excluded(CHECKS.values()))
    assert [(check.id, surface, lane.name) for check, surface, _, lane in excluded] == [
        ("plain/unicode", CHAT, "openai-2")
    ]
    assert [*replace(chosen, only=frozenset({"plain/text"})).excluded(CHECKS.values())] == []


def test_every_check_that_a_lane_leaves_out_exists() -> None:
    assert {check for lane in lanes().values() for check in lane.without} <= CHECKS.keys()


def test_a_check_may_be_about_some_providers_only() -> None:
    check = CHECKS["translation/cloud/betas"]
    pairs = ((MESSAGES, Surface.OPENAI_CHAT), (MESSAGES, Surface.BEDROCK), (CHAT, Surface.BEDROCK))
    chosen = replace(plan(MESSAGES, CHAT), bridges=pairs)
    assert {case.bridge for case in chosen.cases(check) if case.subject == "target"} == {Surface.BEDROCK}


def test_an_sdk_is_called_only_in_ways_that_it_has() -> None:
    check = replace(CHECKS["cloud/answer"], modes=(*Mode,))
    modes = {
        case.mode for case in plan(Surface.AZURE_OPENAI, Surface.BEDROCK).cases(check) if case.surface == "bedrock"
    }
    assert not {mode.value for mode in modes} & {"openai-v1", "mistralai"}
