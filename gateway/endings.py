"""How a stream says that it is over, and what to add to one that broke off: the protocol's own error event.

Bytes are never held back, so the upstream may die in the middle of an event whose first half the client has.
Nothing in the grammar of server-sent events takes that half back: a blank line would dispatch it as broken JSON,
more `data:` lines would be joined to it. So the half *becomes* the error: its JSON is closed, the error's members
are added at its top level (in JSON as everybody reads it the last of two equal names wins), and its event name is
set again. The client sees every whole event and then exactly one error event, wherever the cut came.

Google's SDKs see an error only where it comes first in its event: there the half is made to say nothing instead.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from gateway import eventstream, sse
from gateway.errors import SERVER_ERRORS, bad_gateway, error_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gateway.errors import RefusalError
    from gateway.metering import Tape
    from gateway.surfaces import Protocol

DONE = b"[DONE]"
MESSAGE = "The upstream closed the connection before the stream was finished."
BROKE_OFF = bad_gateway(MESSAGE)
STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\]]', re.DOTALL)
LAST_CHARACTER = re.compile(rb"[\xc2-\xf4][\x80-\xbf]*$")
UTF8_REMAINDERS = (b"", b"\x80", b"\x80\x80", b"\x80\x80\x80", b"\xa0\x80", b"\x90\x80\x80")
# What can complete a token of JSON that was cut in two; the first that makes the whole parse is taken.
STRING_ENDS = ('"', '\\"', *(f'{"0" * digits}"' for digits in range(1, 5)))
TOKEN_ENDS = (
    *("", *STRING_ENDS, *(f"{end}:0" for end in STRING_ENDS), ":0", "0", '"":0'),
    *(word[cut:] for word in ("true", "false", "null") for cut in range(1, len(word))),
)


@dataclass(frozen=True)
class Ending:
    """`error` makes the error's payload from its cause and the whole events before it."""

    finishes: Callable[[dict[str, Any]], bool]
    error: Callable[[RefusalError, list[bytes]], dict[str, Any]]
    error_event: str | None
    nothing: dict[str, Any] | None = None
    """What takes back all that the half of an event may have said, where the error is an event of its own."""


def chat_finishes(chunk: dict[str, Any]) -> bool:
    return bool(chunk.get("error")) or any(choice.get("finish_reason") for choice in chunk.get("choices") or ())


def responses_finishes(event: dict[str, Any]) -> bool:
    return event.get("type") in {"response.completed", "response.incomplete", "response.failed", "error"}


def messages_finishes(event: dict[str, Any]) -> bool:
    return event.get("type") in {"message_stop", "error"}


def gemini_finishes(chunk: dict[str, Any]) -> bool:
    blocked = (chunk.get("promptFeedback") or {}).get("blockReason")
    said = any(candidate.get("finishReason") for candidate in chunk.get("candidates") or ())
    return said or bool(blocked or chunk.get("error"))


def bedrock_finishes(event: dict[str, Any]) -> bool:
    return messages_finishes(event) or "stopReason" in event


def vertex_finishes(event: dict[str, Any]) -> bool:
    return messages_finishes(event) or gemini_finishes(event)


def chat_error(cause: RefusalError, _: list[bytes]) -> dict[str, Any]:
    return error_object("openai", cause.status, cause.code, cause.message)


def responses_error(cause: RefusalError, events: list[bytes]) -> dict[str, Any]:
    numbers = (event["sequence_number"] for event in objects(reversed(events)) if "sequence_number" in event)
    sequence_number = next(numbers, -1) + 1
    said = {"code": cause.code, "message": cause.message, "param": None}
    return {"type": "error", **said, "sequence_number": sequence_number}


def messages_error(cause: RefusalError, _: list[bytes]) -> dict[str, Any]:
    return error_object("anthropic", cause.status, cause.code, cause.message)


def gemini_error(cause: RefusalError, _: list[bytes]) -> dict[str, Any]:
    return error_object("google", cause.status, cause.code, cause.message)


NO_ANSWER: dict[str, Any] = {
    "candidates": [],
    **dict.fromkeys(("promptFeedback", "usageMetadata", "modelVersion", "responseId", "createTime", "modelStatus")),
}
ENDINGS: dict[Protocol, Ending] = {
    "openai-chat": Ending(chat_finishes, chat_error, None),
    "openai-responses": Ending(responses_finishes, responses_error, "error"),
    "anthropic-messages": Ending(messages_finishes, messages_error, "error"),
    "gemini": Ending(gemini_finishes, gemini_error, None, NO_ANSWER),
    "bedrock": Ending(bedrock_finishes, messages_error, "error"),
    "vertex": Ending(vertex_finishes, messages_error, "error"),
}
# Streams of Claude and of Converse: what other models send through Bedrock ends with its connection.
MARKED_FRAMES = re.compile(rb"^event: (?:message|content)", re.MULTILINE)


def finished(form: Protocol, stream: bytes) -> bool:
    """Whether a stream with plain newlines, or the end of it that was kept, holds its terminal marker."""
    if DONE in map(sse.data_of, islice(sse.backwards(stream), 2)):
        return True
    return any(ENDINGS[form].finishes(event) for event in objects(sse.backwards(stream)))


def over(form: Protocol, tape: Tape, *, whole: bool) -> bool:
    """Whether a stream that was recorded is over; `whole` says how the connection ended."""
    if finished(form, tape.stream):
        return True
    return tape.frames is not None and whole and tape.frames.between_events and not MARKED_FRAMES.search(tape.stream)


def missing(form: Protocol, tape: Tape, cause: RefusalError = BROKE_OFF) -> bytes:
    """What to append to one that is not; nothing where nothing can be."""
    if tape.frames is not None:
        kind = eventstream.BROKEN if cause.status >= SERVER_ERRORS else eventstream.REFUSED
        return eventstream.exception(kind, cause.message) if tape.frames.between_events else b""
    return b"" if tape.coding else interruption(form, tape.content(), cause)


def objects(events: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for event in events:
        data = sse.data_of(event)
        if data and isinstance(found := parsed(data.decode(errors="replace")), dict):
            yield found


def parsed(text: str) -> Any:
    """None where it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def interruption(form: Protocol, stream: bytes, cause: RefusalError = BROKE_OFF) -> bytes:
    """What to append to a stream that is not finished."""
    ending = ENDINGS[form]
    remainder = b"\n" if stream.endswith(b"\r") else rest_of_character(stream)
    *whole, half = sse.with_plain_newlines(stream + remainder).split(b"\n\n")
    said, error = half.decode(errors="replace"), json.dumps(ending.error(cause, whole))
    if ending.nothing is None:
        return remainder + after_half(said, error, ending.error_event).encode()
    event = sse.event(None, error)
    if event.startswith(said):
        return remainder + event.removeprefix(said).encode()
    return remainder + (after_half(said, json.dumps(ending.nothing), None) + event).encode()


def rest_of_character(stream: bytes) -> bytes:
    """Completes a UTF-8 sequence that was cut in two."""
    lead = LAST_CHARACTER.search(stream[-4:])
    return next((rest for rest in UTF8_REMAINDERS if lead and decodes(lead[0] + rest)), b"")


def decodes(data: bytes) -> bool:
    try:
        return len(data.decode()) >= 0
    except UnicodeDecodeError:
        return False


def after_half(half: str, error: str, name: str | None) -> str:
    """`half` is what the client has of an event: lines, the last of which may be a part of one."""
    newline = "\n" if half and not half.endswith("\n") else ""
    data = sse.data_of(half.encode()).decode()
    if not data.strip():
        return newline + sse.event(name, error)
    if parsed(data) is not None:
        return f"{newline}\n{sse.event(name, error)}"
    inside_data = newline and half.rpartition("\n")[2].startswith("data:")
    lead = "" if inside_data else f"{newline}data: "
    rest = rest_of_object(data if inside_data else f"{data}\n", error)
    if rest is None:
        return f"{newline}\n{sse.event(name, error)}"
    return f"{lead}{rest}\n" + (f"event: {name}\n\n" if name else "\n")


def rest_of_object(text: str, error: str) -> str | None:
    """Completes the beginning of a JSON object so that it says `error` at its top level; None if it is none."""
    brackets: list[str] = []
    for mark in STRING_OR_BRACKET.findall(text):
        if mark in ("{", "["):
            brackets.append("}" if mark == "{" else "]")
        elif mark in ("}", "]") and brackets:
            brackets.pop()
    closing = "".join(reversed(brackets[1:])) + f", {error[1:]}"
    return next((end + closing for end in TOKEN_ENDS if parsed(text + end + closing) is not None), None)
