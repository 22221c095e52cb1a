"""Requests: https://platform.openai.com/docs/api-reference/chat/create"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.protocols import hub
from gateway.protocols.chat.parts import read_content, read_message, write_assistant, write_user
from gateway.protocols.codec import Json, present, unread
from gateway.protocols.openai import (
    functions,
    one_call_only,
    read_choice,
    read_function,
    read_schema,
    write_function,
    write_schema,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FIELDS = {
    "messages.document.name": ("messages.content.file.filename",),
    "one_call_only": ("parallel_tool_calls",),
    "limit": ("max_completion_tokens", "max_tokens"),
    "effort": ("reasoning_effort",),
    "schema": ("response_format",),
    "user": ("safety_identifier", "user"),
    "messages.thinking": ("messages.reasoning_content",),
}
_READ = {
    "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "max_tokens", "max_completion_tokens",
    "temperature", "top_p", "stop", "seed", "frequency_penalty", "presence_penalty", "reasoning_effort",
    "response_format", "user", "safety_identifier", "stream", "stream_options", "n",
}  # fmt: skip
_OF_MESSAGES = {"role", "content", "tool_calls", "tool_call_id", "refusal", "reasoning_content", "extra_content"}
_OF_CONTENT = {"type", "text", "refusal", "image_url", "file"}
_LEGACY = ("functions", "function_call")


def read_request(body: Json) -> hub.Request:
    if (body.get("n") or 1) > 1:
        raise hub.UntranslatableError("n", "only one answer can be had from this provider")
    for name in _LEGACY:
        if body.get(name) is not None:
            raise hub.UntranslatableError(name, "tools are its successor")
    stop = body.get("stop") or ()
    request = hub.Request(
        model=body["model"],
        turns=list(_read_turns(body["messages"])),
        choice=read_choice(body.get("tool_choice")),
        one_call_only=one_call_only(body),
        limit=body.get("max_completion_tokens") or body.get("max_tokens"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        effort=body.get("reasoning_effort"),
        schema=_read_schema(body.get("response_format") or {}),
        user=body.get("safety_identifier") or body.get("user"),
        stream=bool(body.get("stream")),
        usage_asked=bool((body.get("stream_options") or {}).get("include_usage")),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        seed=body.get("seed"),
        frequency_penalty=body.get("frequency_penalty"),
        presence_penalty=body.get("presence_penalty"),
    )
    request.tools = tuple(_read_tools(body, request))
    request.lose(*(name for name in body if name not in _READ), *_unread(body["messages"]))
    return request


def _unread(messages: Iterable[Json]) -> Iterator[str]:
    for message in messages:
        yield from unread(message, _OF_MESSAGES, "messages")
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            yield from unread(part, _OF_CONTENT, "messages.content")
            if (part.get("image_url") or {}).get("detail", "auto") != "auto":
                yield "messages.content.image_url.detail"


def _read_turns(messages: Iterable[Json]) -> Iterator[hub.Turn]:
    for message in messages:
        match message["role"]:
            case "system" | "developer":
                yield hub.Turn("system", tuple(read_content(message.get("content"))))
            case "tool":
                content: Any = tuple(read_content(message.get("content")))
                yield hub.Turn("user", (hub.ToolResult(message["tool_call_id"], content),))
            case "assistant":
                yield hub.Turn("assistant", tuple(read_message(message)))
            case "user":
                yield hub.Turn("user", tuple(read_content(message.get("content"))))
            case role:
                raise hub.UntranslatableError("messages.role", f"the role {role} has no counterpart")


def _read_tools(body: Json, request: hub.Request) -> Iterator[hub.Tool]:
    for tool in functions(body.get("tools")):
        yield read_function(tool["function"])
        request.lose(*(f"tools.{name}" for name in tool if name not in {"type", "function"}))


def _read_schema(form: Json) -> hub.Schema | None:
    match form.get("type"):
        case "json_schema":
            return read_schema(form["json_schema"])
        case "json_object":
            return hub.Schema(None)
        case _:
            return None


def write_request(request: hub.Request, *, thoughts: bool = False) -> Json:
    """OpenAI refuses thoughts in a conversation; some that speak its protocol take them, as `reasoning_content`."""
    request.lose_given("top_k")
    return present(
        {
            "model": request.model,
            "messages": list(_write_turns(request, thoughts=thoughts)),
            "tools": [{"type": "function", "function": write_function(tool)} for tool in request.tools] or None,
            "tool_choice": _write_choice(request.choice) if request.tools else None,
            "parallel_tool_calls": False if request.one_call_only and request.tools else None,
            "max_completion_tokens": request.limit,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop": list(request.stop) or None,
            "seed": request.seed,
            "frequency_penalty": request.frequency_penalty,
            "presence_penalty": request.presence_penalty,
            "reasoning_effort": request.effort,
            "response_format": _write_schema(request.schema) if request.schema else None,
            "safety_identifier": request.user,
            "stream": request.stream or None,
            "stream_options": {"include_usage": True} if request.stream else None,
        }
    )


def _write_turns(request: hub.Request, *, thoughts: bool) -> Iterator[Json]:
    for turn in request.turns:
        if turn.role == "system":
            yield {"role": "system", "content": hub.system_text([turn])}
        elif turn.role == "assistant":
            unsaid = hub.RedactedThinking if thoughts else hub.Thinking | hub.RedactedThinking
            said = [part for part in turn.parts if not isinstance(part, unsaid)]
            if len(said) < len(turn.parts):
                request.lose("messages.thinking")
            yield write_assistant(said)
        else:
            yield from _write_user_turn(turn.parts, request)


def _write_user_turn(parts: tuple[hub.Part, ...], request: hub.Request) -> Iterator[Json]:
    """Results of tools first, each a message; what else they showed follows in the user's own."""
    shown: list[hub.Part] = []
    for result in (part for part in parts if isinstance(part, hub.ToolResult)):
        if result.is_error:
            request.lose("messages.tool_result.is_error")
        yield {"role": "tool", "tool_call_id": result.call_id, "content": result.text}
        shown += [part for part in result.parts if not isinstance(part, hub.Text)]
    shown += [part for part in parts if not isinstance(part, hub.ToolResult)]
    if shown:
        yield write_user(shown)


def _write_choice(choice: Any) -> Any:
    return {"type": "function", "function": {"name": choice.name}} if isinstance(choice, hub.Forced) else choice


def _write_schema(schema: hub.Schema) -> Json:
    if schema.schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": write_schema(schema)}
