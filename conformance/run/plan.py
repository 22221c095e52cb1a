"""Which cases of which checks a run holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conformance.check import TRANSLATION
from conformance.drivers import Mode, client_of
from conformance.lanes import MAIN
from conformance.ledger import added_profiles
from conformance.run.stage import DIRECT, FAULT, RELAY, TARGET
from conformance.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from conformance.check import Check
    from conformance.lanes import Lane
    from conformance.target import Target

CANARIES = frozenset(
    {
        "tools/ids",
        "stream/event-order",
        "body/request-unchanged",
        "headers/beta/never-seen",
        "keys/refused/wrong",
        "limits/requests/in-a-row",
        "isolation/client-key/calls",
        "connection/no-duplicates",
        "observability/audit/every-call",
        "routing/fallback/statuses",
        "gemini/stream/plain-chunks",
        "cloud/bedrock/frames",
        "translation/answer/tools",
    }
)
"""The checks that a faulty relay must turn red before anybody is judged: one of each kind."""


LANE_MODES = (Mode.ASYNC, Mode.ASYNC_STREAM)
"""The ways of calling an SDK that every lane knows: for an answer as a whole, and for its events."""

Route = tuple["Surface", "Surface | None"]
"""A surface, and the protocol that the provider speaks where it is another one."""


@dataclass(frozen=True)
class CaseOf:
    """One case of a check: what it is aimed at, on which surface, in which mode.

    `bridge` is the protocol that the provider speaks, where the gateway has to translate; `lane` the generation of the
    SDK that asks.
    """

    subject: str
    surface: Surface
    mode: Mode
    bridge: Surface | None = None
    lane: str = MAIN

    def __str__(self) -> str:
        over = f"-over-{self.bridge}" if self.bridge else ""
        lane = "" if self.lane == MAIN else f"-{self.lane}"
        return f"{self.subject}-{self.surface}{over}{lane}-{self.mode}"


@dataclass(frozen=True)
class Plan:
    """`profiles` and `features` are what is judged; `only` narrows to single checks.

    `surfaces` are those served by a provider of the same protocol, `bridges` the pairs that take translation.
    `lanes` are those driven beside the main one. `cannot` says of features why they cannot be tried here.
    """

    surfaces: tuple[Surface, ...]
    profiles: frozenset[str]
    features: frozenset[str]
    only: frozenset[str] = frozenset()
    selftest: bool = False
    bridges: tuple[tuple[Surface, Surface], ...] = ()
    lanes: tuple[Lane, ...] = ()
    cannot: Mapping[str, str] = field(default_factory=dict)

    def cases(self, check: Check) -> list[CaseOf]:
        if not self.runs(check) or not self.tries(check):
            return []
        return [
            CaseOf(subject, surface, mode, bridge, lane)
            for subject in self.subjects(check)
            for surface, bridge in self.routes(check, subject)
            for lane, mode in self.drivers(check, subject, surface)
        ]

    def narrows(self, target: Target) -> bool:
        """Whether the run judges less than the target claims."""
        return bool(self.only) or self.profiles != frozenset(target.claims.profiles)

    def everything(self, checks: Iterable[Check]) -> Iterator[tuple[str, CaseOf]]:
        """Every case of the run, with the id of its check."""
        for check in checks:
            yield from ((check.id, case) for case in self.cases(check))

    def tries(self, check: Check) -> bool:
        return check.feature in self.features and check.feature not in self.cannot

    def runs(self, check: Check) -> bool:
        return not self.only or check.id in self.only

    def subjects(self, check: Check) -> Iterator[str]:
        """Controls first: what proves the instrument runs before what it measures."""
        if check.direct:
            yield DIRECT
        if self.selftest:
            yield from (RELAY, *(FAULT + fault for fault in check.catches))
        else:
            yield from (FAULT + fault for fault in check.catches[:1] if _is_canary(check))
            yield TARGET

    def routes(self, check: Check, subject: str) -> list[Route]:
        """Where the check applies to what is claimed; what translates is proved on the protocols that it ends in."""
        if not check.bridges or self.selftest:
            return [(s, None) for s in check.surfaces if s in self.surfaces and check.profile_on(s) in self.profiles]
        pairs: list[Route] = [
            (surface, over)
            for surface, over in self.bridges
            if surface in check.surfaces and over in (check.over or Surface) and TRANSLATION in self.profiles
        ]
        return pairs if subject == TARGET else [(surface, None) for surface in dict.fromkeys(s for s, _ in pairs)]

    def drivers(self, check: Check, subject: str, surface: Surface) -> Iterator[tuple[str, Mode]]:
        """Lanes and modes; a relay with a fault shows what a check is worth, on whatever lane."""
        yield from ((MAIN, mode) for mode in check.modes if client_of(surface, mode))
        if check.lanes and subject in {DIRECT, TARGET}:
            for lane in self.lanes:
                if surface in lane.surfaces and lane.can(check.id):
                    yield from ((lane.name, mode) for mode in check.modes if mode in LANE_MODES)

    def excluded(self, checks: Iterable[Check]) -> Iterator[tuple[Check, Surface, Surface | None, Lane]]:
        """Where a lane cannot be asked what the check asks; the lane says why."""
        for check in checks:
            if check.lanes and self.runs(check) and check.feature in self.features:
                for surface, bridge in self.routes(check, TARGET):
                    for lane in self.lanes:
                        if surface in lane.surfaces and not lane.can(check.id):
                            yield check, surface, bridge, lane

    def unclaimed(self, checks: Iterable[Check]) -> Iterator[tuple[Check, Surface, Surface | None]]:
        """What belongs to a claimed profile but to a feature that the target does not claim."""
        for check in checks:
            if self.runs(check) and not self.tries(check):
                yield from ((check, surface, bridge) for surface, bridge in self.routes(check, TARGET))


def _is_canary(check: Check) -> bool:
    """What a package adds proves itself in every run: we do not know its kinds."""
    return check.id in CANARIES or check.profile in added_profiles()
