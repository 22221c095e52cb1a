"""One recording on one way through a subject, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from conformance.recordings.judging import Findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.recordings.recording import Recording
    from conformance.surface import Surface

Part = Literal["unchanged", "answer", "request"]
"""Both sides of it, unchanged; its answer, to a client of another protocol; its request, to such a provider."""

SILENCES = 3
"""Calls in a row without a complete answer after which a subject is not asked any more."""


@dataclass(frozen=True)
class Way:
    """From a client's protocol to a provider's."""

    part: Part
    client: Surface
    provider: Surface

    def __str__(self) -> str:
        """In the direction in which it travels."""
        ends = (self.provider, self.client) if self.part == "answer" else (self.client, self.provider)
        return " → ".join(ends)


@dataclass(frozen=True)
class Played:
    """One recording at one subject.

    `status` is what the client got, None for no answer at all; `silent` says that no answer came to its end;
    `reached_the_provider` is told of what passes unchanged; `evidence` is a path below the report's directory.
    """

    recording: Recording
    way: Way
    driver: str
    findings: Findings
    seconds: float
    status: int | None
    silent: bool
    reached_the_provider: bool = False
    evidence: str = ""


def lost(played: Sequence[Played]) -> bool:
    """Whether the subject answers nothing any more."""
    last = played[-SILENCES:]
    return len(last) == SILENCES and all(each.silent for each in last)


def unsent(recording: Recording, way: Way) -> Played:
    why = f"not sent: {SILENCES} calls before it got no complete answer"
    return Played(recording, way, "", Findings(must=(why,)), 0.0, None, silent=True)
