"""A target that runs: started, awaited, and described for whoever tests it."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import choice, token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2

from conformance.secrets import Secret, redact
from conformance.target.container import Contained, engine_environment, executed, find_image, upstream_inside
from conformance.target.hooks import CONTAINER, HookFailedError, Hooks
from conformance.target.installs import Missing, installed
from conformance.target.process import (
    Process,
    TargetNotStartedError,
    clean_environment,
    find_executable,
    how_it_ended,
    last_lines,
    search_path,
)
from conformance.target.schema import Observed, Ready
from conformance.target.supervision import Pulse, Supervisor
from conformance.target.templates import fill
from conformance.target.versions import version_in
from conformance.tls import tls
from reports.hostile import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conformance.surface import Surface
    from conformance.target.schema import Container, Model, Start, Target

_POLL_SECONDS = 0.05
_PROBE_TIMEOUT = 2.0
_COMMAND_TIMEOUT = 120.0
_RUNS_ALREADY = Ready(seconds=5)
_OUTPUT, _JOURNAL, _SETTINGS, _SHARED = "output.log", "supervisor.jsonl", "container.json", "shared"
_FOR_US_ONLY, _READ_BY_ANY_USER, _FOR_ANY_USER = 0o600, 0o644, 0o777
_GIVEN_TO_NOBODY = range(20_000, 32_768)
"""Ports that systems give to nobody who asks for any: one that is free stays free until the target takes it."""


@dataclass(frozen=True)
class Running:
    """A gateway that serves, until the `with launch(…)` block ends."""

    surfaces: dict[Surface, str]
    key: str
    version: str
    hooks: Hooks
    pulse: Pulse
    logs: tuple[Path, ...] = ()
    observed: Observed | None = None
    replicas: tuple[dict[Surface, str], ...] = ()

    def headers(self, model: Model) -> tuple[tuple[str, str], ...]:
        """What clients of a model send besides what their surface asks for."""
        return tuple((name, fill(value, self.hooks.values)) for name, value in model.headers.items())

    def output(self) -> bytes:
        """All that the gateway has written so far: stdout, stderr, and the logs that its target file names."""
        return b"".join(log.read_bytes() for log in self.logs if log.is_file())

    def describe(self) -> dict[str, Any]:
        """All that another process needs, as JSON values. They hold secrets."""
        return {
            "surfaces": {surface.value: url for surface, url in self.surfaces.items()},
            "key": self.key,
            "version": self.version,
            "hooks": self.hooks.describe(),
        }


@contextmanager
def launch(target: Target, upstream_url: str, secrets: Mapping[str, Secret], workdir: Path) -> Iterator[Running]:
    """Start the target in `workdir`, await it, and stop it at the end; raises `TargetNotStartedError`.

    `secrets` holds those that the target file names (`client`, `openai`, …). Nothing of the target outlives the block,
    nor the harness itself, however it ends. One that already runs is probed and left alone.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    launcher = _Launcher(target, _values(target, upstream_url, secrets, workdir), secrets, workdir)
    launcher.shared.mkdir(exist_ok=True)
    if target.start is None:
        launcher.await_ready(_RUNS_ALREADY, None)
        yield launcher.running(Pulse(launcher.origin()))
        return
    journal = workdir / _JOURNAL
    with Supervisor(
        partial(launcher.started, target.start),
        partial(launcher.await_ready, target.start.ready),
        launcher.told_of,
        journal,
    ):
        yield launcher.running(Pulse(launcher.origin(), journal))


def _values(target: Target, upstream_url: str, secrets: Mapping[str, Secret], workdir: Path) -> dict[str, str]:
    home = installed(target)
    if isinstance(home, Missing):
        raise TargetNotStartedError(f"{target.name}: {home.reason}")
    contained = target.start and target.start.container
    upstream = (upstream_inside(upstream_url) if contained else upstream_url).rstrip("/")
    return {
        "upstream": upstream,
        "upstream_address": urlsplit(upstream).netloc,
        "workdir": str(workdir.absolute() / _SHARED if contained else workdir.absolute()),
        **_ports(target),
        "install": str(home),
        "python": sys.executable,
        "here": str(target.here),
        **({CONTAINER: f"conformance-{target.name}-{token_hex(4)}"} if contained else {}),
        **{f"secret:{name}": secret.value for name, secret in secrets.items()},
    }


def _ports(target: Target) -> dict[str, str]:
    if target.start is None:
        return {"port": "", "second_port": ""}
    first = target.start.port or free_port()
    if target.start.port:
        _look_at(first, target)
    return {"port": str(first), "second_port": str(free_port(first))}


def free_port(*taken: int) -> int:
    """None of those that are taken already."""
    while (port := choice(_GIVEN_TO_NOBODY)) in taken or not _is_free(port):
        pass
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def _look_at(wanted: int, target: Target) -> None:
    """Raises where the port that a target file names cannot be had."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            why = "is in use by another program" if error.errno == errno.EADDRINUSE else f"is not to be had: {error}"
            raise TargetNotStartedError(
                f"{target.name}: port {wanted} {why}; free it, or leave out target.start.port to take any free port"
            ) from None


@dataclass(frozen=True)
class _Launcher:
    """One launch: the target, and what its placeholders stand for."""

    target: Target
    values: dict[str, str]
    secrets: Mapping[str, Secret]
    workdir: Path

    @property
    def shared(self) -> Path:
        """The `{workdir}` of the target file: of a container, only what it shall see."""
        return Path(self.values["workdir"])

    def started(self, start: Start) -> Process:
        return self.contained(start, start.container) if start.container else self.commanded(start, start.command or ())

    def contained(self, start: Start, container: Container) -> Process:
        find_image(self.target, self.fill(container.image))
        self.shared.chmod(_FOR_ANY_USER)  # whoever the image runs as; nobody else gets as far as here
        self.write_files(start, mode=_READ_BY_ANY_USER)
        described = Contained(
            name=self.values[CONTAINER],
            image=self.fill(container.image),
            command=None if start.command is None else [self.fill(part) for part in start.command],
            env={name: self.fill(value) for name, value in start.env.items()},
            directory=str(self.shared),
            port=container.port,
            published=int(self.values["port"]),
        )
        command, log = described.command_line(self.workdir / _SETTINGS), self.workdir / _OUTPUT
        return Process(command, cwd=self.workdir, environment=engine_environment(), log=log)

    def commanded(self, start: Start, words: tuple[str, ...]) -> Process:
        command = [self.fill(part) for part in words]
        named = str(self.target.here / command[0]) if os.sep in command[0] else command[0]
        if (executable := find_executable(named)) is None:
            raise self.failed(f"{named}: command not found; install it, or put its directory on PATH ({search_path()})")
        self.write_files(start, mode=_FOR_US_ONLY)
        environment, log = self.environment(), self.workdir / _OUTPUT
        return Process([executable, *command[1:]], cwd=self.workdir, environment=environment, log=log)

    def write_files(self, start: Start, mode: int) -> None:
        for name, content in start.files.items():
            path = self.shared / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=mode)
            path.write_text(self.fill(content), encoding="utf-8")

    def await_ready(self, ready: Ready, process: Process | None) -> None:
        """Probe until the target serves, and each of its replicas; give up at once when its process ends."""
        for origin in (self.origin(), *self.replicas()):
            self.await_ready_at(origin + self.fill(ready.path), ready, process)

    def await_ready_at(self, url: str, ready: Ready, process: Process | None) -> None:
        """For at most `ready.seconds`."""
        deadline = time.monotonic() + ready.seconds
        with httpx2.Client(timeout=_PROBE_TIMEOUT, trust_env=False, verify=tls()) as client:
            while (seen := _probe(client, url, ready)) is not None:
                if process and (code := process.exited()) is not None:
                    hint = "" if code else "; its command must stay in the foreground"
                    raise self.failed(f"{how_it_ended(code)} before it served{hint}", process)
                if time.monotonic() > deadline:
                    raise self.failed(f"not ready after {ready.seconds:g} s: {url}: {seen}", process)
                time.sleep(_POLL_SECONDS)
        if process and (code := process.exited()) is not None:
            raise self.failed(f"{how_it_ended(code)}, while something else answers at {url}", process)

    def running(self, pulse: Pulse) -> Running:
        hooks = Hooks(self.target.auth, self.origin(), self.values, self.environment())
        start = self.target.start
        logs = (self.workdir / _OUTPUT, *(self.shared / name for name in start.logs)) if start else ()
        return Running(
            surfaces={surface: self.fill(url) for surface, url in self.target.surfaces.items()},
            key=self.key(hooks),
            version=self.version(),
            hooks=hooks,
            pulse=pulse,
            logs=logs,
            observed=self.observed(),
            replicas=tuple(self.served_at(origin) for origin in self.replicas()),
        )

    def replicas(self) -> list[str]:
        return [self.fill(url).rstrip("/") for url in self.target.replicas]

    def served_at(self, replica: str) -> dict[Surface, str]:
        urls = {surface: urlsplit(self.fill(url)) for surface, url in self.target.surfaces.items()}
        return {surface: f"{replica}{url.path}" for surface, url in urls.items()}

    def observed(self) -> Observed | None:
        if (table := self.target.observability) is None:
            return None
        audit = self.workdir / table.audit if table.audit else None
        metrics = self.fill(table.metrics) if table.metrics else None
        return Observed(table=table, audit=audit, metrics=metrics)

    def key(self, hooks: Hooks) -> str:
        if self.target.auth.key is not None:
            return self.fill(self.target.auth.key)
        try:
            return hooks.mint()
        except HookFailedError as error:
            raise self.failed(f"target.auth.{error}") from None

    def version(self) -> str:
        if self.target.version is not None:
            return self.target.version
        command = [self.fill(part) for part in self.target.version_command]
        try:
            done = self.said(command)
            done.check_returncode()
        except (OSError, subprocess.SubprocessError) as error:
            raise self.failed(f"target.version_command: {error}") from None
        return version_in(done.stdout or done.stderr)

    def said(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """What a command says where the gateway runs."""
        if container := self.values.get(CONTAINER):
            return executed(container, command)
        return subprocess.run(
            [find_executable(command[0]) or command[0], *command[1:]],
            cwd=self.workdir,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        env = self.target.start.env if self.target.start else {}
        return clean_environment(self.workdir, {name: self.fill(value) for name, value in env.items()})

    def origin(self) -> str:
        """Scheme, host and port of the first surface: where the paths of `ready` and hooks are."""
        url = urlsplit(self.fill(next(iter(self.target.surfaces.values()))))
        return f"{url.scheme}://{url.netloc}"

    def fill(self, template: str) -> str:
        return fill(template, self.values)

    def told_of(self, process: Process) -> str:
        """How a process ended, and its last words."""
        return "\n".join([how_it_ended(process.wait()), *self.last_words(process)])

    def failed(self, what: str, process: Process | None = None) -> TargetNotStartedError:
        """What happened and, where a process ran, its last words."""
        said = self.last_words(process) if process else ()
        return TargetNotStartedError("\n".join([f"{self.target.name}: {what}", *said]))

    def last_words(self, process: Process) -> list[str]:
        """Without any secret."""
        lines = last_lines(process.output())
        shown = [f"  | {one_line(redact(line, list(self.secrets.values())))}" for line in lines]
        return ["it wrote last:", *shown] if lines else ["it wrote nothing"]


def _probe(client: httpx2.Client, url: str, ready: Ready) -> str | None:
    """What speaks against the target being ready; None when it is."""
    try:
        with client.stream("GET", url) as answer:
            good = answer.status_code == ready.status if ready.status else answer.status_code < 500  # noqa: PLR2004
            return None if good else f"status {answer.status_code}"
    except httpx2.HTTPError as error:
        return one_line(str(error)) or type(error).__name__
