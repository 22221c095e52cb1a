"""Runs one command in a process group of its own, and ends all of it with whoever started the guard.

`python guard.py GRACE COMMAND...`: standard input is a pipe from the harness. When it closes, because the harness is
done or because it died in any way, the group gets SIGTERM and, `GRACE` seconds later, SIGKILL. When the command itself
ends, so does all that it has started; on Linux that holds for daemons too, which have left the group. Exits as the
command did; 128 + n for signal n. It runs in an empty interpreter (`-I -S`) and imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def main(grace: float, command: list[str]) -> int:
    _adopt_orphans()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_harness, args=(child.pid, grace), daemon=True).start()
    code = child.wait()
    _signal(child.pid, signal.SIGKILL)
    _end_adopted()
    return code if code >= 0 else 128 - code


def _end_with_harness(group: int, grace: float) -> None:
    os.read(0, 1)
    _signal(group, signal.SIGTERM)
    timer = threading.Timer(grace, _signal, (group, signal.SIGKILL))
    timer.daemon = True
    timer.start()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: a group of zombies is not permitted
        os.killpg(group, number)


def _adopt_orphans() -> None:
    """Make daemons of the command children of this process, not of init."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_adopted() -> None:
    """Kill what was adopted, and what is adopted by that, until nothing is left."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while adopted := children.read_text().split() if children.exists() else []:
        for pid in map(int, adopted):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
