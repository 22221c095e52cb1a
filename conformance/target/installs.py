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
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "llm-gateway-conformance" / "targets"


def installed(target: Target) -> Path | Missing:
    """The directory of the target's own software; the harness's own where a target needs none."""
    if target.install is None:
        return Path(sys.prefix)
    if target.install.apt:
        return _from_system(target.install)
    home = _home(target)
    if (home / _MARKER).is_file():
        return home
    return Missing(f"not installed; run: conformance targets install {target.name}@{target.version}")


def install(name: str, progress: Callable[[str], None]) -> Path:
    """Install a target (`litellm`, `litellm@1.89.4`) and return where; the installer's lines go to `progress`.

    A virtual environment holds its own path and cannot be moved, so it is built in place, and a marker, written last,
    says that it is whole: what has none is torn down and built anew.
    """
    target = load(name)
    if isinstance(found := installed(target), Path):
        return found
    if target.install is None or target.install.apt:
        raise InstallFailedError(f"{target.name}: {found.reason}")
    home = _home(target)
    with _alone(home):
        if not (home / _MARKER).is_file():
            shutil.rmtree(home, ignore_errors=True)
            for command in _commands(target, target.install, home):
                _run(target, command, progress)
            (home / _MARKER).write_text(json.dumps(target.install.model_dump()), encoding="utf-8")
    return home


def _from_system(install: Install) -> Path | Missing:
    assert install.executable is not None
    if executable := find_executable(install.executable):
        return Path(executable).parent
    return Missing(f"{install.executable} is not installed; run: apt-get install {install.apt}")


def _home(target: Target) -> Path:
    return targets_directory() / f"{target.name}@{target.version}"


def _commands(target: Target, install: Install, home: Path) -> Iterator[list[str]]:
    packages = [fill(package, {"version": target.version or ""}) for package in install.pip or install.npm]
    if install.npm:
        yield ["npm", "install", "--prefix", str(home), "--no-audit", "--no-fund", "--no-save", *packages]
    else:
        python = str(home / "bin" / "python")
        yield [install.python or sys.executable, "-m", "venv", str(home)]
        yield [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *packages]


def _run(target: Target, command: list[str], progress: Callable[[str], None]) -> None:
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
        raise InstallFailedError(f"{target.name}@{target.version}: {command[0]}: {error.strerror}") from None
    if process.returncode:
        last = "\n".join(f"  | {line}" for line in lines[-_LAST_LINES:])
        raise InstallFailedError(
            f"{target.name}@{target.version}: {command[0]} ended with {process.returncode}:\n{last}"
        )


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Keep a second installation of the same target waiting."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_name(home.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
