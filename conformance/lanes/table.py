"""A lane: one generation of an official SDK, in an environment of its own."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from conformance.drivers import CLIENTS
from conformance.surface import Surface

MAIN = "main"


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Lane:
    """`without` names the checks that this SDK cannot be asked, each with the reason."""

    name: str
    registry: Literal["pip", "npm"]
    package: str
    version: str
    surfaces: tuple[Surface, ...]
    without: dict[str, str] = Field(default_factory=dict)

    def can(self, check: str) -> bool:
        return check not in self.without


class UnknownLaneError(LookupError):
    """No lane has that name."""


_LANES = TypeAdapter(dict[str, Lane])


@cache
def lanes() -> dict[str, Lane]:
    """All lanes by name, in the order of the table."""
    table = tomllib.loads((files("conformance.lanes") / "lanes.toml").read_text(encoding="utf-8"))
    return _LANES.validate_python({name: {"name": name, **lane} for name, lane in table.items()})


def lane(name: str) -> Lane:
    if name not in lanes():
        raise UnknownLaneError(f"no lane is called {name}; there are {', '.join(lanes())}")
    return lanes()[name]


def main_lane(surface: Surface) -> str:
    """What the lane of the harness's own process is called on a surface: the SDK and its generation."""
    return generation(CLIENTS[surface].package)


@cache
def generation(package: str) -> str:
    """An SDK and its major version."""
    return f"{package}-{version(package).partition('.')[0]}"
