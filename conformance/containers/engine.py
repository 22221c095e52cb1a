"""The way to the container engine, as testcontainers finds it: DOCKER_HOST, Docker's context, the usual socket."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient as Docker

_SECONDS = 120


class EngineError(Exception):
    """The container engine is not there, or refuses; says why."""


@contextmanager
def engine() -> Iterator[Docker]:
    """Docker's own client; what the engine refuses inside the block is an `EngineError`."""
    from docker.errors import APIError, DockerException
    from requests import RequestException
    from testcontainers.core.docker_client import DockerClient

    try:
        docker = DockerClient(timeout=_SECONDS).client
    except (DockerException, RequestException) as error:
        raise EngineError(f"no container engine answers ({error}); start Docker, or set DOCKER_HOST") from None
    try:
        yield docker
    except APIError as error:
        raise EngineError(f"the container engine refused: {error.explanation or error}") from None
    except RequestException as error:
        raise EngineError(f"the container engine went away: {error}") from None
    finally:
        docker.close()


def fetched(image: str) -> None:
    """Returns once the image is here: found, or pulled."""
    from docker.errors import ImageNotFound

    with engine() as docker:
        try:
            docker.images.get(image)
        except ImageNotFound:
            _pulled(docker, image)


def _pulled(docker: Docker, image: str) -> None:
    from docker.errors import APIError

    try:
        docker.images.pull(image)
    except APIError as error:
        raise EngineError(f"there is no image {image} here, and none can be pulled: {error.explanation}") from None
