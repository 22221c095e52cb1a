"""What a provider calls tools and calls: names and ids that it takes, the client's own again for the client.

A name that is too long becomes a shorter one, and what stands in it beside letters, digits, - and _ becomes _; one in a
namespace begins with it. Ids that a provider has given itself come back to it as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from gateway.protocols import hub

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.protocols.codec import Codec

_DIGITS = 8
_ODD = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True)
class Names:
    """`tools` holds the client's tools by the provider's names, where they differ in anything."""

    tools: dict[str, hub.Tool]
    tool_id: Callable[[str], str]

    @classmethod
    def of(cls, request: hub.Request, provider: Codec) -> Names:
        named = {_name(tool, provider.longest_tool_name): tool for tool in request.tools}
        return cls({name: tool for name, tool in named.items() if name != tool.name or tool.custom}, provider.tool_id)

    def written(self, request: hub.Request) -> hub.Request:
        names = {(tool.namespace, tool.name): name for name, tool in self.tools.items()}
        choice = request.choice
        return replace(
            request,
            tools=tuple(
                replace(tool, name=names.get((tool.namespace, tool.name), tool.name)) for tool in request.tools
            ),
            turns=[
                replace(turn, parts=tuple(self._written(part, names) for part in turn.parts)) for turn in request.turns
            ],
            choice=hub.Forced(names.get(("", choice.name), choice.name)) if isinstance(choice, hub.Forced) else choice,
        )

    def _written(self, part: hub.Part, names: dict[tuple[str, str], str]) -> hub.Part:
        match part:
            case hub.ToolUse():
                name = names.get((part.namespace, part.name), part.name)
                return replace(part, id=self.tool_id(part.id), name=name)
            case hub.ToolResult():
                return replace(part, call_id=self.tool_id(part.call_id))
            case _:
                return part

    def restored(self, parts: tuple[hub.Part, ...]) -> tuple[hub.Part, ...]:
        return tuple(map(self._restored, parts))

    def _restored(self, part: hub.Part) -> hub.Part:
        if isinstance(part, hub.ToolUse) and (tool := self.tools.get(part.name)):
            return replace(part, name=tool.name, namespace=tool.namespace, custom=tool.custom)
        return part

    def restored_in(self, event: hub.Event) -> hub.Event:
        if self.tools and isinstance(event, hub.Opened):
            return hub.Opened(self._restored(event.part))
        return event


def _name(tool: hub.Tool, longest: int) -> str:
    """The same for the same tool, in each turn of a conversation."""
    name = f"{tool.namespace}__{tool.name}" if tool.namespace else tool.name
    plain = _ODD.sub("_", name)
    if plain == name and len(name) <= longest:
        return name
    return f"{plain[: longest - _DIGITS - 1]}_{sha256(name.encode()).hexdigest()[:_DIGITS]}"
