"""Waivers: failures that somebody answers for, for a while.

[[waiver]]
check = "headers/custom"
surface = "openai-chat"                 # optional, and so is `driver`: the case
signature = "3f9c2d41a0be"              # of the failure; a waiver with a wrong one is told the right one
reason = "our edge strips x- headers"
issue = "https://…/issues/17"
owner = "platform@example.com"
expires = 2027-01-31
"""

from __future__ import annotations

import tomllib
from datetime import date
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from conformance.secrets import fingerprint
from reports import CheckResult, signature

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from pathlib import Path


class WaiversInvalidError(Exception):
    """The waiver file cannot be read; says where."""


class Waiver(BaseModel):
    """One failure that is known, answered for, and expected to end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: str
    signature: str
    reason: str
    issue: str
    owner: str
    expires: date
    surface: str | None = None
    driver: str | None = None

    def covers(self, row: CheckResult) -> bool:
        case = (self.surface in (None, row.case.surface)) and (self.driver in (None, row.case.driver))
        return case and self.check == row.id and row.failing


def failure_signature(row: CheckResult) -> str:
    """What stays the same while a check keeps failing in the same way: 12 hex digits."""
    return fingerprint(signature(row.message.partition("\nclient saw:")[0]))


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    waiver: tuple[Waiver, ...] = ()


def read_waivers(path: Path) -> tuple[Waiver, ...]:
    try:
        return _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).waiver
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WaiversInvalidError(f"{path}: {error}") from error
    except ValidationError as error:
        places = [f"{path}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise WaiversInvalidError("\n".join(places)) from error


def waived(
    rows: Sequence[CheckResult], waivers: Sequence[Waiver], *, today: date, aside: Container[str] = ()
) -> list[CheckResult]:
    """The rows, those that are covered marked so; a waiver that is not in order becomes a failing row of its own.

    `aside` are the checks that the run was narrowed past: of their waivers it can say nothing.
    """
    current = [waiver for waiver in waivers if waiver.expires >= today]
    judged = [_judged(row, current) for row in rows]
    return [*judged, *_misused(rows, waivers, today, aside)]


def _judged(row: CheckResult, waivers: Sequence[Waiver]) -> CheckResult:
    for waiver in waivers:
        if waiver.covers(row) and waiver.signature == failure_signature(row):
            said = f"waived by {waiver.owner} until {waiver.expires}: {waiver.reason} ({waiver.issue})\n{row.message}"
            return row.model_copy(update={"outcome": "waived", "message": said})
    return row


def _misused(
    rows: Sequence[CheckResult], waivers: Sequence[Waiver], today: date, aside: Container[str]
) -> Iterator[CheckResult]:
    for number, waiver in enumerate(waivers, start=1):
        if waiver.check not in aside and (wrong := _what_is_wrong(waiver, rows, today)):
            yield CheckResult(
                id=f"waivers/{number}",
                title=f"waiver {number} is known, current and needed",
                level="must",
                profile=next((row.profile for row in rows if row.id == waiver.check), "waivers"),
                outcome="fail",
                message=f"waiver {number}, for {waiver.check} (owner {waiver.owner}): {wrong}",
            )


def _what_is_wrong(waiver: Waiver, rows: Sequence[CheckResult], today: date) -> str:
    if waiver.check not in {row.id for row in rows}:
        return "no such check was run"
    if waiver.expires < today:
        return f"it expired on {waiver.expires}"
    covered = [row for row in rows if waiver.covers(row)]
    if not covered:
        return "it is no longer needed: nothing fails"
    seen = {failure_signature(row) for row in covered}
    others = ", ".join(sorted(seen - {waiver.signature}))
    return "" if waiver.signature in seen else f"the check fails in another way now: signature {others}"
