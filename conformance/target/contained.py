"""Runs one container as if it were a command: its output is ours, its exit code is ours, and it ends with us.

`python contained.py SETTINGS`: a JSON file with `name`, `image`, `command`, `env`, `directory` (mounted, at the same
path), `port` (inside) and `published` (on this machine's loopback). The guard that runs this program ends it with
SIGTERM; whatever ends it, the container is removed. Imports nothing of ours.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from docker.errors import APIError, DockerException, NotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

if TYPE_CHECKING:
    from types import FrameType

GRACE_SECONDS = 3  # less than the guard has patience with us
NOT_STARTED = 125  # as `docker run` says it


def main(settings: dict[str, Any]) -> int:
    """The container's exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # until there is something to remove
    signal.signal(signal.SIGTERM, _end)
    testcontainers_config.ryuk_disabled = True  # we remove it ourselves, and need no second image for that
    try:
        _removed(settings["name"])
        return _followed(_described(settings).start())
    except APIError as error:
        return _refused(str(error.explanation or error))
    except DockerException as error:
        return _refused(str(error))
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        _removed(settings["name"])


def _described(settings: dict[str, Any]) -> DockerContainer:
    container = DockerContainer(settings["image"]).with_name(settings["name"]).with_envs(**settings["env"])
    container.with_volume_mapping(settings["directory"], settings["directory"], "rw")
    container.with_kwargs(network="bridge", extra_hosts={"host.docker.internal": "host-gateway"})
    if settings["command"] is not None:
        container.with_command(settings["command"])
    published = {f"{settings['port']}/tcp": ("127.0.0.1", settings["published"])}
    container.ports.update(cast("dict[str, int | None]", published))  # with_bind_ports would open it to the network
    return container


def _followed(container: DockerContainer) -> int:
    wrapped = container.get_wrapped_container()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    for chunk in wrapped.logs(stream=True, follow=True):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    return int(wrapped.wait()["StatusCode"])


def _removed(name: str) -> None:
    """The container of that name is gone: asked to end, or made to."""
    with suppress(NotFound):
        container = DockerClient().client.containers.get(name)
        with suppress(APIError):
            container.stop(timeout=GRACE_SECONDS)
        container.remove(force=True, v=True)


def _refused(why: str) -> int:
    sys.stderr.write(f"the container engine: {why}\n")
    return NOT_STARTED


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
