"""What order the events of a stream may come in: a machine a surface, one method an event.

A machine takes the events of one stream and raises an `AssertionError` that says which event came, where, and what
was allowed there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conformance.oracles.sse import ServerSentEvent


class Grammar(ABC):
    """One stream of one surface."""

    def __init__(self) -> None:
        self.count = 0
        self.ended_by: str | None = None

    def check(self, events: Iterable[ServerSentEvent]) -> None:
        """The whole stream, to its terminal event."""
        for event in events:
            self.count += 1
            if self.ended_by and not self.may_follow_the_end(event):
                self.refuse(str(event), f"nothing after {self.ended_by}")
            self._take(event)
        assert self.ended_by, f"the stream ended after {self.count} events without {self.terminal}"

    def may_follow_the_end(self, event: ServerSentEvent) -> bool:  # noqa: ARG002 - what some surfaces decide by it
        """Whether the protocol lets this event come after a terminal one."""
        return False

    def _take(self, event: ServerSentEvent) -> None:
        try:
            self.feed(event)
        except (LookupError, TypeError, AttributeError) as error:
            self.refuse(f"{event}, which lacks its shape ({type(error).__name__}: {error})", "one that has it")

    def refuse(self, came: str, allowed: str) -> NoReturn:
        raise AssertionError(f"event {self.count} of the stream is {came}; allowed here: {allowed}")

    def expect(self, holds: bool, came: str, allowed: str) -> None:  # noqa: FBT001 - reads as an assertion
        if not holds:
            self.refuse(came, allowed)

    @property
    @abstractmethod
    def terminal(self) -> str:
        """What ends a complete stream, in words."""

    @abstractmethod
    def feed(self, event: ServerSentEvent) -> None:
        """Take one event."""


def typed(event: ServerSentEvent, *, name_needed: bool = True) -> dict[str, Any]:
    """An event of a surface whose `event:` name must be the type in its data, where there is a name."""
    value = event.json
    assert isinstance(value, dict), f"an event whose data is no object: {event}"
    kind = value.get("type")
    nameless = event.name is None and not name_needed
    assert nameless or event.name == kind, (
        f"an event named {event.name} whose data has the type {kind}: client SDKs skip it"
    )
    return value
