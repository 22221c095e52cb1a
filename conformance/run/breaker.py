"""Gives up a target that has stopped answering: one that hangs on everything would hold a run for hours.

So is one that is gone for good: what is known of it is told once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.run.stage import TARGET
from conformance.upstream import PATIENCE

if TYPE_CHECKING:
    from conformance.run.results import Result

HANGS = 2.5 * PATIENCE
"""Seconds after which a failing case has run into a deadline of its client's; a check's own are shorter."""

LIMIT = 3
"""Cases in a row that hang, or find nobody listening, after which the rest is not tried."""


class Breaker:
    """Counts what gets no answer; one a worker."""

    def __init__(self) -> None:
        self._in_a_row = 0

    @property
    def is_open(self) -> bool:
        return self._in_a_row >= LIMIT

    def saw(self, result: Result, *, is_listening: bool = True) -> None:
        if result.subject == TARGET:
            self._in_a_row = self._in_a_row + 1 if hangs(result) or not is_listening else 0


def hangs(result: Result) -> bool:
    return result.outcome == "fail" and result.seconds >= HANGS


def not_tried(result: Result) -> Result:
    """The result of a case that was spared."""
    told = f"not tried: {LIMIT} cases in a row had hung until their deadlines, or found nobody listening"
    return replace(result, outcome="not-observable", message=told)
