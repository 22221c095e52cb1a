"""What a client asks for, said once for every surface."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.drivers.answer import Answer


@dataclass(frozen=True)
class Tool:
    """A function that the model may call; `parameters` is its JSON Schema."""

    name: str
    description: str = "A tool of this check."
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})


@dataclass(frozen=True)
class ToolResult:
    """What the client's tool said to one call."""

    call_id: str
    content: str


@dataclass(frozen=True)
class Turn:
    """An earlier answer, sent back as the SDK gave it, and the results of its tool calls."""

    answer: Answer
    results: tuple[ToolResult, ...] = ()


@dataclass(frozen=True)
class Ask:
    """One call.

    `fields` are further fields of the surface's own request body, documented or not.
    `betas` goes through the Anthropic SDK's beta client and means nothing elsewhere.
    """

    prompt: str
    tools: tuple[Tool, ...] = ()
    turns: tuple[Turn, ...] = ()
    betas: tuple[str, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
