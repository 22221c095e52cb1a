"""The suite's own score: which check catches which fault, and whether anything fails without one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from rich.text import Text

from conformance.faulty import FAULTS
from conformance.run.certify import run
from conformance.run.stage import FAULT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from conformance.run.results import Result


@dataclass(frozen=True)
class KillMatrix:
    """`caught` and `missed` hold (check, fault); `alarms` what failed where nothing is wrong; `idle` unused faults.

    `cases` is all that ran: a pair counts as caught if one of its cases failed.
    """

    cases: tuple[Result, ...]
    caught: tuple[tuple[str, str], ...]
    missed: tuple[tuple[str, str], ...]
    alarms: tuple[Result, ...]
    idle: tuple[str, ...]
    passed: int

    @property
    def proven(self) -> bool:
        return bool(self.caught) and not (self.missed or self.alarms or self.idle)


def selftested(checks: Sequence[str], *, workers: int, console: Console) -> KillMatrix:
    """Run every check directly, through the clean relay, and through each relay with a fault that it names."""
    finished = run(
        ["--conformance-selftest", *(f"--conformance-check={name}" for name in checks)],
        console=console,
        workers=workers,
    )
    return matrix(finished.results, narrowed=bool(checks))


def matrix(results: Sequence[Result], *, narrowed: bool) -> KillMatrix:
    pairs: dict[tuple[str, str], bool] = {}
    for result in results:
        if result.subject.startswith(FAULT):
            pair = (result.check, result.subject.removeprefix(FAULT))
            pairs[pair] = pairs.get(pair, False) or result.outcome == "fail"
    clean = [result for result in results if not result.subject.startswith(FAULT)]
    used = {fault for _, fault in pairs}
    return KillMatrix(
        cases=tuple(results),
        caught=tuple(sorted(pair for pair, caught in pairs.items() if caught)),
        missed=tuple(sorted(pair for pair, caught in pairs.items() if not caught)),
        alarms=tuple(result for result in clean if result.outcome != "pass"),
        idle=() if narrowed else tuple(sorted(FAULTS.keys() - used)),
        passed=sum(result.outcome == "pass" for result in clean),
    )


def as_json(found: KillMatrix) -> str:
    """The whole matrix; `cases` has one line for each check, subject, surface and mode."""
    return json.dumps(
        {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": version("llm-gateway-conformance"),
            "proven": found.proven,
            "caught": [{"check": check, "fault": fault} for check, fault in found.caught],
            "missed": [{"check": check, "fault": fault} for check, fault in found.missed],
            "alarms": [
                {"check": r.check, "subject": r.subject, "surface": r.surface, "mode": r.mode, "message": r.message}
                for r in found.alarms
            ],
            "idle": list(found.idle),
            "passed": found.passed,
            "cases": [
                {"check": r.check, "subject": r.subject, "surface": r.surface, "mode": r.mode, "outcome": r.outcome}
                for r in found.cases
            ],
        },
        indent=1,
    )


def as_text(found: KillMatrix) -> Text:
    faults: dict[str, list[str]] = {}
    for check, fault in found.caught:
        faults.setdefault(fault, []).append(check)
    lines = [f"  {fault:<32} {', '.join(checks)}" for fault, checks in sorted(faults.items())]
    lines += [f"  NOT CAUGHT {fault} by {check}" for check, fault in found.missed]
    lines += [f"  NOBODY NAMES {fault}" for fault in found.idle]
    lines += [f"  FALSE ALARM {r.check} on {r.subject} {r.surface} {r.mode}\n{r.message}" for r in found.alarms]
    checks = {check for check, _ in found.caught}
    lines.append(
        f"{len(faults)} faults caught by {len(checks)} checks, {len(found.missed)} pairs missed, "
        f"{found.passed} cases green without a fault, {len(found.alarms)} false alarms"
    )
    return Text("\n".join(lines), style="green" if found.proven else "red")
