"""Where recorded traffic lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE_THE_REPOSITORY = Path(__file__).parents[3] / "shared" / "recordings"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The directory of recordings; skips where there are none, which in CI is a failure."""
    directory = Path(os.environ.get("CONFORMANCE_RECORDINGS", _BESIDE_THE_REPOSITORY))
    if not directory.is_dir():
        missing = f"no recordings at {directory}: set CONFORMANCE_RECORDINGS"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    return directory
