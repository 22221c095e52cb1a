"""What a client makes of a stream: the object that its events add up to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conformance.upstream.rendering import Event


def payloads(events: Iterable[Event]) -> list[dict[str, Any]]:
    return [json.loads(event.data) for event in events if not event.comment and event.data != "[DONE]"]


def message(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Anthropic Messages."""
    answer: dict[str, Any] = {}
    for event in events:
        match event["type"]:
            case "message_start":
                answer = event["message"]
            case "content_block_start":
                assert event["index"] == len(answer["content"])
                answer["content"].append(dict(event["content_block"]))
            case "content_block_delta":
                _grow(answer["content"][event["index"]], event["delta"])
            case "content_block_stop":
                _close(answer["content"][event["index"]])
            case "message_delta":
                answer |= event["delta"]
                answer["usage"] |= event["usage"]
    return answer


def _grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    field = delta["type"].removesuffix("_delta").replace("input_json", "partial_json")
    block[field] = block.get(field, "") + delta[field]


def _close(block: dict[str, Any]) -> None:
    if block["type"] == "tool_use":
        block["input"] = json.loads(block.pop("partial_json") or "{}")


def completion(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Chat Completions, asked for usage."""
    said: dict[str, Any] = {"annotations": []}
    calls: list[dict[str, Any]] = []
    finish = None
    for delta, reason in (_delta(chunk) for chunk in chunks if chunk["choices"]):
        finish = reason or finish
        for fragment in delta.pop("tool_calls", []):
            _call(calls, fragment)
        for name, value in delta.items():
            said[name] = (said.get(name) or "") + value if isinstance(value, str) else value
    if calls:
        said["tool_calls"] = calls
    choice = {"index": 0, "message": said, "logprobs": None, "finish_reason": finish}
    answer = {name: value for name, value in chunks[-1].items() if name != "obfuscation"}
    return answer | {"object": "chat.completion", "choices": [choice]}


def _delta(chunk: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    choice = chunk["choices"][0]
    return choice["delta"], choice["finish_reason"]


def _call(calls: list[dict[str, Any]], fragment: dict[str, Any]) -> None:
    index = fragment.pop("index")
    if index == len(calls):
        calls.append(fragment)
    else:
        calls[index]["function"]["arguments"] += fragment["function"]["arguments"]


def items(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The output items of a response, put together from deltas alone."""
    output: list[dict[str, Any]] = []
    for event in events:
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            output.append(event["item"])
        elif kind == "content_part.added":
            output[event["output_index"]]["content"].append(event["part"])
        elif kind == "reasoning_summary_part.added":
            output[event["output_index"]]["summary"].append(event["part"])
        elif kind.endswith(".delta"):
            _extend(output[event["output_index"]], kind.removesuffix(".delta"), event)
        elif kind == "output_item.done":
            late = ("status", "encrypted_content")
            output[event["output_index"]] |= {name: event["item"][name] for name in late if name in event["item"]}
    return output


def _extend(item: dict[str, Any], kind: str, event: dict[str, Any]) -> None:
    if kind == "function_call_arguments":
        item["arguments"] += event["delta"]
    elif kind == "reasoning_summary_text":
        item["summary"][event["summary_index"]]["text"] += event["delta"]
    else:
        part = item["content"][event["content_index"]]
        part["refusal" if kind == "refusal" else "text"] += event["delta"]
