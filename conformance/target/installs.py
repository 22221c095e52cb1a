"""Installations of targets, each in a directory of its own: `<targets>/<name>@<version>`."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.target.loading import load
from conformance.target.process import find_executable
from conformance.target.templates import fill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conformance.target.schema import Install, Target

_MARKER = "installed.json"
_LAST_LINES = 15


@dataclass(frozen=True)
class Missing:
    """Why a target cannot start here, and what to do about it."""

    reason: str


class InstallFailedError(Exception):
    """A target's software could not be installed; holds the installer's last words."""


def targets_directory() -> Path:
    if chosen := os.environ.get("CONFORMANCE_TARGETS"):
        return Path(chosen).absolute()
    return cache_directory() / "targets"


def cache_directory() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "llm-gateway-conformance"


def installed(target: Target) -> Path | Missing:
    """The directory of the target's own software; the harness's own where a target needs none."""
    if target.install is None:
        return Path(sys.prefix)
    if target.install.apt:
        return _from_system(target.install)
    home = _home(target)
    if is_whole(home):
        return home
    return Missing(f"not installed; run: conformance targets install {target.name}@{target.version}")


def install(name: str, progress: Callable[[str], None]) -> Path:
    """Install a target (`litellm`, `litellm@1.89.4`) and return where; the installer's lines go to `progress`."""
    target = load(name)
    if isinstance(found := installed(target), Path):
        return found
    if target.install is None or target.install.apt:
        raise InstallFailedError(f"{target.name}: {found.reason}")
    home = _home(target)
    packages = [fill(each, {"version": target.version or ""}) for each in target.install.pip or target.install.npm]
    set_up(f"{target.name}@{target.version}", target.install, packages, home, progress)
    return home


def is_whole(home: Path) -> bool:
    return (home / _MARKER).is_file()


def set_up(label: str, install: Install, packages: list[str], home: Path, progress: Callable[[str], None]) -> None:
    """Install packages in a directory of their own, unless they are there.

    A virtual environment holds its own path and cannot be moved, so it is built in place, and a marker, written last,
    says that it is whole: what has none is torn down and built anew.
    """
    with _alone(home):
        if not is_whole(home):
            _build(label, install, packages, home, progress)
            (home / _MARKER).write_text(json.dumps(install.model_dump()), encoding="utf-8")


def _from_system(install: Install) -> Path | Missing:
    assert install.executable is not None
    if executable := find_executable(install.executable):
        return Path(executable).parent
    return Missing(f"{install.executable} is not installed; run: apt-get install {install.apt}")


def _home(target: Target) -> Path:
    assert target.install is not None
    return targets_directory() / f"{target.install.name or target.name}@{target.version}"


def _build(label: str, install: Install, packages: list[str], home: Path, progress: Callable[[str], None]) -> None:
    """Install with uv where it is found, as it is quick and shares files between installations, else with pip or npm.

    pip has the last word: its configuration, which uv does not read, may know the only way to a registry.
    """
    if install.pip and (uv := shutil.which("uv")):
        try:
            _run_afresh(label, _with_uv(uv, install, home, packages), home, progress)
        except InstallFailedError:
            progress("uv could not; now pip")
        else:
            return
    commands = _with_pip(install, home, packages) if install.pip else _with_npm(install, home, packages)
    _run_afresh(label, commands, home, progress)


def _with_uv(uv: str, install: Install, home: Path, packages: list[str]) -> Iterator[list[str]]:
    yield [uv, "venv", "--python", install.python or sys.executable, str(home)]
    yield [uv, "pip", "install", "--python", str(home / "bin" / "python"), *packages]


def _with_pip(install: Install, home: Path, packages: list[str]) -> Iterator[list[str]]:
    yield [install.python or sys.executable, "-m", "venv", str(home)]
    python = str(home / "bin" / "python")
    yield [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *packages]


def _with_npm(install: Install, home: Path, packages: list[str]) -> Iterator[list[str]]:
    home.mkdir()
    manifest = {"private": True, "overrides": install.overrides}
    (home / "package.json").write_text(json.dumps(manifest), encoding="utf-8")
    yield ["npm", "install", "--prefix", str(home), "--no-audit", "--no-fund", *packages]


def _run_afresh(label: str, commands: Iterator[list[str]], home: Path, progress: Callable[[str], None]) -> None:
    shutil.rmtree(home, ignore_errors=True)
    for command in commands:
        _run(label, command, progress)


def _run(label: str, command: list[str], progress: Callable[[str], None]) -> None:
    """Run one command of an installer, in the user's environment, which knows the way to the registries."""
    lines: list[str] = []
    try:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                progress(lines[-1])
    except OSError as error:
        raise InstallFailedError(f"{label}: {command[0]}: {error.strerror}") from None
    if process.returncode:
        last = "\n".join(f"  | {line}" for line in lines[-_LAST_LINES:])
        raise InstallFailedError(f"{label}: {command[0]} ended with {process.returncode}:\n{last}")


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Keep a second installation of the same target waiting."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_name(home.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
