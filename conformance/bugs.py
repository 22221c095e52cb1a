"""Bugs that users of real gateways met: the checks that would have shown them, or the reason for having none."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, TypeAdapter, model_validator

from conformance.ledger import BUGS

Family = Literal[
    "streaming",
    "tools",
    "body",
    "headers",
    "errors",
    "usage",
    "connection",
    "keys",
    "translation",
    "routing",
    "cloud",
    "agents",
]
Later = Literal["agents"]

FAMILIES: tuple[Family, ...] = get_args(Family)
WIRE_FAMILIES = FAMILIES[:11]
"""What the suites of today are there for; the other families belong to later ones."""

LATER: dict[Later, str] = {
    "agents": "shows only with a whole agent, or with what stands around a gateway",
}
"""The profiles that are still to come, and what they will judge."""


class Bug(BaseModel):
    """One bug of one gateway.

    reference  where it was reported
    symptom    what its users saw, in our words
    pair       the protocols of client and provider, where the bug lives between two
    checks     each of them fails on a gateway that has the bug
    excluded   why no check should, as its maintainers would agree
    later      the profile to come that will judge it, a key of `LATER`
    alike      with either of these two: the checks that find the same kind of bug where the suites can look
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    project: str
    reference: str
    family: Family
    symptom: str
    pair: str | None = None
    checks: tuple[str, ...] = ()
    excluded: str | None = None
    later: Later | None = None
    alike: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _held_or_not(self) -> Bug:
        if [bool(self.checks), bool(self.excluded), bool(self.later)].count(True) != 1:
            raise ValueError("a bug names its checks, or one reason for having none")
        if self.alike and self.checks:
            raise ValueError("alike is for bugs that no check holds")
        return self

    @property
    def reason(self) -> str:
        """Why no check holds it; empty where one does."""
        return self.excluded or (LATER[self.later] if self.later else "")


@cache
def bugs() -> dict[str, Bug]:
    """Every bug by its id."""
    text = (files("conformance.requirements") / BUGS).read_text(encoding="utf-8")
    return TypeAdapter(dict[str, Bug]).validate_python(tomllib.loads(text))
