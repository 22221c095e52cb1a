"""Packages that add suites of their own.

Such a package announces itself under the entry point group `conformance.suites`: the entry's name is its namespace, the
entry's value the package. In the package's folder lie

    test_*.py    its checks, declared as ours are
    *.toml       what its gateways owe, in the form of our ledger, and the profiles and features that it adds
    faults.py    faults of its own, if it wants any

Whatever it adds carries its namespace, so that no two packages meet: checks are called `fjord/…`, all else `fjord` or
`fjord-…`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from types import ModuleType

GROUP = "conformance.suites"
_NAME = re.compile(r"[a-z][a-z0-9-]*")


class ExtensionInvalidError(Exception):
    """A package's suite cannot be used; says which package and why."""


@dataclass(frozen=True)
class Extension:
    """A package that adds a suite; `distribution` and `version` say what was installed."""

    name: str
    package: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} (package {self.package} of {self.distribution} {self.version})"

    def owns(self, name: str) -> bool:
        return name == self.name or name.startswith((f"{self.name}-", f"{self.name}/"))

    def error(self, problem: str) -> ExtensionInvalidError:
        return ExtensionInvalidError(f"the suite {self}: {problem}")

    def load(self) -> ModuleType:
        return self._imported(self.package)

    def ledgers(self) -> list[Traversable]:
        """Its TOML files, by name."""
        self.load()
        found = (file for file in files(self.package).iterdir() if file.name.endswith(".toml"))
        return sorted(found, key=lambda file: file.name)

    def import_checks(self) -> None:
        for module in iter_modules(self.load().__path__, f"{self.package}."):
            if module.name.rpartition(".")[2].startswith("test_"):
                self._imported(module.name)

    def import_faults(self) -> None:
        self.load()
        if find_spec(f"{self.package}.faults"):
            self._imported(f"{self.package}.faults")

    def _imported(self, module: str) -> ModuleType:
        try:
            return import_module(module)
        except Exception as error:
            raise self.error(f"{module} cannot be imported: {type(error).__name__}: {error}") from error


@cache
def extensions() -> tuple[Extension, ...]:
    """All that are installed here, by name."""
    found = sorted(map(_extension, entry_points(group=GROUP)), key=lambda extension: extension.name)
    twice = [name for name, times in Counter(extension.name for extension in found).items() if times > 1]
    for extension in found:
        if extension.name in twice:
            others = ", ".join(other.distribution for other in found if other.name == extension.name)
            raise extension.error(f"its name is taken more than once: by {others}")
        if not _NAME.fullmatch(extension.name):
            raise extension.error("its name must be of small letters, digits and hyphens")
    return tuple(found)


def _extension(entry: EntryPoint) -> Extension:
    return Extension(
        name=entry.name,
        package=entry.value,
        distribution=entry.dist.name if entry.dist else "an unknown distribution",
        version=entry.dist.version if entry.dist else "",
    )
