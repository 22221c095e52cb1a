"""The trace that a call belongs to, as its client says. https://www.w3.org/TR/trace-context/"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

HEADER = "traceparent"
FORM = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})(?P<span>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
SAMPLED = 1


class Parent(NamedTuple):
    trace_id: str
    span_id: str
    sampled: bool


def parent(headers: CIMultiDictProxy[str]) -> Parent | None:
    """None where nothing valid is said; several headers say nothing valid."""
    match headers.getall(HEADER, ()):
        case [said]:
            found = FORM.fullmatch(said.strip())
        case _:
            return None
    if found is None or (found["version"] == "00" and found["more"]):
        return None
    return Parent(found["trace"], found["span"], bool(int(found["flags"], 16) & SAMPLED))
