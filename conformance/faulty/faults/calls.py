"""Faults in tool calls that are long, many or not of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.faulty.blocks import without_blocks
from conformance.faulty.fault import fault
from conformance.faulty.faults.rewriting import knows_plain_content
from conformance.faulty.tree import changed, dropping, everywhere

if TYPE_CHECKING:
    from conformance.faulty.exchange import Answer, Request
    from conformance.faulty.sse import Json

_LONGEST_ID = 40
_LONGEST_ARGUMENTS = 65_536
_IDS = ("id", "call_id", "tool_call_id", "tool_use_id")


@fault.request_json("shortens-tool-ids", "forwards no more than 40 characters of the id of a tool call")
def shortens_tool_ids(body: Json) -> Json:
    return everywhere(body, _short)


def _short(value: Json) -> Json:
    for name in _IDS:
        value = changed(value, name, lambda known: known[:_LONGEST_ID] if isinstance(known, str) else known)
    return value


@fault.answer_json("cuts-long-arguments", "hands on no text of arguments that is longer than 64 KiB")
def cuts_long_arguments(answer: Json) -> Json:
    return everywhere(answer, _cut)


def _cut(value: Json) -> Json:
    if value.get("type") == "tool_use":
        return changed(value, "input", lambda held: {name: _start(text) for name, text in held.items()})
    for name in ("arguments", "partial_json"):
        value = changed(value, name, _start)
    return value


def _start(text: Any) -> Any:
    return text[:_LONGEST_ARGUMENTS] if isinstance(text, str) else text


@fault.request("counts-plain-content", "counts only blocks of the types that everybody uses")
def counts_plain_content(request: Request) -> Request:
    return request.json(knows_plain_content) if request.call.counts_tokens else request


@fault.answer_json("custom-becomes-function", "hands on calls of custom tools as calls of functions")
def custom_becomes_function(answer: Json) -> Json:
    return everywhere(answer, _as_function)


def _as_function(value: Json) -> Json:
    if value.get("type") == "custom_tool_call":
        return {**dropping(value, "input"), "type": "function_call", "arguments": value["input"]}
    if "custom" in value:
        held = {"name": value["custom"].get("name"), "arguments": value["custom"].get("input")}
        return {**dropping(value, "custom"), "type": "function", "function": held}
    return value


@fault.answer("knows-only-function-calls", "hands on no calls of custom tools")
async def knows_only_function_calls(answer: Answer) -> Answer:
    return await without_blocks(answer, lambda block: block.get("type") in ("custom", "custom_tool_call"))
