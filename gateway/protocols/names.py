"""Names of tools that the provider would refuse as too long: shorter ones for it, the client's own for the client.

And ids of calls in the form that it takes: those it has given itself come back to it as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from gateway.protocols import hub

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.protocols.codec import Codec

_DIGITS = 8


@dataclass(frozen=True)
class Names:
    """`short` holds the provider's name by the client's; `tool_id` gives its form to the id of a call."""

    short: dict[str, str]
    tool_id: Callable[[str], str]

    @classmethod
    def of(cls, request: hub.Request, provider: Codec) -> Names:
        longest = provider.longest_tool_name
        long = [tool.name for tool in request.tools if len(tool.name) > longest]
        return cls({name: _shortened(name, longest) for name in long}, provider.tool_id)

    def written(self, request: hub.Request) -> hub.Request:
        choice = request.choice
        return replace(
            request,
            tools=tuple(replace(tool, name=self.short.get(tool.name, tool.name)) for tool in request.tools),
            turns=[replace(turn, parts=tuple(map(self._written, turn.parts))) for turn in request.turns],
            choice=hub.Forced(self.short.get(choice.name, choice.name)) if isinstance(choice, hub.Forced) else choice,
        )

    def _written(self, part: hub.Part) -> hub.Part:
        match part:
            case hub.ToolUse():
                return replace(part, id=self.tool_id(part.id), name=self.short.get(part.name, part.name))
            case hub.ToolResult():
                return replace(part, call_id=self.tool_id(part.call_id))
            case _:
                return part

    def restored(self, parts: tuple[hub.Part, ...]) -> tuple[hub.Part, ...]:
        names = {short: name for name, short in self.short.items()}
        return tuple(
            replace(part, name=names.get(part.name, part.name)) if isinstance(part, hub.ToolUse) else part
            for part in parts
        )

    def restored_in(self, event: hub.Event) -> hub.Event:
        if self.short and isinstance(event, hub.Opened):
            return hub.Opened(*self.restored((event.part,)))
        return event


def _shortened(name: str, longest: int) -> str:
    """The same for the same name, in each turn of a conversation."""
    return f"{name[: longest - _DIGITS - 1]}_{sha256(name.encode()).hexdigest()[:_DIGITS]}"
