"""The cassettes of this repository."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from conformance.recordings import read_provenance

SCRIPTED = Path(__file__).parents[2] / "cassettes" / "scripted"


def cassette(name: str) -> Path:
    return SCRIPTED / f"{name}.yaml"


def of_this_generation(name: str) -> bool:
    """Whether the SDK that is installed is of the generation that the cassette was recorded with."""
    about = read_provenance(cassette(name))
    return version(about.provider).split(".")[0] == about.software[about.provider].split(".")[0]
