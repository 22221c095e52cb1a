"""respx in front of httpx2: what leaves one of our own clients is answered here, and nothing reaches a network.

respx knows httpx, whose transport is httpcore; httpx2 rides on httpcore2. A request that no route takes fails the test,
and so does a route that no request takes.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import respx
from respx.mocks import HTTPCoreMocker

if TYPE_CHECKING:
    from collections.abc import Iterator


class _HTTPCore2Mocker(HTTPCoreMocker):
    name = "httpcore2"
    targets = [target.replace("httpcore.", "httpcore2.") for target in HTTPCoreMocker.targets]  # noqa: RUF012 - respx's own


@contextmanager
def mocked_http() -> Iterator[respx.MockRouter]:
    with respx.mock(using=_HTTPCore2Mocker.name) as router:
        yield router
