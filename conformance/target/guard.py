"""Runs one command in a process group of its own, and ends the whole group with whoever started the guard.

`python guard.py GRACE COMMAND...`: standard input is a pipe from the harness. When it closes, because the harness is
done or because it died in any way, the group gets SIGTERM and, `GRACE` seconds later, SIGKILL. Exits as the command
did; 128 + n for signal n. It runs in an empty interpreter (`-I -S`) and imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading


def main(grace: float, command: list[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_harness, args=(child.pid, grace), daemon=True).start()
    code = child.wait()
    _signal(child.pid, signal.SIGKILL)
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


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
