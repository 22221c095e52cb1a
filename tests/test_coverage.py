"""Every bug that users met is held by checks that exist, or by a reason; and none of those that we know is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from conformance.bugs import FAMILIES, LATER, WIRE_FAMILIES, Bug, bugs
from conformance.catalogue import load_suites
from conformance.surface import Surface
from tests.absent import absent

CHECKS = load_suites()
_REFERENCE = Path(__file__).parents[2] / "shared" / "reference" / "bugs.jsonl"
PAIRS = {f"{client} over {provider}" for client in Surface for provider in Surface if client != provider}


def reported() -> list[dict[str, Any]]:
    """The collection that the ledger was made from, where it lies beside the repository."""
    if not _REFERENCE.is_file():
        absent(f"no collected bugs at {_REFERENCE}")
    return [json.loads(line) for line in _REFERENCE.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", bugs())
def test_a_bug_is_held_by_checks_that_exist_or_says_why_not(name: str) -> None:
    bug = bugs()[name]
    assert {*bug.checks, *bug.alike} <= CHECKS.keys()
    assert bool(bug.checks) != bool(bug.reason)
    assert bug.symptom.endswith(".")
    assert bug.reference.startswith("https://") or bug.reference == "measured by this project"


@pytest.mark.parametrize("name", bugs())
def test_a_bug_between_two_protocols_names_them(name: str) -> None:
    bug = bugs()[name]
    assert bug.pair is None or bug.pair in PAIRS
    if any(CHECKS[check].bridges for check in bug.checks):
        assert bug.pair


def test_no_known_bug_is_missing() -> None:
    assert {row["id"]: row["family"] for row in reported()} == {name: bug.family for name, bug in bugs().items()}


def test_each_bug_is_looked_up_where_it_was_reported() -> None:
    public = {row["id"]: row["url"] for row in reported() if row["url"]}
    assert public == {name: bugs()[name].reference for name in public}


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_has_bugs_and_the_suites_of_today_hold_some_of_theirs(family: str) -> None:
    found = [bug for bug in bugs().values() if bug.family == family]
    assert found
    assert family not in WIRE_FAMILIES or any(bug.checks for bug in found)


@pytest.mark.parametrize(
    "reasons",
    [
        {},
        {"checks": ["plain/text"], "excluded": "none"},
        {"excluded": "none", "later": "agents"},
        {"later": "sometime"},
    ],
)
def test_a_bug_needs_its_checks_or_one_reason(reasons: dict[str, Any]) -> None:
    told = {"project": "a", "reference": "https://a.example/1", "family": "keys", "symptom": "It broke."}
    with pytest.raises(ValidationError):
        Bug.model_validate(told | reasons)


def test_what_waits_says_for_what() -> None:
    waiting = Bug(project="a", reference="https://a.example/1", family="keys", symptom="It broke.", later="agents")
    assert waiting.reason == LATER["agents"]
