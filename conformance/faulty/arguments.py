"""Tool arguments as streams carry them: piece by piece, in each protocol's own place."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from conformance.faulty.tree import changed

if TYPE_CHECKING:
    from conformance.faulty.sse import Event, Json


class Fragment(NamedTuple):
    """A piece of the arguments of the tool call with that number."""

    call: int
    text: str


def chat_calls(event: Event) -> list[Json]:
    """The tool call deltas of a chunk of Chat Completions."""
    deltas = [choice.get("delta") or {} for choice in event.json.get("choices", [])]
    return [call for delta in deltas for call in delta.get("tool_calls") or []]


def fragment(event: Event) -> Fragment | None:
    """The piece of arguments in an event, if it holds one."""
    payload = event.json
    if event.type == "response.function_call_arguments.delta":
        return Fragment(payload["output_index"], payload["delta"])
    if event.type == "content_block_delta" and payload["delta"].get("type") == "input_json_delta":
        return Fragment(payload["index"], payload["delta"]["partial_json"])
    calls = chat_calls(event)
    return Fragment(calls[0]["index"], calls[0].get("function", {}).get("arguments", "")) if calls else None


def with_fragment(event: Event, text: str) -> Event:
    """The same event with other arguments; the id and name of a call stay."""
    payload = event.json
    if event.type == "response.function_call_arguments.delta":
        return event.with_json({**payload, "delta": text})
    if event.type == "content_block_delta":
        return event.with_json({**payload, "delta": {"type": "input_json_delta", "partial_json": text}})
    return with_chat_calls(event, [_with_arguments(call, text) for call in chat_calls(event)])


def with_chat_calls(event: Event, calls: list[Json]) -> Event:
    """The same chunk with other tool call deltas."""

    def edited(choices: list[Json]) -> list[Json]:
        return [{**choice, "delta": {**choice["delta"], "tool_calls": calls}} for choice in choices]

    return event.with_json(changed(event.json, "choices", edited))


def _with_arguments(call: Json, text: str) -> Json:
    return {**call, "function": {**call.get("function", {}), "arguments": text}}


def ends_arguments(event: Event) -> bool:
    """Whether the arguments sent before it are complete."""
    finished = any(choice.get("finish_reason") for choice in event.json.get("choices", []))
    return finished or event.type in {"content_block_stop", "response.function_call_arguments.done"}
