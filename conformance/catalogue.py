"""Every check there is, found by importing the suites: ours, and those that other packages add."""

from __future__ import annotations

import pkgutil
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from conformance.check import REGISTRY, UnknownCheckError
from conformance.extensions import extensions
from conformance.faulty import FAULTS
from conformance.ledger import added_features, added_profiles, ledger
from conformance.target import FEATURES, PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.check import Check
    from conformance.extensions import Extension


def load_suites() -> dict[str, Check]:
    """Import all suites; the checks by id, in the order of the suites. Raises `ExtensionInvalidError`."""
    suites = import_module("conformance.suites")
    for module in sorted(pkgutil.walk_packages(suites.__path__, "conformance.suites."), key=lambda found: found.name):
        if module.name.rpartition(".")[2].startswith("test_"):
            import_module(module.name)
    _load_extensions()
    return REGISTRY


def find(check_id: str) -> Check:
    """The check of that id, or an error that names near ones."""
    checks = load_suites()
    if check_id not in checks:
        near = "".join(f"\n  did you mean {other}?" for other in get_close_matches(check_id, checks, n=3))
        raise UnknownCheckError(f"no check is called {check_id}{near}")
    return checks[check_id]


@cache
def _load_extensions() -> None:
    for extension in extensions():
        for name in (*REGISTRY, *FAULTS, *PROFILES, *FEATURES):
            if extension.owns(name):
                raise extension.error(f"its name is taken: there is {name} already")
    for extension in extensions():
        for problem in _added_by(extension):
            raise extension.error(problem)


def _added_by(extension: Extension) -> Iterator[str]:
    """Import what the package adds; what is wrong with it."""
    faults, checks = dict(FAULTS), set(REGISTRY)
    extension.import_faults()
    extension.import_checks()
    for name, fault in FAULTS.items():
        if faults.get(name) is not fault and not extension.owns(name):
            yield f"the fault {name} must begin with {extension.name}-"
    for name in REGISTRY.keys() - checks:
        yield from (f"the check {name} {problem}" for problem in _problems(extension, REGISTRY[name]))
    for requirement in (requirement for requirement in ledger().values() if extension.owns(requirement.id)):
        for name in set(requirement.checks) - REGISTRY.keys():
            yield f"the requirement {requirement.id} names {name}, which is no check"


def _problems(extension: Extension, check: Check) -> Iterator[str]:
    """What keeps a package's check from being one."""
    if not check.id.startswith(f"{extension.name}/"):
        yield f"must be called {extension.name}/{check.id}"
    if check.profile not in added_profiles() or not extension.owns(check.profile):
        yield f"must count in a profile of its own package, not in {check.profile or 'that of its surface'}"
    if check.feature not in FEATURES | added_features():
        yield f"needs the feature {check.feature}, which nobody knows"
    if check.requirement not in ledger() or check.id not in ledger()[check.requirement].checks:
        yield f"is not listed by its requirement {check.requirement}"
    if unknown := [fault for fault in check.catches if fault not in FAULTS]:
        yield f"catches {unknown[0]}, which is no fault"
