"""Keeps a target serving: a process that ends by itself is written down, and started again.

A crash costs a run the call that it cost its client; what else there is to find is still found.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic.dataclasses import dataclass

from conformance.target.process import TargetNotStartedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from conformance.target.process import Process

RESTARTS = 3
"""How often a target is started again in one run; one that ends more often is left to lie."""

_ENDED, _SERVES, _LEFT = "ended", "serves", "left"
_POLL_SECONDS = 0.05
_PATIENCE = 5.0
"""Seconds within which an end is written down, once nobody listens any more."""


class Supervisor:
    """A process that is started again when it ends, for as long as the `with` block lasts.

    `start` starts it, `await_ready` returns when it serves and raises where it does not, `told_of` tells how it ended.
    `journal` is a file that any process can follow through a `Pulse`.
    """

    def __init__(
        self,
        start: Callable[[], Process],
        await_ready: Callable[[Process], None],
        told_of: Callable[[Process], str],
        journal: Path,
    ) -> None:
        self._start, self._await_ready, self._told_of, self._journal = start, await_ready, told_of, journal
        self._lock = threading.Lock()
        self._stopped = False
        self._process = start()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._await_ready(self._process)
        except BaseException:
            self._process.stop()
            raise
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock:
            self._stopped = True
            self._process.stop()
        self._watcher.join()

    def _watch(self) -> None:
        for restarts_left in reversed(range(RESTARTS + 1)):
            self._process.wait()
            self._process.stop()
            if self._stopped:
                return
            self._write(_ENDED, self._told_of(self._process))
            if not (restarts_left and self._is_restarted()):
                self._write(_LEFT)
                return
            self._write(_SERVES)

    def _is_restarted(self) -> bool:
        try:
            with self._lock:
                if self._stopped:
                    return False
                self._process = self._start()
            self._await_ready(self._process)
        except (TargetNotStartedError, OSError) as error:
            self._write(_ENDED, f"could not be started again: {error}")
            return False
        return True

    def _write(self, event: str, told: str = "") -> None:
        with self._journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, "told": told}) + "\n")


@dataclass(frozen=True)
class Pulse:
    """Whether a target is alive: where it listens, and the journal of its supervisor, where it has one."""

    url: str
    journal: Path | None = None

    def ends(self) -> tuple[str, ...]:
        """How its process ended, each time that it did."""
        return tuple(event["told"] for event in self._events() if event["event"] == _ENDED)

    def ends_since(self, before: tuple[str, ...]) -> tuple[str, ...]:
        """What has been added to `before`; where nobody listens, an end that is only just being written, too."""
        deadline = time.monotonic() + _PATIENCE
        while self._may_have_ended(before) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return self.ends()[len(before) :]

    def _may_have_ended(self, before: tuple[str, ...]) -> bool:
        is_told = self.journal is None or self._last() == _LEFT or self.ends() != before
        return not is_told and not self.is_listening()

    def settled(self) -> tuple[str, ...]:
        """`ends()`, as soon as it serves, or has been left to lie."""
        while self._last() == _ENDED:
            time.sleep(_POLL_SECONDS)
        return self.ends()

    def obituary(self) -> tuple[str, ...]:
        """`ends()`; of a target that has no supervisor, that it is gone, if it is."""
        if self.journal or self.is_listening():
            return self.ends()
        return (f"is gone: nobody listens at {self.url} any more",)

    def is_listening(self) -> bool:
        url = urlsplit(self.url)
        address = (url.hostname or "", url.port or {"http": 80, "https": 443}[url.scheme])
        try:
            socket.create_connection(address, timeout=_PATIENCE).close()
        except OSError:
            return False
        return True

    def _last(self) -> str:
        return next((event["event"] for event in reversed(self._events())), _SERVES)

    def _events(self) -> list[dict[str, str]]:
        """Those that are there in full: a line may just be in the writing."""
        if self.journal is None or not self.journal.exists():
            return []
        lines = self.journal.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]
