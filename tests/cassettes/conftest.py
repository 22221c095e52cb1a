"""The cassettes of this repository."""

from __future__ import annotations

from pathlib import Path

SCRIPTED = Path(__file__).parents[2] / "cassettes" / "scripted"


def cassette(name: str) -> Path:
    return SCRIPTED / f"{name}.yaml"
