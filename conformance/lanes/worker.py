"""A lane's worker: the process in which its SDK runs, and the line to it."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio

from conformance.drivers.answer import DriverLostError, FailedElsewhereError
from conformance.lanes.protocol import Cancel, Reply, line, reply
from conformance.target.process import clean_environment, last_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from conformance.lanes.protocol import Request

PATIENCE = 10.0
"""Seconds in which a worker that lives gives up a call, whatever the gateway does."""

_SHOWN = 200


@dataclass(frozen=True)
class Answered:
    """What came of a request, and the number under which a stream that it opened is known."""

    id: int
    value: Any


class Worker:
    """Serves any number of calls at a time, from any event loop; `lost` says why it serves no more."""

    def __init__(self, name: str, command: Sequence[str], home: Path) -> None:
        self.name = name
        self.lost = ""
        self._log = home / "stderr"
        self._ids = itertools.count(1)
        self._waiting: dict[int, Future[Reply]] = {}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=home,
                env=clean_environment(home, {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the harness; the worker ends with its input
            )
        self._reader = threading.Thread(target=self._read, name=f"lane {name}", daemon=True)
        self._reader.start()

    async def ask(self, request: Request) -> Answered:
        """Raises what the SDK raised, as `FailedElsewhereError`; a caller that is cancelled takes the call with it."""
        number = next(self._ids)
        future = self._send(number, request)
        try:
            answer = await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            await self._give_up(number)
            raise
        if answer.failure is not None:
            raise FailedElsewhereError(answer.failure)
        return Answered(number, answer.value)

    async def _give_up(self, number: int) -> None:
        """Also tells a slow gateway from a worker that hangs."""
        with anyio.CancelScope(shield=True):
            try:
                await asyncio.wait_for(asyncio.wrap_future(self._send(next(self._ids), Cancel(number))), PATIENCE)
            except TimeoutError:
                self._lose(f"did not give up a call within {PATIENCE:g} s")
                raise self._error() from None

    def stop(self) -> None:
        self._lose("was stopped")
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what could not be written any more
                assert pipe is not None
                pipe.close()

    def _send(self, number: int, request: Request) -> Future[Reply]:
        future: Future[Reply] = Future()
        self._waiting[number] = future
        if self.lost:
            raise self._error()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line(number, request))
            self._process.stdin.flush()
        except OSError:
            self._lose("takes no more requests")
            raise self._error() from None
        return future

    def _read(self) -> None:
        """A thread of its own: event loops come and go with the cases, the worker stays."""
        for said in self._process.stdout or ():
            try:
                answer = reply(said)
            except ValueError:
                self._lose(f"said {said[:_SHOWN]!r}")
                return
            future = self._waiting.pop(answer.id, None)
            if future is not None and future.set_running_or_notify_cancel():
                future.set_result(answer)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)
        self._lose(f"ended with {self._process.poll()}")

    def _lose(self, why: str) -> None:
        self.lost = self.lost or why
        self._process.kill()
        self._process.wait()
        for number in list(self._waiting):
            future = self._waiting.pop(number, None)
            if future is not None and future.set_running_or_notify_cancel():
                future.set_exception(self._error())

    def _error(self) -> DriverLostError:
        told = "".join(f"\n  | {text}" for text in last_lines(self._log.read_bytes()))
        return DriverLostError(f"the worker of lane {self.name} {self.lost}{told}")
