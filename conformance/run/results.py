"""What one case of a check came to, as a value that crosses from worker to controller."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from conformance.drivers import ClientFailedError, Mode
from conformance.lanes import MAIN
from conformance.run.plan import CaseOf
from conformance.run.stage import TARGET
from conformance.surface import Surface
from reports import Outcome

if TYPE_CHECKING:
    import pytest

    from conformance.run.afterwards import Afterwards


@dataclass(frozen=True)
class Result:
    """One case: what it was aimed at, what came of it, the keys that were found on either side meanwhile, and how
    the target's process ended meanwhile, if it did."""

    check: str
    subject: str
    surface: Surface
    mode: str
    outcome: Outcome
    seconds: float
    message: str = ""
    evidence: str = ""
    to_client: tuple[str, ...] = ()
    to_upstream: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    bridge: Surface | None = None
    lane: str = MAIN

    @property
    def case(self) -> CaseOf:
        return CaseOf(self.subject, self.surface, Mode(self.mode), self.bridge, self.lane)

    @property
    def needs_confirmation(self) -> bool:
        return self.subject == TARGET and self.outcome == "fail"

    def confirmed_by(self, second: Result) -> Result:
        """A failure that does not repeat itself is flaky; one that cannot be tried again is no finding."""
        if second.outcome in ("fail", "error"):
            return second
        return replace(self, outcome="flaky", message=f"{self.message}\nsecond try: {second.outcome} {second.message}")


RESULT: TypeAdapter[Result] = TypeAdapter(Result)


def outcome_of(error: BaseException | None) -> Outcome:
    """An assertion or a deadline is the gateway's failure; anything else is ours."""
    if error is None:
        return "pass"
    return "fail" if isinstance(error, AssertionError | TimeoutError) else "error"


def message_of(excinfo: pytest.ExceptionInfo[BaseException] | None, requirement: str, afterwards: Afterwards) -> str:
    """What was required, what was found, and one line for each side."""
    if excinfo is None:
        return ""
    found = excinfo.exconly(tryshort=True).removeprefix("AssertionError: ").removeprefix("assert ")
    if isinstance(excinfo.value, ClientFailedError):
        found = str(excinfo.value)
    elif not isinstance(excinfo.value, AssertionError):
        found = f"{found}\nat {excinfo.traceback[-1].path}:{excinfo.traceback[-1].lineno + 1}"
    if isinstance(excinfo.value, TimeoutError):
        found = "the check did not come to an end before its deadline"
    return f"required: {requirement}\nfound: {_clipped(found)}\n{afterwards.transcript()}"


def _clipped(text: str, limit: int = 1500) -> str:
    return text if len(text) <= limit else f"{text[:limit]} [... {len(text) - limit} more characters]"
