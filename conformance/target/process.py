"""One process of the harness's own: a clean environment, a log, a guard that ends it whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

GRACE_SECONDS = 5.0
_GUARD = Path(__file__).with_name("guard.py")
_KILL_PATIENCE = 10.0
_TAIL_BYTES = 64 * 1024


class TargetNotStartedError(Exception):
    """The gateway could not be brought to serve; says what was seen and what to do."""


def search_path() -> str:
    """PATH, and the places of daemons, which Debian leaves out of users' PATH."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def find_executable(name: str) -> str | None:
    return shutil.which(name, path=search_path())


def clean_environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """All that a target's processes inherit: nothing of the user's, so no key of the user's either."""
    return {"PATH": search_path(), "HOME": str(home), "LANG": os.environ.get("LANG", "C.UTF-8"), **more}


class Process:
    """A command that runs, with its whole process group, no longer than the `with` block."""

    def __init__(self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_GUARD), str(GRACE_SECONDS), *command],
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the harness, and through it the guard
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """TERM, grace, KILL of the whole group: closing the pipe makes the guard do it."""
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait(GRACE_SECONDS + _KILL_PATIENCE)

    def wait(self) -> int:
        """Its exit code, once it has one."""
        return self._guard.wait()

    def exited(self) -> int | None:
        """The exit code, 128 + n for signal n; None while it runs."""
        return self._guard.poll()

    def output(self) -> bytes:
        return self.log.read_bytes()


def last_lines(log: bytes, count: int = 15) -> list[str]:
    """The end of a log, which may be a flood; a line that was cut is left out, as a secret in it would hide."""
    lines = log[-_TAIL_BYTES:].decode(errors="replace").splitlines()
    return lines[1:][-count:] if len(log) > _TAIL_BYTES else lines[-count:]


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    try:
        return f"was killed by {signal.Signals(code - 128).name}"
    except ValueError:
        return f"exited with code {code}"
