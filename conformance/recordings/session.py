"""`conformance replay`: from the names on a command line to a report."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.progress import Progress

from conformance.recordings.account import report
from conformance.recordings.recording import read_recordings
from conformance.recordings.replay import replayed
from conformance.target import load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from conformance.recordings.plays import Played
    from reports import Report


def replay_report(target: str, directory: Path, protocols: Sequence[str], out: Path, console: Console | None) -> Report:
    """Replay all recordings of these protocols at a target; evidence goes below `out`, the report is the caller's.

    Raises what is wrong with the recordings before anything starts, then what kept the target from starting.
    """
    loaded = load(target)
    recordings = read_recordings(directory, protocols)
    bar = Progress(console=console, transient=True, disable=console is None or not console.is_terminal)
    with bar:
        task = bar.add_task("starting upstream and target", total=None)

        def watch(lane: str, played: Played) -> None:
            bar.update(task, advance=1, description=f"{lane} {played.recording.id}")

        replay = replayed(loaded, recordings, out, watch=watch)
    chosen = [word for name in protocols for word in ("--protocol", name)]
    repeat = shlex.join(["conformance", "replay", target, "--recordings", str(directory), *chosen])
    return report(loaded, recordings, replay, repeat)
