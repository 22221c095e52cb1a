"""The ledger of requirements: what a gateway owes, who says so, which checks hold it.

Each file of `requirements/` is one source. A requirement is held by the checks it names, or `excluded` with a reason.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, model_validator

Level = Literal["must", "should", "may"]
BUGS = "bugs.toml"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    keyword: Level
    text: str
    quote: str | None = None
    url: str | None = None
    checks: tuple[str, ...] = ()
    excluded: str | None = None

    @model_validator(mode="after")
    def _held_or_excluded(self) -> _Entry:
        if bool(self.checks) == bool(self.excluded):
            raise ValueError("a requirement names its checks, or the reason for having none")
        return self


class _Source(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    url: str
    read: date
    requirements: dict[str, _Entry]


@dataclass(frozen=True)
class Requirement:
    """One requirement: `text` in our words, `quote` in the source's, `read` the day on which we read it."""

    id: str
    level: Level
    text: str
    quote: str | None
    source: str
    url: str
    read: date
    checks: tuple[str, ...]
    excluded: str | None


@cache
def ledger() -> dict[str, Requirement]:
    """Every requirement by its id; a malformed file is an error that names it."""
    found: dict[str, Requirement] = {}
    for file in sorted(files("conformance.requirements").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml") and file.name != BUGS:
            source = TypeAdapter(_Source).validate_python(tomllib.loads(file.read_text(encoding="utf-8")))
            for name, entry in source.requirements.items():
                if name in found:
                    raise ValueError(f"{file.name}: requirement {name} stands in {found[name].source} already")
                found[name] = _requirement(name, entry, source)
    return found


def _requirement(name: str, entry: _Entry, source: _Source) -> Requirement:
    return Requirement(
        id=name,
        level=entry.keyword,
        text=entry.text,
        quote=entry.quote,
        source=source.source,
        url=entry.url or source.url,
        read=source.read,
        checks=entry.checks,
        excluded=entry.excluded,
    )
