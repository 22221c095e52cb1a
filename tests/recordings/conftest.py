"""Where recorded traffic lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.absent import recordings_directory

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The directory of recordings; skips where there are none, which in CI is a failure."""
    return recordings_directory()
