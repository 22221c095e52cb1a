"""Requests: https://platform.openai.com/docs/api-reference/responses/create"""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from gateway.protocols import hub, signatures
from gateway.protocols.codec import Json, present, unread
from gateway.protocols.openai import (
    one_call_only,
    read_choice,
    read_function,
    read_schema,
    write_function,
    write_schema,
)
from gateway.protocols.responses.custom import read_custom
from gateway.protocols.responses.parts import read_content, read_item, write_part, write_reasoning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FIELDS = {
    "one_call_only": ("parallel_tool_calls",),
    "limit": ("max_output_tokens",),
    "effort": ("reasoning.effort",),
    "schema": ("text.format",),
    "user": ("safety_identifier", "user"),
    "messages": ("input",),
    "messages.content": ("input.content",),
    "messages.document.name": ("input.content.filename",),
    "messages.tool_call_id": ("input.call_id",),
    "messages.thinking": ("input.encrypted_content",),
}
_READ = {
    "model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "max_output_tokens",
    "temperature", "top_p", "reasoning", "text", "user", "safety_identifier", "stream", "stream_options",
    "store", "include", "truncation",
}  # fmt: skip
_OF_CONTENT = {
    "type", "text", "refusal", "image_url", "file_data", "filename", "detail", "annotations", "logprobs",
}  # fmt: skip
_REASONING = "reasoning.encrypted_content"
_STATEFUL = ("previous_response_id", "conversation", "prompt")


def read_request(body: Json) -> hub.Request:
    for name in _STATEFUL:
        if body.get(name) is not None:
            raise hub.UntranslatableError(name, "this provider keeps no conversations")
    request = hub.Request(
        model=body["model"],
        turns=list(_read_turns(body)),
        choice=read_choice(body.get("tool_choice")),
        one_call_only=one_call_only(body),
        limit=body.get("max_output_tokens"),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        effort=(body.get("reasoning") or {}).get("effort"),
        schema=_read_schema((body.get("text") or {}).get("format") or {}),
        user=body.get("safety_identifier") or body.get("user"),
        stream=bool(body.get("stream")),
    )
    request.tools = tuple(_read_tools(body.get("tools") or (), request))
    if body.get("tools") and not request.tools and request.choice not in {None, "auto", "none"}:
        raise hub.UntranslatableError("tool_choice", "none of the tools has a counterpart")
    request.lose(*(name for name in body if name not in _READ), *_unread(body))
    return request


def _unread(body: Json) -> Iterator[str]:
    yield from unread(body.get("text") or {}, {"format"}, "text")
    yield from unread(body.get("reasoning") or {}, {"effort", "summary"}, "reasoning")
    if body.get("store"):
        yield "store"
    if body.get("truncation", "disabled") not in {None, "disabled"}:
        yield "truncation"
    if any(name != _REASONING for name in body.get("include") or ()):
        yield "include"
    for item in body["input"] if isinstance(body["input"], list) else ():
        content = item.get("content")
        for part in content if isinstance(content, list) else ():
            yield from unread(part, _OF_CONTENT, "input.content")
            if part.get("detail", "auto") not in {None, "auto"}:
                yield "input.content.detail"


def _read_tools(tools: Iterable[Json], request: hub.Request, namespace: str = "") -> Iterator[hub.Tool]:
    """Those that the provider itself would run are left out by name: agents offer them whether it has them or not."""
    for tool in tools:
        match tool["type"]:
            case "function":
                yield replace(read_function(tool), namespace=namespace)
            case "custom":
                if (tool.get("format") or {}).get("type") == "grammar":
                    request.lose("tools.format")
                yield read_custom(tool, namespace)
            case "namespace":
                yield from _read_tools(tool["tools"], request, tool["name"])
            case kind:
                request.lose(f"tools.{kind}")


def _read_turns(body: Json) -> Iterator[hub.Turn]:
    if body.get("instructions"):
        yield hub.Turn("system", (hub.Text(body["instructions"]),))
    given = body["input"]
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
        kind = item.get("type", "message")
        match kind:
            case "message":
                role: Any = "system" if item["role"] == "developer" else item["role"]
                yield hub.Turn(role, tuple(read_content(item["content"])))
            case "function_call" | "custom_tool_call" | "reasoning":
                yield hub.Turn("assistant", tuple(read_item(item)))
            case "function_call_output" | "custom_tool_call_output":
                parts: Any = tuple(read_content(item["output"]))
                yield hub.Turn("user", (hub.ToolResult(item["call_id"], parts),))
            case _:
                raise hub.UntranslatableError("input", f"an item of the type {kind} has no counterpart")


def _read_schema(form: Json) -> hub.Schema | None:
    match form.get("type"):
        case "json_schema":
            return read_schema(form)
        case "json_object":
            return hub.Schema(None)
        case _:
            return None


def write_request(request: hub.Request) -> Json:
    if request.stop:
        raise hub.UntranslatableError("stop", "Responses knows no stop sequences")
    request.lose_given("top_k", "seed", "frequency_penalty", "presence_penalty")
    leading = list(takewhile(lambda turn: turn.role == "system", request.turns))
    return present(
        {
            "model": request.model,
            "instructions": hub.system_text(leading) or None,
            "input": [item for turn in request.turns[len(leading) :] for item in _write_turn(turn, request)],
            "tools": [{"type": "function", "strict": False, **write_function(tool)} for tool in request.tools] or None,
            "tool_choice": _write_choice(request.choice) if request.tools else None,
            "parallel_tool_calls": False if request.one_call_only and request.tools else None,
            "max_output_tokens": request.limit,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "reasoning": {"effort": request.effort, "summary": "auto"} if request.effort else None,
            "include": [_REASONING],
            "text": {"format": _write_schema(request.schema)} if request.schema else None,
            "safety_identifier": request.user,
            "store": False,
            "stream": request.stream or None,
        }
    )


def _write_turn(turn: hub.Turn, request: hub.Request) -> Iterator[Json]:
    """Calls, results and reasoning are items; all that is said between them is one message."""
    said: list[Json] = []
    known = signatures.only("openai", turn.parts)
    if len(known) < len(turn.parts):
        request.lose("messages.thinking")
    for part in known:
        match part:
            case hub.ToolResult():
                if part.is_error:
                    request.lose("messages.tool_result.is_error")
                yield {"type": "function_call_output", "call_id": part.call_id, "output": _write_output(part)}
            case hub.ToolUse():
                yield from _write_message(turn.role, said)
                said = []
                yield {
                    "type": "function_call",
                    "call_id": part.id,
                    "name": part.name,
                    "arguments": part.arguments or "{}",
                }
            case hub.Thinking() | hub.RedactedThinking():
                yield from _write_message(turn.role, said)
                said = []
                yield write_reasoning(part)
            case _:
                said.append(write_part(part, turn.role))
    yield from _write_message(turn.role, said)


def _write_message(role: str, said: list[Json]) -> Iterator[Json]:
    if said:
        yield {"type": "message", "role": role, "content": said}


def _write_output(result: hub.ToolResult) -> Any:
    if all(isinstance(part, hub.Text) for part in result.parts):
        return result.text
    return [write_part(part, "user") for part in result.parts]


def _write_choice(choice: Any) -> Any:
    return {"type": "function", "name": choice.name} if isinstance(choice, hub.Forced) else choice


def _write_schema(schema: hub.Schema) -> Json:
    if schema.schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", **write_schema(schema)}
