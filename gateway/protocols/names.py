"""Names of tools that the provider would refuse as too long: shorter ones for it, the client's own for the client."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from gateway.protocols import hub

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.protocols.codec import Codec

_DIGITS = 8


@dataclass(frozen=True)
class Names:
    """`short` holds the provider's name by the client's."""

    short: dict[str, str]

    @classmethod
    def of(cls, request: hub.Request, provider: Codec) -> Names:
        longest = provider.longest_tool_name
        return cls({tool.name: _shortened(tool.name, longest) for tool in request.tools if len(tool.name) > longest})

    def shortened(self, request: hub.Request) -> hub.Request:
        if not self.short:
            return request
        choice = request.choice
        return replace(
            request,
            tools=tuple(replace(tool, name=self.short.get(tool.name, tool.name)) for tool in request.tools),
            turns=[replace(turn, parts=self._renamed(turn.parts, self.short)) for turn in request.turns],
            choice=hub.Forced(self.short.get(choice.name, choice.name)) if isinstance(choice, hub.Forced) else choice,
        )

    def restored(self, parts: tuple[hub.Part, ...]) -> tuple[hub.Part, ...]:
        return self._renamed(parts, {short: name for name, short in self.short.items()})

    def restored_in(self, event: hub.Event) -> hub.Event:
        if self.short and isinstance(event, hub.Opened):
            return hub.Opened(*self.restored((event.part,)))
        return event

    @staticmethod
    def _renamed(parts: Iterable[hub.Part], names: dict[str, str]) -> tuple[hub.Part, ...]:
        return tuple(
            replace(part, name=names.get(part.name, part.name)) if isinstance(part, hub.ToolUse) else part
            for part in parts
        )


def _shortened(name: str, longest: int) -> str:
    """The same for the same name, in each turn of a conversation."""
    return f"{name[: longest - _DIGITS - 1]}_{sha256(name.encode()).hexdigest()[:_DIGITS]}"
