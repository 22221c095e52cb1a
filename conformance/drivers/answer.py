"""What a client saw, said once for every surface."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance.upstream.journal import Headers, values

if TYPE_CHECKING:
    from conformance.upstream.reply import RedactedThinking, Stop, Thinking, ToolCall, Usage


@dataclass(frozen=True)
class Answer:
    """A model's answer as the SDK handed it over; `raw` is the SDK's object as JSON values."""

    id: str
    model: str
    text: str
    thinking: tuple[Thinking | RedactedThinking, ...]
    tool_calls: tuple[ToolCall, ...]
    refusal: str | None
    stop: Stop | str | None
    usage: Usage | None
    raw: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """How a call failed at the client.

    `kind` is the exception's class; `status`, `headers` and `body` are what the SDK kept of the error answer.
    """

    kind: str
    message: str
    status: int | None = None
    headers: Headers = ()
    body: Any = None
    request_id: str | None = None
    seen: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    def header(self, name: str) -> str | None:
        return next(iter(values(self.headers, name)), None)

    def __str__(self) -> str:
        return f"{self.kind}{f' ({self.status})' if self.status else ''}: {self.message}"


class ClientFailedError(AssertionError):
    """The client could not make sense of what the gateway gave it, or was refused."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"the client failed: {failure}")
        self.failure = failure


class FailedElsewhereError(Exception):
    """The SDK raised in a process of its own; `failure` is how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class DriverLostError(Exception):
    """A driver's own process died, hung or talked nonsense: the harness's fault, and no gateway's."""
