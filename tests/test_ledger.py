"""The ledger and the checks say the same, in both directions."""

from __future__ import annotations

from datetime import date

import pytest

from conformance.catalogue import load_suites
from conformance.faulty import FAULTS
from conformance.ledger import Requirement, ledger
from conformance.run.sweep import _SWEPT

CHECKS = load_suites()
HELD = {check.id: check.requirement for check in CHECKS.values()} | {
    check_id: requirement for check_id, (requirement, _) in _SWEPT.items()
}


def test_each_check_is_listed_by_its_requirement_and_by_no_other() -> None:
    listed = [(check, requirement.id) for requirement in ledger().values() for check in requirement.checks]
    assert sorted(listed) == sorted(HELD.items())


@pytest.mark.parametrize("requirement", ledger().values(), ids=lambda requirement: requirement.id)
def test_a_requirement_can_be_read_up(requirement: Requirement) -> None:
    assert requirement.url.startswith("https://")
    assert requirement.read <= date(2027, 1, 1)
    assert requirement.text.endswith(".")
    assert bool(requirement.checks) != bool(requirement.excluded)


def test_each_fault_is_named_by_a_check_and_each_named_fault_exists() -> None:
    named = {fault for check in CHECKS.values() for fault in check.catches}
    assert {"unknown": named - FAULTS.keys(), "idle": FAULTS.keys() - named} == {"unknown": set(), "idle": set()}
