"""Which cases of which checks a run holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from conformance.run.stage import DIRECT, FAULT, RELAY, TARGET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from conformance.check import Check
    from conformance.drivers import Mode
    from conformance.surface import Surface
    from conformance.target import Target

CANARIES = frozenset(
    {
        "tools/ids",
        "stream/event-order",
        "body/request-unchanged",
        "headers/beta/never-seen",
        "keys/refused/wrong",
        "isolation/client-key/calls",
        "connection/no-duplicates",
    }
)
"""The checks that a faulty relay must turn red before anybody is judged: one of each kind."""


@dataclass(frozen=True)
class CaseOf:
    """One case of a check: what it is aimed at, on which surface, in which mode."""

    subject: str
    surface: Surface
    mode: Mode

    def __str__(self) -> str:
        return f"{self.subject}-{self.surface}-{self.mode}"


@dataclass(frozen=True)
class Plan:
    """`profiles` and `features` are what is judged; `only` narrows to single checks; `surfaces` are those served."""

    surfaces: tuple[Surface, ...]
    profiles: frozenset[str]
    features: frozenset[str]
    only: frozenset[str] = frozenset()
    selftest: bool = False

    def cases(self, check: Check) -> list[CaseOf]:
        return [
            CaseOf(subject, surface, mode)
            for subject in self.subjects(check)
            for surface in self.surfaces_of(check)
            for mode in check.modes
        ]

    def narrows(self, target: Target) -> bool:
        """Whether the run judges less than the target claims."""
        return bool(self.only) or self.profiles != frozenset(target.claims.profiles)

    def everything(self, checks: Iterable[Check]) -> Iterator[tuple[str, str, str, str]]:
        """Check, subject, surface and mode of every case of the run."""
        for check in checks:
            yield from ((check.id, case.subject, case.surface, case.mode) for case in self.cases(check))

    def subjects(self, check: Check) -> Iterator[str]:
        """Controls first: what proves the instrument runs before what it measures."""
        if check.direct:
            yield DIRECT
        if self.selftest:
            yield from (RELAY, *(FAULT + fault for fault in check.catches))
        else:
            yield from (FAULT + fault for fault in check.catches[:1] if check.id in CANARIES)
            yield TARGET

    def surfaces_of(self, check: Check) -> list[Surface]:
        """Where the check applies to what is claimed."""
        if (self.only and check.id not in self.only) or check.feature not in self.features:
            return []
        return [s for s in check.surfaces if s in self.surfaces and check.profile_on(s) in self.profiles]

    def unclaimed(self, checks: Iterable[Check]) -> Iterator[tuple[Check, Surface]]:
        """What belongs to a claimed profile but to a feature that the target does not claim."""
        for check in checks:
            if check.feature not in self.features and (not self.only or check.id in self.only):
                for surface in check.surfaces:
                    if surface in self.surfaces and check.profile_on(surface) in self.profiles:
                        yield check, surface
