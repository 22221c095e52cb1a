"""What the renderers share: the call that is answered, the events of an answer, and how text falls into pieces."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import cycle, zip_longest
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from conformance.upstream.reply import Delivery, Pieces, ProviderError, Reply

_FIRST_OF_2026 = 1_767_225_600
_ODD_SIZES = (4, 1, 7, 2, 11)
_LONG = 2000

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """The request that is being answered: the `number`th with its token.

    `path_model` and `path_streams` are what its path says, where the protocol has it there.
    """

    token: str | None
    number: int
    body: dict[str, Any]
    path_model: str | None = None
    path_streams: bool | None = None

    @property
    def name(self) -> str:
        return self.token or "case-none"

    @property
    def model(self) -> str:
        return self.path_model or str(self.body.get("model", "unnamed"))

    @property
    def streams(self) -> bool:
        return self.body.get("stream") is True if self.path_streams is None else self.path_streams

    @property
    def created(self) -> int:
        """Seconds since the epoch, made from the token: the same case has the same time in every run."""
        return _FIRST_OF_2026 + int((self.token or "case-0").removeprefix("case-")[:6], 16)

    @property
    def request_id(self) -> str:
        return f"req_{self.name}_{self.number}"

    def options(self, name: str) -> dict[str, Any]:
        """An object of the request; whatever else stands in its place counts as none."""
        value = self.body.get(name)
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Event:
    """A server-sent event.

    `content` ones carry a fragment of text, thinking or tool arguments that a client gets to see. Those that are not
    `own` (pings, comments, the unknown event) keep the answer's own events company and are not counted.
    """

    data: str
    name: str | None = None
    content: bool = False
    own: bool = True
    comment: bool = False


KEEP_ALIVE = Event(data="keep-alive", own=False, comment=True)
DONE = Event(data="[DONE]")


class Renderer(Protocol):
    """One wire protocol."""

    def whole(self, reply: Reply, call: Call) -> dict[str, Any]: ...

    def events(self, reply: Reply, call: Call) -> Iterator[Event]: ...


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def to_bytes(text: str) -> bytes:
    """UTF-8; a lone surrogate, which a hostile request may have us echo, becomes its JSON escape."""
    return text.encode(errors="backslashreplace")


def as_object(arguments: str) -> dict[str, Any]:
    """Arguments as an object; text that is none is wrapped, as the fine-grained tool streaming guide advises."""
    try:
        value = json.loads(arguments or "{}")
    except json.JSONDecodeError:
        return {"INVALID_JSON": arguments}
    return value if isinstance(value, dict) else {"INVALID_JSON": arguments}


def in_order(reply: Reply, thoughts: Iterable[T], said: Iterable[T], calls: Iterable[T]) -> list[T]:
    """What an answer consists of, one after the other: thoughts come first, unless they come between the calls."""
    if reply.delivery.pieces != "interleaved":
        return [*thoughts, *said, *calls]
    first, between = list(thoughts)[:1], list(thoughts)[1:]
    turns = zip_longest(calls, between)
    return [*first, *said, *(part for turn in turns for part in turn if part is not None)]


def pieces(text: str) -> list[str]:
    """Text as a model streams it: a few words at a time."""
    return [text[at : at + 24] for at in range(0, len(text), 24)]


def fragments(text: str) -> Iterator[str]:
    """Text cut at odd places: inside words, numbers and escapes; a long one into some hundreds of pieces."""
    at, scale = 0, 1 + len(text) // _LONG
    for size in cycle(_ODD_SIZES):
        if at >= len(text):
            return
        yield text[at : at + size * scale]
        at += size * scale


def in_pieces(usual: Iterable[str], wanted: Pieces) -> list[str]:
    """The same text in the pieces that a delivery asks for."""
    parts = list(usual)
    text = "".join(parts)
    match wanted:
        case "whole" | "arguments-when-done":
            return [text] if text else []
        case "characters":
            return [part for character in text for part in ("", character)]
        case _:
            return parts


def accompanied(
    events: Iterable[Event],
    delivery: Delivery,
    *,
    ping: Event | None,
    unknown: Callable[[], Event],
    error: Callable[[], Iterable[Event]],
) -> Iterator[Event]:
    """The answer's own events with the company that the delivery asks for; lazily, so that numbering stays in order."""
    if delivery.comments:
        yield KEEP_ALIVE
    if delivery.error_after == 0:
        yield from error()
        return
    for count, event in enumerate(events, 1):
        yield event
        if count == delivery.error_after:
            yield from error()
            return
        if count == 1 and delivery.unknown_event:
            yield unknown()
        if count == 1 or event.content:
            if delivery.pings and ping:
                yield ping
            if delivery.comments:
                yield KEEP_ALIVE


def interruption(reply: Reply, default: ProviderError) -> ProviderError:
    """The error that ends a stream half-way: the scripted one, where there is one."""
    return reply.error or default
