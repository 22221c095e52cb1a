"""Every check there is, found by importing the suites."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

from conformance.check import REGISTRY, UnknownCheckError

if TYPE_CHECKING:
    from conformance.check import Check


def load_suites() -> dict[str, Check]:
    """Import all suites; the checks by id, in the order of the suites."""
    suites = import_module("conformance.suites")
    for module in sorted(pkgutil.walk_packages(suites.__path__, "conformance.suites."), key=lambda found: found.name):
        if module.name.rpartition(".")[2].startswith("test_"):
            import_module(module.name)
    return REGISTRY


def find(check_id: str) -> Check:
    """The check of that id, or an error that names near ones."""
    checks = load_suites()
    if check_id not in checks:
        raise UnknownCheckError(check_id)
    return checks[check_id]
