"""The built-in targets, and which of them can start here."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.target.installs import Missing, installed
from conformance.target.loading import BUILTIN, load


@dataclass(frozen=True)
class BuiltIn:
    """One built-in target; `missing` says why it cannot start here, None that it can."""

    name: str
    version: str | None
    description: str
    missing: str | None


def builtin() -> list[BuiltIn]:
    return [_entry(name) for name in sorted(BUILTIN)]


def _entry(name: str) -> BuiltIn:
    target = load(name)
    found = installed(target)
    return BuiltIn(name, target.version, target.description, found.reason if isinstance(found, Missing) else None)
