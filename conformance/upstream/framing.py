"""How an event is written down: every form that the standard lets a server-sent event have.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import json
from itertools import cycle
from typing import TYPE_CHECKING, Any

from conformance.upstream.rendering import to_bytes, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.rendering import Event
    from conformance.upstream.reply import Framing, LineEnd

_FREE_FORM = {"args", "input", "metadata"}
_MIXED = ("\n", "\r\n", "\r")


def line_ends(chosen: LineEnd) -> Iterator[str]:
    """The line end of each event in turn."""
    return cycle(_MIXED) if chosen == "mixed" else cycle([chosen])


def encoded(event: Event, line_end: str = "\n", framing: Framing = "usual") -> bytes:
    """A server-sent event as bytes."""
    lines = [f": {event.data}"] if event.comment else _framed(event, framing)
    return to_bytes("".join(f"{line}{line_end}" for line in [*lines, ""]))


def _framed(event: Event, framing: Framing) -> list[str]:
    name = [f"event: {event.name}"] if event.name else []
    data = [f"data: {line}" for line in data_lines(event.data, framing)]
    match framing:
        case "no-space":
            return [line.replace(": ", ":", 1) for line in (*name, *data)]
        case "other-fields":
            return ["id: 7", "retry: 3000", *name, *data, "unheard-of: 1", "without a colon"]
        case "comments-inside":
            return [": before", *name, ":", *data, ": after"]
        case "data-first":
            return [*data, *name]
        case _:
            return [*name, *data]


def data_lines(data: str, framing: Framing) -> list[str]:
    """What an event says, in lines: JSON may have line feeds between its tokens, where they mean nothing."""
    if data == "[DONE]":
        return [data]
    match framing:
        case "several-data-lines":
            return json.dumps(json.loads(data), indent=1, ensure_ascii=False).split("\n")
        case "escaped":
            return [json.dumps(json.loads(data), separators=(",", ":"))]
        case "unheard-of":
            return [to_json(_with_news(json.loads(data)))]
        case _:
            return [data]


def _with_news(value: Any) -> Any:
    """The same JSON with a new member in each object but those whose members the user names."""
    if isinstance(value, list):
        return [_with_news(member) for member in value]
    if not isinstance(value, dict):
        return value
    known = {name: member if name in _FREE_FORM else _with_news(member) for name, member in value.items()}
    return known | {"unheard_of": {"since": "2099-01-01"}}
