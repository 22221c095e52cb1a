"""What a test needs and may not find."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

_BESIDE_THE_REPOSITORY = Path(__file__).parents[2] / "shared" / "recordings"


def absent(reason: str) -> NoReturn:
    """Skips on a user's machine. CI has everything, or it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have this: {reason}")
    pytest.skip(reason)


def recordings_directory() -> Path:
    """Where recorded traffic lies: `CONFORMANCE_RECORDINGS`, or beside the repository."""
    directory = Path(os.environ.get("CONFORMANCE_RECORDINGS", _BESIDE_THE_REPOSITORY))
    if not directory.is_dir():
        absent(f"no recordings at {directory}: set CONFORMANCE_RECORDINGS")
    return directory
