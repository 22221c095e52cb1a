"""What the installed SDKs document, as example values: it grows with the SDKs, and no list of ours needs to.

With it come the SDKs, which take long to import: whoever only plans a run does without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from conformance.documented.examples import Documented, together, with_field_everywhere

if TYPE_CHECKING:
    from conformance.documented.answers import answer, stops, stream
    from conformance.documented.requests import betas, choices, countable, options, tools, turns

_ANSWERS = ("answer", "stops", "stream")

__all__ = [
    "Documented",
    "answer",
    "betas",
    "choices",
    "countable",
    "options",
    "stops",
    "stream",
    "together",
    "tools",
    "turns",
    "with_field_everywhere",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{'answers' if name in _ANSWERS else 'requests'}"), name)
