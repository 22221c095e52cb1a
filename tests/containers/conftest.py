"""The engine, the images, and the proof that nothing is left of either test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from testcontainers.core.config import testcontainers_config

from conformance.containers.engine import EngineError, engine
from conformance.containers.images import IMAGES
from tests.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterator

testcontainers_config.ryuk_disabled = True  # each test removes what it starts, and `clean` sees that it did


def left() -> set[str]:
    """All containers, also those that have ended, and all networks, by name."""
    with engine() as docker:
        containers = {each.name or "" for each in docker.containers.list(all=True, ignore_removed=True)}
        return containers | {each.name or "" for each in docker.networks.list()}


@pytest.fixture(autouse=True)
def clean(request: pytest.FixtureRequest) -> Iterator[None]:
    """Skips without an engine and the images; sees that each test leaves neither container nor network."""
    if request.node.get_closest_marker("containers") is None:
        yield
        return
    try:
        with engine() as docker:
            here = {tag.partition(":")[0] for image in docker.images.list() for tag in image.tags}
    except EngineError as error:
        absent(str(error))
    if missing := {image.tag for image in IMAGES.values()} - here:
        absent(f"no image {', '.join(sorted(missing))}; run: nox -s containers")
    before = left()
    yield
    assert left() == before
