"""Betas of Messages at the clouds: which of them they take, and under which name.

A cloud refuses a request that names a beta unknown to it ("invalid beta flag"), and coding agents name many. So to a
cloud goes what stands here or in the provider's `betas`; every other one is left out, and named as lost. Anthropic
itself is sent all that the client names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EVERY_OTHER = "*"

_BOTH = {
    name: name
    for name in (
        "compact-2026-01-12",
        "computer-use-2025-01-24",
        "computer-use-2025-11-24",
        "context-1m-2025-08-07",
        "context-management-2025-06-27",
        "dangerous-tool-use-2026-09-03",
        "interleaved-thinking-2025-05-14",
        "thinking-binding-controls-2026-08-01",
        "thinking-display-updates-2026-08-18",
        "tool-search-tool-2025-10-19",
    )
} | {"advanced-tool-use-2025-11-20": "tool-search-tool-2025-10-19"}

BEDROCK: Mapping[str, str] = _BOTH | {
    name: name
    for name in (
        "effort-2025-11-24",
        "fine-grained-tool-streaming-2025-05-14",
        "mid-conversation-output-config-2026-07-01",
        "mid-conversation-tool-changes-2026-07-01",
    )
}
VERTEX: Mapping[str, str] = _BOTH | {
    name: name
    for name in (
        "inline-tools-2026-09-15",
        "per-turn-control-2026-07-01",
        "web-search-2025-03-05",
    )
}


def named(values: Iterable[str]) -> list[str]:
    """What the header `anthropic-beta` lists, in all its lines."""
    return [name for value in values for each in value.split(",") if (name := each.strip())]


def carried(names: Iterable[str], known: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The provider's names for what it takes, each once, and the client's names for what is lost.

    An empty name in `known` says that the provider does not take it; `*` stands for every other beta, as its own name.
    """
    taken: list[str] = []
    lost: list[str] = []
    for name in names:
        there = known.get(name, name if EVERY_OTHER in known else "")
        if not there:
            lost.append(name)
        elif there not in taken:
            taken.append(there)
    return taken, lost
