"""A check's page, made from its declaration and the ledger."""

from __future__ import annotations

import inspect
from importlib import import_module
from textwrap import indent
from typing import TYPE_CHECKING, Any

from conformance.faulty import FAULTS

if TYPE_CHECKING:
    from conformance.check import Check


def profiles_of(check: Check) -> list[str]:
    """The profiles in which the check's results may count."""
    return sorted({check.profile_on(surface) for surface in check.surfaces})


def described(check: Check) -> dict[str, Any]:
    """The check as JSON values."""
    return {
        "id": check.id,
        "title": check.title,
        "level": check.held.level,
        "profiles": profiles_of(check),
        "feature": check.feature,
        "surfaces": list(check.surfaces),
        "drivers": list(check.modes),
        "requirement": check.requirement,
        "spec": check.held.url,
        "catches": list(check.catches),
    }


def page(check: Check) -> str:
    """The check's page, for a terminal."""
    held = check.held
    quote = f'  "{held.quote}"\n' if held.quote else ""
    catches = "\n".join(f"  {name:<32}{FAULTS[name].description}" for name in check.catches)
    return (
        f"{check.id}\n{check.title}\n\n"
        f"{held.level}: {held.text}\n{quote}  {held.source}, {held.url} (read {held.read})\n\n"
        f"profiles  {', '.join(profiles_of(check))}\n"
        f"feature   {check.feature}\n"
        f"surfaces  {', '.join(check.surfaces)}\n"
        f"drivers   {', '.join(check.modes)}\n\n"
        f"catches\n{catches}\n\n"
        f"{indent(_source(check), '  ')}"
    )


def _source(check: Check) -> str:
    module, _, name = check.source.rpartition(".")
    return inspect.getsource(inspect.unwrap(getattr(import_module(module), name)))
