"""What a codec is."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from gateway import sse
from gateway.protocols.hub import UpstreamProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.protocols.hub import Answer, Event, Failed, Request

Json = dict[str, Any]


class StreamDecoder(ABC):
    """A provider's stream, event by event, into the hub's events."""

    finished: bool = False

    @abstractmethod
    def feed(self, name: str | None, data: str) -> Iterator[Event]:
        """One server-sent event."""

    @abstractmethod
    def end(self) -> Iterator[Event]:
        """The stream is over; what waited for that. Nothing is made up: `finished` says whether it was complete."""


class StreamEncoder(ABC):
    """The hub's events into a client's stream."""

    def __init__(self, model: str, *, usage_asked: bool) -> None:
        self.model = model
        self.usage_asked = usage_asked

    @abstractmethod
    def feed(self, event: Event) -> Iterator[str]:
        """Server-sent events, ready to be written."""


class Codec(ABC):
    """One protocol: requests, answers, streams and errors, both ways."""

    path: str
    vendor: str
    longest_tool_name: int
    decoder: type[StreamDecoder]
    encoder: type[StreamEncoder]

    @abstractmethod
    def read_request(self, body: Json) -> Request:
        """A client's request. Fields that the hub has no place for are named in its `lost`."""

    @abstractmethod
    def write_request(self, request: Request) -> Json:
        """The provider's request. What its protocol cannot say is added to `request.lost`, or refused."""

    @abstractmethod
    def read_answer(self, body: Json) -> Answer:
        """A provider's whole answer."""

    @abstractmethod
    def write_answer(self, answer: Answer) -> Json:
        """A client's whole answer."""

    @abstractmethod
    def read_error(self, status: int, body: Any) -> Failed:
        """A provider's error."""

    @abstractmethod
    def write_error(self, failed: Failed) -> Json:
        """An error in the client's own envelope."""


def read_event(data: str) -> Json:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UpstreamProtocolError(f"an event that is not JSON: {data[:80]!r}") from error
    if not isinstance(value, dict):
        raise UpstreamProtocolError(f"an event that is not an object: {data[:80]!r}")
    return value


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write_event(value: Json, name: str | None = None) -> str:
    return sse.event(name, compact(value))


def arguments_value(text: str) -> Json:
    """Arguments as an object, for protocols that want one; what is none stands under `input`."""
    try:
        value = json.loads(text or "{}")
    except ValueError:
        value = text
    return value if isinstance(value, dict) else {"input": value}


def words(body: Any) -> str:
    """What an error says, whatever its envelope."""
    if isinstance(body, dict):
        error = body.get("error", body)
        if isinstance(error, str):
            return error
        if isinstance(error, dict) and isinstance(error.get("message"), str):
            return str(error["message"])
    return compact(body) if body not in (None, "") else "The upstream gave no reason."
