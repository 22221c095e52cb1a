"""The way to the container engine, as testcontainers finds it: DOCKER_HOST, Docker's context, the usual socket."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient as Docker

_SECONDS = 120
_UNIX = "unix://"
_USUAL = f"{_UNIX}/var/run/docker.sock"


class EngineError(Exception):
    """The container engine is not there, or refuses; says why."""


@contextmanager
def engine() -> Iterator[Docker]:
    """Docker's own client; what the engine refuses inside the block is an `EngineError`."""
    from docker.errors import APIError, DockerException
    from requests import RequestException
    from testcontainers.core.docker_client import DockerClient, get_docker_host

    try:
        _try(get_docker_host() or _USUAL)
        docker = DockerClient(timeout=_SECONDS).client
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(f"no container engine answers ({error}); start Docker, or set DOCKER_HOST") from None
    try:
        yield docker
    except APIError as error:
        raise EngineError(f"the container engine refused: {error.explanation or error}") from None
    except RequestException as error:
        raise EngineError(f"the container engine went away: {error}") from None
    finally:
        docker.close()


def _try(host: str) -> None:
    """Raises `OSError` where nobody listens: Docker's client would leave its socket open on the way out."""
    if host.startswith(_UNIX):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(host.removeprefix(_UNIX))


def find(image: str) -> None:
    """Returns if the image is here. None is pulled: that can take minutes, and the name may be misspelt."""
    from docker.errors import ImageNotFound

    with engine() as docker:
        try:
            docker.images.get(image)
        except ImageNotFound:
            raise EngineError(f"there is no image {image} here; build it, or run: docker pull {image}") from None
