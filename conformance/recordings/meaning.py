"""What a recorded answer says, and whether a client of another protocol was told the same: pure judgement."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from conformance.drivers import CLIENTS, Door, Mode, Tape
from conformance.oracles import parse
from conformance.recordings.routes import form_of
from conformance.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.drivers import Answer, Client, Exchange, Failure
    from conformance.recordings.recording import Recording
    from conformance.upstream import ToolCall, Usage

_NOWHERE = Door("http://nowhere", "", "", "")
_COUNTS = ("input", "output", "cache_read", "cache_write", "reasoning")
_UNCOUNTED = {Surface.GEMINI: ("cache_write",)}
"""Tokens that a protocol has no name for: they stay in the whole that they are part of."""

_STOPS = {
    "end": ("end",),
    "length": ("length",),
    "tool-use": ("tool-use",),
    "stop-sequence": ("stop-sequence", "end"),
    "refusal": ("refusal",),
    "pause": ("pause", "end"),
}
"""By how the provider stopped, what a client may hear of it: only some protocols tell of stop sequences and pauses."""

_OVERLOADED = (529, 503)
_SERVERS_FAULT = range(500, 600)


def readable(recording: Recording) -> bool:
    """Whether a recording holds an answer of a model, or an error, in the form of its own protocol."""
    if form_of(recording) is None:
        return False
    try:
        return bool(_words_of(recording) if recording.fails else recorded_answer(recording))
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError):
        return False


def recorded_answer(recording: Recording) -> Answer:
    """A recorded answer as the reader of its own form takes it."""
    reader = CLIENTS[form_of(recording) or recording.surface](_NOWHERE, Mode.ASYNC, Tape(), sdk=object())
    return reader.read(_raw(recording, reader))


def _raw(recording: Recording, reader: Client) -> dict[str, Any]:
    if not recording.streams:
        return _as_openai_says_it(json.loads(recording.answer.body))
    events = (event.json for event in parse(recording.answer.body).without_done)
    return reader.assemble([_as_openai_says_it(event) for event in events])


def _as_openai_says_it(chat: dict[str, Any]) -> dict[str, Any]:
    """Mistral answers in parts where it reasons, of which those that are text are the answer, and counts flatly."""
    for choice in chat.get("choices") or ():
        said = choice.get("message") or choice.get("delta") or {}
        if isinstance(said.get("content"), list):
            said["content"] = "".join(part.get("text", "") for part in said["content"] if part["type"] == "text")
    usage = chat.get("usage") or {}
    if "num_cached_tokens" in usage:
        usage["prompt_tokens_details"] = {"cached_tokens": usage["num_cached_tokens"]}
    return chat


def misreported(got: Failure, recording: Recording, exchange: Exchange) -> Iterator[str]:
    """One line for each thing that a client was told otherwise of a recorded error.

    That the provider refused the gateway's own key is no fault of the client's, and the gateway's to say.
    """
    status = recording.answer.status
    if _key_refused(recording):
        if got.status != status and got.status not in _SERVERS_FAULT:
            yield f"status {got.status} in place of {status}"
        return
    if got.status != status and not (status in _OVERLOADED and got.status in _OVERLOADED):
        yield f"status {got.status} in place of {status}"
    words = _words_of(recording)
    if words not in strings(exchange.json):
        yield f"the provider's words {words!r} are lost: {exchange.content[:300]!r}"


def _key_refused(recording: Recording) -> bool:
    return recording.answer.status in (401, 403) or b"API_KEY_INVALID" in recording.answer.body


def _words_of(recording: Recording) -> str:
    said = json.loads(recording.answer.body)
    error = said[0] if isinstance(said, list) else said  # as Google puts it where it streams
    told = error.get("error") or error
    return str(told["message"] if "message" in told else told["detail"])


def strings(value: Any) -> list[str]:
    """All text in a JSON value, wherever it stands."""
    match value:
        case dict():
            return [text for member in value.values() for text in strings(member)]
        case list():
            return [text for member in value for text in strings(member)]
        case str():
            return [value]
        case _:
            return []


def changed(got: Answer, expected: Answer, client: Surface) -> Iterator[str]:
    """One line for each thing that a client was told otherwise than the recording has it."""
    if _words(got) != _words(expected):
        yield f"text: {_words(got)!r} in place of {_words(expected)!r}"
    yield from _changed_calls(got.tool_calls, expected.tool_calls)
    yield from _mistaken_ids([call.id for call in got.tool_calls], client)
    if got.stop not in _STOPS.get(str(expected.stop), (got.stop,)):
        yield f"stop: {got.stop} in place of {expected.stop}"
    if expected.usage:
        yield from _changed_usage(got.usage, expected.usage, client)


def _words(answer: Answer) -> str:
    """A refusal's words are text where the protocol does not set them apart."""
    return answer.text + (answer.refusal or "")


def _changed_calls(got: tuple[ToolCall, ...], expected: tuple[ToolCall, ...]) -> Iterator[str]:
    mine, theirs = [[_called(call) for call in calls] for calls in (got, expected)]
    if mine != theirs:
        yield f"tool calls: {mine} in place of {theirs}"
    for call, recorded in zip(got, expected, strict=False):
        if recorded.id and call.id != recorded.id:
            yield f"tool call {recorded.name}: the id {call.id!r} in place of {recorded.id!r}"


def _mistaken_ids(ids: list[str], client: Surface) -> Iterator[str]:
    """Each call has an id of its own; for Gemini's clients, which can do without, it may have none."""
    given = [name for name in ids if name]
    if len(set(given)) != len(ids if client is not Surface.GEMINI else given):
        yield f"tool calls with the ids {ids}"


def _called(call: ToolCall) -> tuple[str, Any]:
    return call.name, json.loads(call.arguments or "{}")


def _changed_usage(got: Usage | None, expected: Usage, client: Surface) -> Iterator[str]:
    if got is None:
        yield "usage: none"
        return
    for name in (name for name in _COUNTS if name not in _UNCOUNTED.get(client, ())):
        mine, theirs = getattr(got, name), getattr(expected, name)
        if mine != theirs:
            yield f"usage: {name} {mine} in place of {theirs}"
