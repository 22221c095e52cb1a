"""Requests: https://docs.claude.com/en/api/messages"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from gateway.protocols import hub, signatures
from gateway.protocols.codec import Json, present, unread
from gateway.protocols.messages.parts import read_content, write_content

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_LIMIT = 4096
WARMEST = 1
FIELDS = {
    "one_call_only": ("tool_choice.disable_parallel_tool_use",),
    "limit": ("max_tokens",),
    "effort": ("output_config.effort", "thinking.budget_tokens"),
    "schema": ("output_config.format",),
    "user": ("metadata.user_id",),
    "stop": ("stop_sequences",),
    "messages.document.name": ("messages.content.title",),
    "messages.tool_call_id": ("messages.tool_result.tool_use_id",),
}
_READ = {
    "model", "messages", "system", "max_tokens", "stop_sequences", "stream", "temperature", "top_p", "top_k",
    "tools", "tool_choice", "thinking", "output_config", "metadata",
}  # fmt: skip
_OF_BLOCKS = {
    "type", "text", "source", "thinking", "signature", "data", "id", "name", "input", "tool_use_id", "content",
    "is_error", "title",
}  # fmt: skip
_LEAST_BUDGET: dict[int, hub.Effort] = {1024: "low", 2048: "medium", 4096: "high"}
_EFFORTS = {"minimal": "low", "none": None}


def read_request(body: Json) -> hub.Request:
    choice = body.get("tool_choice") or {}
    request = hub.Request(
        model=body["model"],
        turns=list(_read_turns(body)),
        choice=_read_choice(choice),
        one_call_only=choice.get("disable_parallel_tool_use"),
        limit=body.get("max_tokens"),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        top_k=body.get("top_k"),
        stop=tuple(body.get("stop_sequences") or ()),
        effort=_read_effort(body),
        schema=_read_schema(body),
        user=(body.get("metadata") or {}).get("user_id"),
        stream=bool(body.get("stream")),
    )
    request.tools = tuple(_read_tools(body, request))
    request.lose(*(name for name in body if name not in _READ), *_unread(body))
    return request


def _unread(body: Json) -> Iterator[str]:
    yield from _unread_of_blocks(body.get("system"), "system")
    for message in body["messages"]:
        yield from _unread_of_blocks(message["content"], "messages.content")
    output = body.get("output_config") or {}
    yield from unread(output, {"effort", "format"}, "output_config")
    yield from unread(body.get("metadata") or {}, {"user_id"}, "metadata")
    yield from unread(body.get("thinking") or {}, {"type", "budget_tokens"}, "thinking")
    if (body.get("thinking") or {}).get("type") not in {None, "enabled", "disabled"} and not output.get("effort"):
        yield "thinking"


def _unread_of_blocks(content: Any, where: str) -> Iterator[str]:
    for block in content if isinstance(content, list) else ():
        yield from unread(block, _OF_BLOCKS, where)
        if block["type"] == "tool_result":
            yield from _unread_of_blocks(block.get("content"), f"{where}.content")


def _read_turns(body: Json) -> Iterator[hub.Turn]:
    if system := tuple(read_content(body.get("system"), None)):
        yield hub.Turn("system", system)
    for message in body["messages"]:
        yield hub.Turn(message["role"], tuple(read_content(message["content"], f"messages.{message['role']}")))


def _read_choice(choice: Json) -> Any:
    match choice.get("type"):
        case "any":
            return "required"
        case "tool":
            return hub.Forced(choice["name"])
        case kind:
            return kind


def _read_effort(body: Json) -> hub.Effort | None:
    effort: hub.Effort | None = (body.get("output_config") or {}).get("effort")
    thinking = body.get("thinking") or {}
    if effort or thinking.get("type") != "enabled":
        return effort or ("none" if thinking.get("type") == "disabled" else None)
    reached = [name for least, name in _LEAST_BUDGET.items() if thinking.get("budget_tokens", 0) >= least]
    return reached[-1] if reached else "minimal"


def _read_schema(body: Json) -> hub.Schema | None:
    form = (body.get("output_config") or {}).get("format")
    return hub.Schema(form["schema"], strict=True) if form else None


def _read_tools(body: Json, request: hub.Request) -> Iterator[hub.Tool]:
    for tool in body.get("tools") or ():
        if tool.get("type", "custom") != "custom":
            raise hub.UntranslatableError("tools", f"a tool of the type {tool['type']} exists at Anthropic only")
        yield hub.Tool(tool["name"], tool.get("description"), tool["input_schema"], tool.get("strict"))
        known = {"type", "name", "description", "input_schema", "strict"}
        request.lose(*(f"tools.{name}" for name in tool if name not in known))


def write_request(request: hub.Request) -> Json:
    request.lose_given("seed", "frequency_penalty", "presence_penalty")
    if (request.temperature or 0) > WARMEST:
        request.lose("temperature")
    return present(
        {
            "model": request.model,
            "max_tokens": request.limit or DEFAULT_LIMIT,
            "system": request.system or None,
            "messages": list(_write_turns(request)),
            "temperature": None if request.temperature is None else min(request.temperature, WARMEST),
            "top_p": request.top_p,
            "top_k": request.top_k,
            "stop_sequences": list(request.stop) or None,
            "tools": [_write_tool(tool) for tool in request.tools] or None,
            "tool_choice": _write_choice(request) if request.tools else None,
            "thinking": {"type": "disabled"} if request.effort == "none" else None,
            "output_config": _write_output_config(request) or None,
            "metadata": {"user_id": request.user} if request.user else None,
            "stream": request.stream or None,
        }
    )


def _write_turns(request: hub.Request) -> Iterator[Json]:
    """Neighbours of one role become one message, and the results of tools come first in it."""
    spoken = (turn for turn in request.turns if turn.role != "system")
    for role, group in groupby(spoken, key=lambda turn: turn.role):
        said = [part for turn in group for part in turn.parts]
        parts = signatures.only("anthropic", said)
        if len(parts) < len(said):
            request.lose("messages.thinking")
        parts.sort(key=lambda part: not isinstance(part, hub.ToolResult) if role == "user" else 0)
        if role == "assistant":
            hub.refuse_shown(parts)
        yield {"role": role, "content": list(write_content(parts))}


def _write_tool(tool: hub.Tool) -> Json:
    return present(
        {"name": tool.name, "description": tool.description, "input_schema": tool.parameters, "strict": tool.strict}
    )


def _write_choice(request: hub.Request) -> Json | None:
    choice = request.choice
    if choice == "none":
        return {"type": "none"}
    parallel = {} if request.one_call_only is None else {"disable_parallel_tool_use": request.one_call_only}
    if isinstance(choice, hub.Forced):
        return {"type": "tool", "name": choice.name, **parallel}
    if choice is None and not parallel:
        return None
    return {"type": "any" if choice == "required" else "auto", **parallel}


def _write_output_config(request: hub.Request) -> Json:
    config: Json = {}
    if request.effort and (effort := _EFFORTS.get(request.effort, request.effort)):
        config["effort"] = effort
    if request.schema:
        config["format"] = {"type": "json_schema", "schema": request.schema.schema or {"type": "object"}}
    return config
