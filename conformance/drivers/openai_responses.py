"""The OpenAI SDK on the Responses surface.

Source: https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from conformance.drivers.answer import Answer
from conformance.drivers.client import whole
from conformance.drivers.openai_chat import OpenAIClient
from conformance.surface import Surface
from conformance.upstream import RedactedThinking, Thinking, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.drivers.ask import Ask

_CALLS = ("function_call", "custom_tool_call")
TERMINAL = ("response.completed", "response.incomplete", "response.failed")


class ResponseFailedError(Exception):
    """The response says of itself that it failed: no exception for the SDK, and yet no answer."""


class ResponsesClient(OpenAIClient):
    """`openai.OpenAI(...).responses`."""

    surface: ClassVar = Surface.OPENAI_RESPONSES
    path: ClassVar = "/responses"

    def _resource(self, arguments: dict[str, Any]) -> Any:  # noqa: ARG002 - this surface has one resource only
        return self._sdk.responses

    def said(self, ask: Ask) -> dict[str, Any]:
        said: dict[str, Any] = {"input": list(_items(ask))}
        if ask.tools:
            said["tools"] = [
                {
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                    "strict": False,
                }
                for tool in ask.tools
            ]
        return said

    def read(self, raw: dict[str, Any]) -> Answer:
        if raw.get("status") == "failed":
            raise ResponseFailedError(raw.get("error"))
        output = raw["output"]
        parts = [part for item in output if item["type"] == "message" for part in item["content"]]
        calls = tuple(_tool_call(item) for item in output if item["type"] in _CALLS)
        refusal = "".join(part["refusal"] for part in parts if part["type"] == "refusal") or None
        return Answer(
            id=raw["id"],
            model=raw["model"],
            text="".join(part["text"] for part in parts if part["type"] == "output_text"),
            thinking=tuple(_thinking(item) for item in output if item["type"] == "reasoning"),
            tool_calls=calls,
            refusal=refusal,
            stop=_stop(raw, calls=bool(calls), refused=refusal is not None),
            usage=_usage(raw.get("usage")),
            raw=raw,
        )

    def assemble(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        """The terminal event carries the whole response; what the deltas add up to is the grammar's business."""
        for event in events:
            if event["type"] in TERMINAL:
                response: dict[str, Any] = event["response"]
                return response
        raise ValueError(f"the stream ended without any of {', '.join(TERMINAL)}")

    def piece(self, event: dict[str, Any]) -> str:
        return str(event["delta"]) if event["type"] == "response.output_text.delta" else ""

    async def final(self, source: Any) -> dict[str, Any]:
        return whole(await self._run(source.get_final_response))


def _items(ask: Ask) -> Iterator[dict[str, Any]]:
    yield {"role": "user", "content": ask.prompt}
    for turn in ask.turns:
        output = turn.answer.raw["output"]
        yield from output
        kinds = {item["call_id"]: item["type"] for item in output if item["type"] in _CALLS}
        for result in turn.results:
            yield {"type": f"{kinds[result.call_id]}_output", "call_id": result.call_id, "output": result.content}


def _stop(raw: dict[str, Any], *, calls: bool, refused: bool) -> str:
    reason = (raw.get("incomplete_details") or {}).get("reason")
    if raw.get("status") == "incomplete":
        return "length" if reason == "max_output_tokens" else "refusal" if reason == "content_filter" else str(reason)
    if raw.get("status") != "completed":
        return str(raw.get("status"))
    return "refusal" if refused else "tool-use" if calls else "end"


def _thinking(item: dict[str, Any]) -> Thinking | RedactedThinking:
    summary = "".join(part["text"] for part in item.get("summary") or ())
    proof = item.get("encrypted_content") or ""
    return Thinking(summary, proof) if summary else RedactedThinking(proof)


def _tool_call(item: dict[str, Any]) -> ToolCall:
    """What a custom tool is given is text: the one argument that a function in its place has."""
    custom = item["type"] == "custom_tool_call"
    arguments = json.dumps({"input": item["input"]}) if custom else item["arguments"]
    return ToolCall(item["call_id"], item["name"], arguments)


def _usage(usage: dict[str, Any] | None) -> Usage | None:
    if usage is None:
        return None
    return Usage(
        input=usage["input_tokens"],
        output=usage["output_tokens"],
        cache_read=(usage.get("input_tokens_details") or {}).get("cached_tokens") or 0,
        cache_write=(usage.get("input_tokens_details") or {}).get("cache_write_tokens") or 0,
        reasoning=(usage.get("output_tokens_details") or {}).get("reasoning_tokens") or 0,
    )
