"""What the installed SDKs document, as example values: it grows with the SDKs, and no list of ours needs to."""

from conformance.documented.answers import answer, stops, stream
from conformance.documented.examples import Documented, together, with_field_everywhere
from conformance.documented.requests import betas, choices, countable, options, tools, turns

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
