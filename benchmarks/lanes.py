"""The lanes of the benchmark: the upstream itself and the gateways before it, each started from a target file."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.secrets import mint
from conformance.surface import Surface
from conformance.target import SECRETS, Missing, installed, launch, load

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from conformance.target import Target

HERE = Path(__file__).parent
DIRECT, LIMITED = "direct", "limited"
TARGETS = {
    DIRECT: str(HERE / "direct.toml"),
    "nginx": "nginx",
    "relay": str(HERE / "bare_relay.toml"),
    "reference": "reference",
    LIMITED: "reference",
    "litellm": "litellm",
}
NEVER_REACHED = {
    "requests_per_minute": 10_000_000,
    "tokens_per_minute": 10_000_000_000,
    "streams": 10_000,
    "budget_usd": 1_000_000,
}
"""What the key of `limited` may use: counting is the work, refusing is not."""


@dataclass(frozen=True)
class Lane:
    name: str
    version: str
    urls: Mapping[Surface, str]
    models: Mapping[Surface, str]
    key: str
    workdir: Path

    def processor_seconds(self) -> float | None:
        """What its processes have used since they started; None where /proc cannot tell."""
        return processor_seconds(self.workdir)


def missing(names: Collection[str]) -> dict[str, str]:
    """The lanes that cannot start here, and why."""
    found = {name: installed(load(TARGETS[name])) for name in names}
    return {name: home.reason for name, home in found.items() if isinstance(home, Missing)}


@contextmanager
def running(names: Collection[str], root: Path) -> Iterator[list[Lane]]:
    """All lanes at once, each in a directory below `root`; the upstream runs in any case."""
    with ExitStack() as stack:
        direct = stack.enter_context(lane(DIRECT, "", root))
        upstream = direct.urls[Surface.ANTHROPIC_MESSAGES].removesuffix("/anthropic")
        yield [direct if name == DIRECT else stack.enter_context(lane(name, upstream, root)) for name in names]


@contextmanager
def lane(name: str, upstream: str, root: Path) -> Iterator[Lane]:
    target = load(TARGETS[name])
    secrets = {secret: mint(secret) for secret in SECRETS}
    with launch(target, upstream, secrets, root / name) as gateway:
        key = gateway.hooks.limit(**NEVER_REACHED) if name == LIMITED else gateway.key
        yield Lane(name, gateway.version, gateway.surfaces, asked_for(target), key, root / name)


def asked_for(target: Target) -> dict[Surface, str]:
    """By surface, the model that its provider serves in the same protocol: what is measured is passing through."""
    return {surface: model.name for surface, model in target.straight.items()}


def processor_seconds(workdir: Path) -> float | None:
    """User and system time of the processes that run in a directory."""
    processes = [process for process in Path("/proc").glob("[0-9]*") if works_in(process, workdir)]
    return sum(map(used_by, processes)) if processes else None


def works_in(process: Path, workdir: Path) -> bool:
    try:
        return (process / "cwd").readlink() == workdir
    except OSError:  # it has ended, or is somebody else's
        return False


def used_by(process: Path) -> float:
    """Fields 14 and 15 of /proc/PID/stat, counted behind the name, which may hold anything."""
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
