"""The workers of a run: one process a lane, started by the first case that needs it and kept to the end."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.lanes.installs import NotInstalledError, installed_lane
from conformance.lanes.table import lane
from conformance.lanes.worker import Worker
from conformance.target.process import find_executable

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from conformance.lanes.table import Lane


class Workers:
    """`of(name)` is the worker of a lane; one that was lost is followed by another. All end with the `with` block."""

    def __init__(self) -> None:
        self._opened = ExitStack()
        self._running: dict[str, Worker] = {}

    def of(self, name: str) -> Worker:
        worker = self._running.get(name)
        if worker is None or worker.lost:
            home = Path(self._opened.enter_context(tempfile.TemporaryDirectory(prefix=f"lane-{name}-")))
            worker = self._running[name] = Worker(name, command(lane(name)), home)
            self._opened.callback(worker.stop)
        return worker

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._opened.close()


def command(lane: Lane) -> list[str]:
    """Runs the lane's program in the lane's own environment."""
    home = installed_lane(lane)
    if home is None:
        raise NotInstalledError(lane)
    programs = Path(str(files("conformance.lanes") / "programs"))
    if lane.registry == "pip":
        return [str(home / "bin" / "python"), "-I", str(programs / "python_worker.py"), lane.package]
    return [find_executable("node") or "node", str(programs / "node_worker.mjs"), lane.package, str(home)]
