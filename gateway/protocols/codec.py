"""What a codec is."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from gateway import sse
from gateway.protocols.hub import Failed, UpstreamProtocolError
from gateway.sse import EventReader

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from gateway.protocols.hub import Answer, Event, Request
    from gateway.routes import Upstream
    from gateway.surfaces import Vendor

Json = dict[str, Any]
_NOTHING: tuple[Any, ...] = (None, [], {}, "")
_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}


class Reader(Protocol):
    """Takes a stream's bytes however they are cut, and gives each event as soon as it is there: (name, data)."""

    def feed(self, chunk: bytes) -> Iterator[tuple[str | None, str]]: ...


class StreamDecoder(ABC):
    """A provider's stream, event by event, into the hub's events."""

    finished: bool = False

    @abstractmethod
    def feed(self, name: str | None, data: str) -> Iterator[Event]:
        """One server-sent event."""

    def end(self) -> Iterator[Event]:
        """The stream is over; what waited for that. Nothing is made up: `finished` says whether it was complete."""
        return iter(())


class StreamEncoder(ABC):
    """The hub's events into a client's stream."""

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, model: str, *, usage_asked: bool) -> None:
        self.model = model
        self.usage_asked = usage_asked

    @abstractmethod
    def feed(self, event: Event) -> Iterator[str]:
        """Server-sent events, ready to be written."""


@dataclass(frozen=True, kw_only=True)
class Codec:
    """One protocol: where it is called, its requests, answers, streams and errors, both ways.

    What the path says instead of the body, the model and whether to stream, stands in the body all the same when it is
    read; the codec of a protocol whose paths say it leaves it out of what it writes.
    """

    vendor: Vendor
    longest_tool_name: int

    tool_id: Callable[[str], str] = lambda given: given
    """A call's id in the form that the provider takes: the same for the same id, its own as they are."""

    url: Callable[[Upstream, str, bool], str]
    """Where a provider generates: by its base URL, its name of the model, and whether the answer is streamed."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """What the provider wants beside its credential."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The client's names of the hub's fields, where they differ: those of which a request holds one."""

    read_request: Callable[[Json], Request]
    """A client's request. Fields that the hub has no place for are named in its `lost`."""

    write_request: Callable[[Request], Json]
    """The provider's request. What its protocol cannot say is added to `request.lost`, or refused."""

    read_answer: Callable[[Json], Answer]
    """A provider's whole answer."""

    write_answer: Callable[[Answer], Json]
    """A client's whole answer."""

    decoder: type[StreamDecoder]
    encoder: type[StreamEncoder]

    array_encoder: type[StreamEncoder] | None = None
    """Where clients may ask for a stream that is a JSON array (without `alt=sse`)."""

    reader: type[Reader] = EventReader
    """What the decoder gets its events from."""

    write_error: Callable[[Failed], Json]
    """An error in the client's own envelope."""

    read_error: Callable[[int, Any], Failed] = lambda status, body: Failed(status, words(body))
    """A provider's error: its words are found in any envelope."""

    def named(self, name: str, body: Json) -> str:
        """What the client's own request calls a field of the hub."""
        *_, last = names = self.fields.get(name, (name,))
        return next((each for each in names if each.partition(".")[0] in body), last)


def read_event(data: str) -> Json:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UpstreamProtocolError(f"an event that is not JSON: {data[:80]!r}") from error
    if not isinstance(value, dict):
        raise UpstreamProtocolError(f"an event that is not an object: {data[:80]!r}")
    return value


def write_event(value: Json, name: str | None = None) -> str:
    """Without the characters that some clients take for the ends of lines: they may stand in strings as they are."""
    return sse.event(name, compact(value).translate(_LINE_ENDS))


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def present(fields: Json) -> Json:
    """What is None was not given, and is not sent."""
    return {name: value for name, value in fields.items() if value is not None}


def unread(fields: Json, known: Container[str], where: str) -> Iterator[str]:
    """What says something and is not known, by its name below `where`."""
    return (f"{where}.{name}" for name, value in fields.items() if name not in known and value not in _NOTHING)


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
