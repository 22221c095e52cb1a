"""The ledger of requirements: what a gateway owes, who says so, which checks hold it.

Each file of `requirements/` is one source, and so is each TOML file of a package that adds a suite. A requirement is
held by the checks it names, or `excluded` with a reason.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator

from conformance.extensions import Extension, extensions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

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
    """`profiles` and `features`, with what they mean, are for packages that add a suite; ours are `target.claims`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    url: str
    read: date
    profiles: dict[str, str] = {}
    features: dict[str, str] = {}
    requirements: dict[str, _Entry] = {}


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
    for file, source in _ours():
        if twice := source.requirements.keys() & found.keys():
            raise ValueError(_stands_already(file, found[min(twice)]))
        found |= {name: _requirement(name, entry, source) for name, entry in source.requirements.items()}
    for extension, file, source in _added():
        if twice := source.requirements.keys() & found.keys():
            raise extension.error(_stands_already(file, found[min(twice)]))
        found |= {name: _requirement(name, entry, source) for name, entry in source.requirements.items()}
    return found


def _stands_already(file: Traversable, known: Requirement) -> str:
    return f"{file.name}: requirement {known.id} stands in {known.source} already"


def added_profiles() -> dict[str, str]:
    """The profiles of installed packages that add suites, with what they mean."""
    return {name: meaning for _, _, source in _added() for name, meaning in source.profiles.items()}


def added_features() -> dict[str, str]:
    """The features of installed packages that add suites, with what they mean."""
    return {name: meaning for _, _, source in _added() for name, meaning in source.features.items()}


def _ours() -> Iterator[tuple[Traversable, _Source]]:
    for file in sorted(files("conformance.requirements").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml") and file.name != BUGS:
            yield file, _read(file)


@cache
def _added() -> tuple[tuple[Extension, Traversable, _Source], ...]:
    """The ledgers of packages, all of whose names carry the package's."""
    found = [
        (extension, file, _readable(extension, file)) for extension in extensions() for file in extension.ledgers()
    ]
    for extension, file, source in found:
        for name in (*source.profiles, *source.features, *source.requirements):
            if not extension.owns(name):
                raise extension.error(f"{file.name}: {name} must be {extension.name} or begin with {extension.name}-")
    return tuple(found)


def _readable(extension: Extension, file: Traversable) -> _Source:
    try:
        return _read(file)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise extension.error(f"{file.name}: {told}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise extension.error(f"{file.name}: not valid TOML: {error}") from error


def _read(file: Traversable) -> _Source:
    return TypeAdapter(_Source).validate_python(tomllib.loads(file.read_text(encoding="utf-8")))


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
