"""Two gateways on one PostgreSQL and one Redis, each in a container of its own; they share nothing but a directory.

In it are their configuration and the services' sockets; the network is this machine's. `python -m
tests.containers.fleet DIRECTORY PORT...` runs them in the foreground, as a target's command does.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PASSWORD = "DATABASE_PASSWORD"
HANDED_ON = "_API_KEY", "_ACCESS_KEY", "_TOKEN", "_MANAGEMENT", PASSWORD
US = f"{os.getuid()}:{os.getgid()}"


@contextmanager
def fleet(directory: Path, ports: list[int], environment: Mapping[str, str]) -> Iterator[list[DockerContainer]]:
    """The gateways' containers, all serving; `directory` holds gateway.toml."""
    with ExitStack() as started:
        directory.chmod(0o777)  # the services run as a user of the image's
        started.enter_context(database(directory, environment[PASSWORD]))
        started.enter_context(redis(directory))
        yield [started.enter_context(gateway(directory, port, environment)) for port in ports]


def database(directory: Path, password: str) -> DockerContainer:
    container = service(directory, ["sh", "/opt/postgresql.sh", str(directory)]).with_envs(**{PASSWORD: password})
    return container.waiting_for(LogMessageWaitStrategy("ready to accept connections"))


def redis(directory: Path) -> DockerContainer:
    there = ["--port", "0", "--unixsocket", str(directory / "redis.sock"), "--unixsocketperm", "777"]
    command = ["redis-server", *there, "--save", "", "--dir", "/tmp"]
    return service(directory, command).waiting_for(LogMessageWaitStrategy("ready to accept connections"))


def service(directory: Path, command: list[str]) -> DockerContainer:
    container = DockerContainer("conformance-services").with_kwargs(network="none").with_command(command)
    return container.with_volume_mapping(directory, str(directory), "rw")


def gateway(directory: Path, port: int, environment: Mapping[str, str]) -> DockerContainer:
    container = DockerContainer("conformance-gateway").with_kwargs(network="host", user=US).with_envs(**environment)
    container.with_volume_mapping(directory, str(directory), "rw").with_name(f"gateway-{port}-{token_hex(4)}")
    container.with_command(["serve", "--config", str(directory / "gateway.toml"), "--port", str(port)])
    return container.waiting_for(LogMessageWaitStrategy("listening on"))


def main(directory: Path, ports: list[int]) -> None:
    testcontainers_config.ryuk_disabled = True
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    handed = {name: value for name, value in os.environ.items() if name.endswith(HANDED_ON)}
    with fleet(directory, ports, handed):
        signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(port) for port in sys.argv[2:]])
