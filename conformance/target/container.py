"""A target in a container: started through `contained.py` under the guard, like any other command.

What has to be known about the engine is asked here, so that mistakes are named before anything starts.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from conformance.containers.engine import EngineError, engine, find
from conformance.target.process import TargetNotStartedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.target.schema import Target

LOOPBACK = "127.0.0.1"
_PROGRAM = Path(__file__).with_name("contained.py")
_OF_THE_ENGINE = ("DOCKER_", "TESTCONTAINERS_")
_HOST_FROM_INSIDE = "host.docker.internal"


@dataclass(frozen=True)
class Contained:
    """One container: what `contained.py` is told. `directory` is mounted, and has the same path inside."""

    name: str
    image: str
    command: list[str] | None
    env: dict[str, str]
    directory: str
    port: int
    published: int

    def command_line(self, settings: Path) -> list[str]:
        settings.touch(mode=0o600)
        settings.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return [sys.executable, str(_PROGRAM), str(settings)]


def engine_environment() -> dict[str, str]:
    """What of the user's environment says where the engine is."""
    return {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME"} or name.startswith(_OF_THE_ENGINE)
    }


def find_image(target: Target, image: str) -> None:
    """The engine has the image; raises `TargetNotStartedError` with the key in question."""
    try:
        find(image)
    except EngineError as error:
        raise TargetNotStartedError(f"{target.name}: target.start.container.image: {error}") from None


def upstream_host(target: Target | None) -> str:
    """Where the upstream must listen so that the target reaches it: loopback, or the engine's own network.

    An engine in a virtual machine has no address here, and leads its containers to our loopback by a name.
    """
    if target is None or target.start is None or target.start.container is None:
        return LOOPBACK
    try:
        with engine() as docker:
            networks = docker.networks.get("bridge").attrs["IPAM"]["Config"]
    except EngineError as error:
        raise TargetNotStartedError(f"{target.name}: target.start.container: {error}") from None
    return next((at for at in map(_gateway, networks) if _is_ours(at)), LOOPBACK)


def _gateway(network: dict[str, str]) -> str:
    """Docker does not always tell, and takes a subnet's first address."""
    return network.get("Gateway") or str(next(ipaddress.ip_network(network["Subnet"]).hosts()))


def upstream_inside(url: str) -> str:
    """The upstream's URL, as it is called from inside."""
    split = urlsplit(url)
    if split.hostname not in {LOOPBACK, "localhost"}:
        return url
    return split._replace(netloc=f"{_HOST_FROM_INSIDE}:{split.port}").geturl()


def executed(container: str, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """A command run inside; raises `OSError` when it cannot be."""
    try:
        with engine() as docker:
            done = docker.containers.get(container).exec_run(list(command), demux=True)
            code, (out, err) = cast("tuple[int, tuple[bytes | None, bytes | None]]", done)
    except EngineError as error:
        raise OSError(f"in the container: {error}") from None
    return subprocess.CompletedProcess(list(command), code, _text(out), _text(err))


def _text(output: bytes | None) -> str:
    return (output or b"").decode(errors="replace")


def _is_ours(address: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
