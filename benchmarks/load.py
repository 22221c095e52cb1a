"""The load generator: a fixed number of connections, each with one call at a time, for a fixed time.

Runs as a process of its own: a job as JSON on standard input, the outcome as JSON on standard output. Connections are
kept alive. Each answer must be whole and right; the first one that is not ends the measurement.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.answers import Answer
from benchmarks.exchanges import is_right, request
from conformance.surface import Surface

PATIENCE_SECONDS = 30.0
MOST_CALLS = 200_000
ROUNDS_OF_CONNECTIONS = 4  # a window that is too short for a slow gateway would count by chance


class WrongAnswerError(Exception):
    """A gateway answered otherwise than the upstream; says what was seen."""


class LoadFailedError(Exception):
    """The load generator did not come to its end; holds its last words."""


@dataclass(frozen=True)
class Job:
    url: str
    key: str
    model: str
    surface: Surface
    streamed: bool
    connections: int
    seconds: float

    def request(self) -> bytes:
        return request(self.surface, self.url, self.key, self.model, streamed=self.streamed)


@dataclass(frozen=True)
class Outcome:
    """`calls` ended inside the window of `seconds`, `made` is all of them; `first_byte` is of a body, median, in s."""

    calls: int
    seconds: float
    first_byte: float
    made: int

    @property
    def per_second(self) -> float:
        return self.calls / self.seconds


def run(job: Job) -> Outcome:
    """One measurement; raises `LoadFailedError`."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(job)),
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=job.seconds + 2 * PATIENCE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise LoadFailedError(done.stderr.strip().rpartition("\n")[2])
    return Outcome(**json.loads(done.stdout))


@dataclass
class Window:
    """Opens when each connection has had its first answer, so that nobody's first call is counted."""

    connections: int
    seconds: float
    made: int = 0
    opened: float | None = None
    last: float = 0.0
    first_bytes: list[float] = field(default_factory=list)

    def warmed(self, now: float) -> None:
        self.made += 1
        if self.made >= self.connections and self.opened is None:
            self.opened = now

    def count(self, now: float, first_byte: float) -> None:
        self.made += 1
        if self.opened is not None and self.is_open(now):
            self.last = now
            self.first_bytes.append(first_byte)

    def is_open(self, now: float) -> bool:
        """Also before it opens: the first connections go on until the last one is warm."""
        calls = len(self.first_bytes)
        if self.opened is None or calls < ROUNDS_OF_CONNECTIONS * self.connections:
            return True
        return now < self.opened + self.seconds and calls < MOST_CALLS

    def outcome(self) -> Outcome:
        assert self.opened is not None
        first_byte = statistics.median(self.first_bytes)
        return Outcome(len(self.first_bytes), self.last - self.opened, first_byte, self.made)


class Connection(asyncio.Protocol):
    """A kept connection, one call at a time."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._request = job.request()
        self._transport: asyncio.Transport
        self._waiting: asyncio.Future[Answer] | None = None
        self._answer = Answer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass

    def data_received(self, data: bytes) -> None:
        try:
            self._answer.feed(data)
        except ValueError as error:
            self._failed(f"not HTTP/1.1: {error}")
        if self._answer.complete and self._waiting and not self._waiting.done():
            self._waiting.set_result(self._answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._failed(f"the connection was closed in the middle of a call ({exc})")

    def _failed(self, what: str) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(WrongAnswerError(what))

    async def call(self) -> float:
        """Seconds to the first byte of the answer's body; raises `WrongAnswerError`."""
        if self._transport.is_closing():
            raise WrongAnswerError("the connection was closed between two calls")
        self._waiting = asyncio.get_running_loop().create_future()
        self._answer = Answer()
        started = time.perf_counter()
        self._transport.write(self._request)
        answer = await self._waiting
        if answer.status != 200 or not is_right(self._job.surface, answer.body, streamed=self._job.streamed):  # noqa: PLR2004
            raise WrongAnswerError(f"status {answer.status}: {answer.body[:500]!r}")
        return answer.first_byte - started

    def close(self) -> None:
        self._transport.close()


async def repeat(connection: Connection, window: Window) -> None:
    with closing(connection):
        await connection.call()
        window.warmed(time.perf_counter())
        while window.is_open(time.perf_counter()):
            first_byte = await connection.call()
            window.count(time.perf_counter(), first_byte)


async def measure(job: Job) -> Outcome:
    """Raises `WrongAnswerError`, and `TimeoutError` when calls hang."""
    loop = asyncio.get_running_loop()
    host, _, port = urlsplit(job.url).netloc.partition(":")
    window = Window(job.connections, job.seconds)
    async with asyncio.timeout(job.seconds + PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        for _ in range(job.connections):
            _, connection = await loop.create_connection(lambda: Connection(job), host, int(port))
            group.create_task(repeat(connection, window))
    return window.outcome()


def main() -> None:
    given = json.load(sys.stdin)
    outcome = uvloop.run(measure(Job(**{**given, "surface": Surface(given["surface"])})))
    print(json.dumps(asdict(outcome)))


if __name__ == "__main__":
    try:
        main()
    except* WrongAnswerError as errors:
        sys.exit(f"wrong answer: {errors.exceptions[0]}")
