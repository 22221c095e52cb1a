"""Installations of lanes, each in a directory of its own: `<lanes>/<name>@<version>`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance.lanes.table import MAIN, Lane, lane, lanes, main_lane
from conformance.surface import CORE
from conformance.target.installs import cache_directory, is_whole, set_up
from conformance.target.schema import Install

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ALL, INSTALLED = "all", "installed"


class NotInstalledError(Exception):
    """A lane was asked for that is not installed; says which command installs it."""

    def __init__(self, *missing: Lane) -> None:
        names = " ".join(lane.name for lane in missing)
        super().__init__(f"lane not installed: {names}; run: conformance lanes install {names}")


def lanes_directory() -> Path:
    if chosen := os.environ.get("CONFORMANCE_LANES"):
        return Path(chosen).absolute()
    return cache_directory() / "lanes"


def installed_lane(lane: Lane) -> Path | None:
    """The directory of the lane's SDK; None where it is not installed."""
    home = _home(lane)
    return home if is_whole(home) else None


def described(lane: Lane) -> dict[str, Any]:
    """What `conformance lanes list --format json` says of a lane."""
    home = installed_lane(lane)
    return {
        "name": lane.name,
        "registry": lane.registry,
        "package": lane.package,
        "version": lane.version,
        "surfaces": list(lane.surfaces),
        "without": lane.without,
        "installed": str(home) if home else None,
    }


def install_lane(lane: Lane, progress: Callable[[str], None]) -> Path:
    """Install the lane's SDK and return where; the installer's lines go to `progress`."""
    home = _home(lane)
    if lane.registry == "pip":
        install = Install(pip=(f"{lane.package}=={lane.version}",))
    else:
        install = Install(npm=(f"{lane.package}@{lane.version}",))
    set_up(home.name, install, [*install.pip, *install.npm], home, progress)
    return home


def chosen(names: Iterable[str]) -> tuple[Lane, ...]:
    """The lanes that a run is to drive beside its own; `all` and `installed` stand for several.

    The generation of the harness's own process is the main lane, and driven anyway.
    """
    asked = frozenset(names)
    found = {lane(name).name for name in asked - {ALL, INSTALLED, MAIN}}
    if ALL in asked:
        found |= lanes().keys()
    if INSTALLED in asked:
        found |= {each.name for each in lanes().values() if installed_lane(each)}
    drive = [each for each in lanes().values() if each.name in found - {main_lane(surface) for surface in CORE}]
    if missing := [each for each in drive if not installed_lane(each)]:
        raise NotInstalledError(*missing)
    return tuple(drive)


def _home(lane: Lane) -> Path:
    return lanes_directory() / f"{lane.name}@{lane.version}"
