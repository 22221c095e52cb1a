"""Every documented field of an answer, whole and streamed: what a model may say, block by block and item by item."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from anthropic.types.beta import BetaMessage
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent

from conformance.documented.examples import Documented, examples, fields
from conformance.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDINGS = ("completed", "incomplete", "failed", "in_progress", "queued", "created")
_MESSAGE_PARTS = ("content_part", "output_text", "refusal", "audio")
_ORDER = (
    "added",
    "in_progress",
    "searching",
    "generating",
    "interpreting",
    "delta",
    "partial_image",
    "done",
    "completed",
)
_DELTAS = {
    "text": (("text_delta", "text"),),
    "thinking": (("thinking_delta", "thinking"), ("signature_delta", "signature")),
    "compaction": (("compaction_delta", "content"),),
}


@cache
def answer(surface: Surface) -> dict[str, Any]:
    """A whole answer with everything in it."""
    if surface is Surface.OPENAI_CHAT:
        return _completion()
    if surface is Surface.OPENAI_RESPONSES:
        ended = {"status": "completed", "error": None, "incomplete_details": None}
        return _numbered(examples(Response)[0], "output") | ended
    return _numbered(examples(BetaMessage)[0], "content")


def _numbered(whole: dict[str, Any], held: str) -> dict[str, Any]:
    """The same answer with an id of its own for each member."""
    members = [
        member | {name: f"{member[name]}_{number}" for name in ("id", "call_id") if name in member}
        for number, member in enumerate(whole[held])
    ]
    return Documented(whole | {held: [Documented(member) for member in members]})


@cache
def stream(surface: Surface) -> bytes:
    """The events of an answer with everything in it, in the order in which the protocol has them."""
    if surface is Surface.OPENAI_CHAT:
        return b"".join(_event(chunk) for chunk in _chunks()) + b"data: [DONE]\n\n"
    events = _response_events() if surface is Surface.OPENAI_RESPONSES else _message_events()
    return b"".join(_event(event, event["type"]) for event in events)


@cache
def stops(surface: Surface) -> tuple[str, ...]:
    """Every reason for which an answer may end."""
    if surface is Surface.OPENAI_CHAT:
        choice = get_args(fields(ChatCompletion)["choices"])[0]
        return _literals(fields(choice)["finish_reason"])
    return _literals(fields(BetaMessage)["stop_reason"])


def _literals(kind: Any) -> tuple[str, ...]:
    return tuple(examples(kind))


def _event(data: Any, name: str | None = None) -> bytes:
    named = f"event: {name}\n" if name else ""
    return f"{named}data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


def _completion() -> dict[str, Any]:
    """Each choice has an index of its own."""
    found: dict[str, Any] = examples(ChatCompletion)[0]
    choices = [
        Documented(choice | {"index": index, "finish_reason": _reason(choice)})
        for index, choice in enumerate(found["choices"])
    ]
    return Documented(found | {"choices": choices})


def _reason(choice: dict[str, Any]) -> Any:
    return "tool_calls" if choice["message"].get("tool_calls") else choice["finish_reason"]


def _chunks() -> Iterator[dict[str, Any]]:
    """Two choices side by side, all that a chunk may hold in each; then how they ended, and the usage."""
    chunk: dict[str, Any] = examples(ChatCompletionChunk)[0]
    without_usage = chunk | {"usage": None}
    said = chunk["choices"][0]
    for index in (0, 1):
        calls = [call | {"index": number} for number, call in enumerate(said["delta"]["tool_calls"])]
        delta = said["delta"] | {"role": "assistant", "tool_calls": calls}
        yield without_usage | {"choices": [said | {"index": index, "delta": delta, "finish_reason": None}]}
    for index in (0, 1):
        yield without_usage | {
            "choices": [{"index": index, "delta": {}, "finish_reason": "tool_calls", "logprobs": None}]
        }
    yield chunk | {"choices": []}


def _message_events() -> Iterator[dict[str, Any]]:
    message = answer(Surface.ANTHROPIC_MESSAGES)
    usage = message["usage"]
    yield {"type": "message_start", "message": message | {"content": [], "stop_reason": None, "stop_sequence": None}}
    for index, block in enumerate(message["content"]):
        yield {"type": "content_block_start", "index": index, "content_block": block | _begun_block(block)}
        for delta in _block_deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ending = {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details", "container")}
    yield {"type": "message_delta", "delta": ending, "usage": usage}
    yield {"type": "message_stop"}


def _begun_block(block: dict[str, Any]) -> dict[str, Any]:
    empty = {name: "" for name in ("text", "thinking", "signature") if name in block}
    return empty | ({"input": {}} if "input" in block else {}) | ({"citations": []} if block.get("citations") else {})


def _block_deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "input" in block:
        yield {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    for citation in block.get("citations") or ():
        yield {"type": "citations_delta", "citation": citation}
    for kind, name in _DELTAS.get(block["type"], ()):
        yield {"type": kind, name: block.get(name)}


def _response_events() -> Iterator[dict[str, Any]]:
    response = answer(Surface.OPENAI_RESPONSES)
    begun = response | {"output": [], "status": "in_progress"}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(response["output"]):
        where = {"output_index": index, "item_id": item.get("id")}
        events.append({"type": "response.output_item.added", "output_index": index, "item": item})
        events += [event | where for event in _of_item(item["type"])]
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": "response.completed", "response": response | {"status": "completed"}})
    return (event | {"sequence_number": number} for number, event in enumerate(events))


def _of_item(kind: str) -> list[dict[str, Any]]:
    """The events that belong to an item of that type, in their order."""
    return sorted((event for event in _item_events() if _owner(event["type"]) == kind), key=_rank)


@cache
def _item_events() -> tuple[dict[str, Any], ...]:
    """One event of each type that is about an item."""
    kinds = get_args(get_args(ResponseStreamEvent)[0])
    firsts = [examples(kind)[0] for kind in kinds if "response" not in fields(kind)]
    return tuple(event for event in firsts if not event["type"].startswith("response.output_item."))


@cache
def _owner(event: str) -> str | None:
    """The type of item that an event is about: its own name begins with it."""
    name = event.removeprefix("response.")
    if name.startswith(_MESSAGE_PARTS):
        return "message"
    kinds = {item["type"] for item in answer(Surface.OPENAI_RESPONSES)["output"]}
    return max((kind for kind in kinds if name.startswith(kind)), key=len, default=None)


def _rank(event: dict[str, Any]) -> int:
    last = event["type"].rpartition(".")[2]
    return _ORDER.index(last) if last in _ORDER else len(_ORDER)
