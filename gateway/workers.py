"""Several processes on one machine behind the same listeners.

The parent opens the sockets and forks. Between it and each worker there is a line: on it a worker says once that it
serves; when the parent's end is shut, also because the parent is dead, the worker stops as on SIGTERM; when the
worker's end is, the worker is dead, and another one takes its number.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from gateway.addresses import addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from gateway.addresses import Sockets
    from gateway.config import Settings

READY = b"1"
SECONDS_BEFORE_ANOTHER_TRY = 1.0
SECONDS_TO_WRITE_THE_REST = 10.0


@dataclass(frozen=True)
class Post:
    """A worker's place: its number, what it listens on by the section that asks for it, and where its siblings are."""

    number: int
    count: int
    sockets: Mapping[str, Sockets]
    directory: Path
    parent: socket.socket

    def unix_socket(self, number: int) -> Path:
        """On which a worker tells its siblings of itself."""
        return self.directory / f"{number}.sock"

    @property
    def counts(self) -> Path:
        """In which they count their calls together."""
        return self.directory / "counts.sqlite3"

    def ready(self) -> None:
        with suppress(OSError):  # the parent has gone
            self.parent.sendall(READY)


@dataclass
class Worker:
    number: int
    process: int
    line: socket.socket
    serves: bool = field(default=False)


class Workers:
    def __init__(self, settings: Settings, count: int, work: Callable[[Post], None]) -> None:
        self._grace = settings.listen.grace_seconds
        self._addresses = addresses(settings)
        self._count = count
        self._work = work
        self._sockets: dict[str, Sockets] = {}
        self._alive: dict[int, Worker] = {}
        self._missing: dict[int, float] = {}
        self._selector = selectors.DefaultSelector()
        self._announced = self._failed = False
        self._deadline: float | None = None

    def run(self) -> int:
        """Serves until SIGTERM or SIGINT; the exit code. OSError where an address is taken."""
        with ExitStack() as ending:
            self._directory = Path(ending.enter_context(TemporaryDirectory(prefix="gateway-")))
            ending.callback(self._stop_listening)
            for section, address in self._addresses.items():
                self._sockets[section] = address.bound()
            self._hear_signals(ending)
            gc.freeze()  # what is loaded now is shared for as long as nobody writes to it
            for number in range(self._count):
                self._start(number)
            while self._alive or self._missing:
                self._wait()
        return int(self._failed)

    def _wait(self) -> None:
        for key, _ in self._selector.select(self._patience()):
            if isinstance(key.data, Worker):
                self._hear(key.data)
            else:
                key.data()
        now = time.monotonic()
        for number in [number for number, at in self._missing.items() if at <= now]:
            del self._missing[number]
            self._start(number)
        if self._deadline is not None and now >= self._deadline:
            for worker in self._alive.values():
                os.kill(worker.process, signal.SIGKILL)

    def _patience(self) -> float | None:
        until = [*self._missing.values(), *([] if self._deadline is None else [self._deadline])]
        return max(0.0, min(until) - time.monotonic()) if until else None

    def _start(self, number: int) -> None:
        ours, theirs = socket.socketpair()
        process = os.fork()
        if process == 0:
            self._become(number, ours, theirs)
        theirs.close()
        self._alive[number] = worker = Worker(number, process, ours)
        self._selector.register(ours, selectors.EVENT_READ, worker)

    def _become(self, number: int, ours: socket.socket, theirs: socket.socket) -> None:
        """What the child does, and all that it does."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for signum in (signal.SIGTERM, signal.SIGINT):
                signal.signal(signum, signal.SIG_DFL)
            for line in (ours, *(worker.line for worker in self._alive.values())):
                line.close()  # else no sibling would see that the parent is dead
            self._selector.close()
            self._work(Post(number, self._count, self._sockets, self._directory, theirs))
            code = 0
        except click.ClickException as error:
            error.show()
        except BaseException:  # noqa: BLE001 -- nothing may get out: the parent's code is up the stack
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _hear(self, worker: Worker) -> None:
        try:
            said = worker.line.recv(1)
        except ConnectionError:
            said = b""
        if said == READY:
            worker.serves = True
            self._announce()
        else:
            self._bury(worker)

    def _bury(self, worker: Worker) -> None:
        self._selector.unregister(worker.line)
        worker.line.close()
        _, status = os.waitpid(worker.process, 0)
        del self._alive[worker.number]
        if self._deadline is not None:
            return
        if not self._announced:
            self._failed = True
            self._stop()
            return
        code = os.waitstatus_to_exitcode(status)
        click.echo(f"worker {worker.number} ended with {code}; another one takes its place", err=True)
        self._missing[worker.number] = time.monotonic() + (0.0 if worker.serves else SECONDS_BEFORE_ANOTHER_TRY)

    def _announce(self) -> None:
        if self._announced or not all(worker.serves for worker in self._alive.values()):
            return
        self._announced = True
        said = {"listen": "listening on {}", "management": "managing keys at {}", "metrics": "metrics at {}/metrics"}
        for section, sockets in self._sockets.items():
            click.echo(said[section].format(self._addresses[section].url(sockets[0].getsockname())))

    def _stop(self) -> None:
        if self._deadline is not None:
            return
        self._deadline = time.monotonic() + self._grace + SECONDS_TO_WRITE_THE_REST
        self._missing.clear()
        self._stop_listening()
        for worker in self._alive.values():
            with suppress(OSError):
                worker.line.shutdown(socket.SHUT_WR)

    def _stop_listening(self) -> None:
        for section, sockets in self._sockets.items():
            for each in sockets:
                each.close()
            if (path := self._addresses[section].uds) is not None:
                path.unlink(missing_ok=True)
        self._sockets = {}

    def _hear_signals(self, ending: ExitStack) -> None:
        ours, theirs = socket.socketpair()
        ending.callback(ours.close)
        ending.callback(theirs.close)
        theirs.settimeout(0)
        signal.set_wakeup_fd(theirs.fileno())
        ending.callback(signal.set_wakeup_fd, -1)
        for signum in (signal.SIGTERM, signal.SIGINT):
            ending.callback(signal.signal, signum, signal.signal(signum, noted))

        def heard() -> None:
            ours.recv(64)
            self._stop()

        self._selector.register(ours, selectors.EVENT_READ, heard)
        ending.callback(self._selector.close)


def noted(_signum: int, _frame: FrameType | None) -> None:
    """The number has gone through the wake-up socket."""
