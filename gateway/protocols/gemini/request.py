"""Requests: https://ai.google.dev/api/generate-content#request-body"""

from __future__ import annotations

import re
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING, Any

from gateway.protocols import hub, signatures
from gateway.protocols.codec import Json, present
from gateway.protocols.gemini.parts import joined, read_data, read_part, read_result, write_parts
from gateway.protocols.gemini.schemas import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FIELDS = {
    "limit": ("generationConfig.maxOutputTokens",),
    "temperature": ("generationConfig.temperature",),
    "top_p": ("generationConfig.topP",),
    "top_k": ("generationConfig.topK",),
    "stop": ("generationConfig.stopSequences",),
    "seed": ("generationConfig.seed",),
    "frequency_penalty": ("generationConfig.frequencyPenalty",),
    "presence_penalty": ("generationConfig.presencePenalty",),
    "effort": ("generationConfig.thinkingConfig",),
    "schema": ("generationConfig.responseJsonSchema",),
    "messages": ("contents.parts",),
    "messages.content": ("contents.parts",),
    "messages.thinking": ("contents.parts.thought",),
    "messages.tool_result.is_error": ("contents.parts.functionResponse.response.error",),
}
_READ = {"model", "stream", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig"}
_CONFIG_READ = {
    "temperature", "topP", "topK", "maxOutputTokens", "stopSequences", "candidateCount", "seed", "presencePenalty",
    "frequencyPenalty", "responseMimeType", "responseSchema", "responseJsonSchema", "_responseJsonSchema",
    "responseModalities", "thinkingConfig",
}  # fmt: skip
_CALLING_READ = {"mode", "allowedFunctionNames"}
_PART_READ = {"text", "thought", "thoughtSignature", "inlineData", "fileData", "functionCall", "functionResponse"}
_DECLARED = {"name", "description", "parameters", "parametersJsonSchema"}
_OPAQUE = {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels"}
_WORD = re.compile(r"(?<=[a-z0-9])_([a-z])")
_LEAST_BUDGET: dict[hub.Effort, int] = {"minimal": 512, "low": 1024, "medium": 2048, "high": 4096}
_MOST_BUDGETS: dict[hub.Effort, int] = {"xhigh": 8192, "max": 16384}
_TAKE_BUDGETS = re.compile(r"(models/)?gemini-[12]\b")
_WANT_SIGNATURES = re.compile(r"(models/)?gemini-([3-9]|\d\d)")
_NO_SIGNATURE = {"thoughtSignature": "skip_thought_signature_validator"}
"""For a history that another provider wrote: https://ai.google.dev/gemini-api/docs/thought-signatures"""


def read_request(body: Json) -> hub.Request:
    body = _camel(body)
    config = body.get("generationConfig") or {}
    _refuse(body, config)
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    request = hub.Request(
        model=body["model"],
        turns=list(_read_turns(body)),
        choice=_read_choice(calling),
        limit=config.get("maxOutputTokens"),
        temperature=config.get("temperature"),
        top_p=config.get("topP"),
        top_k=config.get("topK"),
        stop=tuple(config.get("stopSequences") or ()),
        seed=config.get("seed"),
        frequency_penalty=config.get("frequencyPenalty"),
        presence_penalty=config.get("presencePenalty"),
        effort=_read_effort(config.get("thinkingConfig") or {}),
        schema=_read_schema(config),
        stream=bool(body.get("stream")),
    )
    request.tools = tuple(_read_tools(body, request))
    if calling.get("mode") == "VALIDATED":
        request.lose("toolConfig.functionCallingConfig.mode")
    if calling.get("allowedFunctionNames") and not isinstance(request.choice, hub.Forced):
        request.lose("toolConfig.functionCallingConfig.allowedFunctionNames")
    request.lose(*_unread(body))
    return request


def _unread(body: Json) -> Iterator[str]:
    config, choosing = body.get("generationConfig") or {}, body.get("toolConfig") or {}
    yield from (name for name in body if name not in _READ)
    yield from (f"generationConfig.{name}" for name in config if name not in _CONFIG_READ)
    yield from (f"toolConfig.{name}" for name in choosing if name != "functionCallingConfig")
    calling = choosing.get("functionCallingConfig") or {}
    yield from (f"toolConfig.functionCallingConfig.{name}" for name in calling if name not in _CALLING_READ)
    parts = (part for content in body["contents"] for part in content.get("parts") or ())
    yield from (f"contents.parts.{name}" for part in parts for name in part if name not in _PART_READ)


def _camel(value: Any) -> Any:
    """Google takes `snake_case` for `camelCase`, but for what is the caller's own."""
    if isinstance(value, list):
        return [_camel(each) for each in value]
    if not isinstance(value, dict):
        return value
    named = {_WORD.sub(lambda letter: letter[1].upper(), name): each for name, each in value.items()}
    return {name: each if name in _OPAQUE else _camel(each) for name, each in named.items()}


def _refuse(body: Json, config: Json) -> None:
    if (config.get("candidateCount") or 1) > 1:
        raise hub.UntranslatableError("generationConfig.candidateCount", "only one answer can be had here")
    if any(kind != "TEXT" for kind in config.get("responseModalities") or ()):
        raise hub.UntranslatableError("generationConfig.responseModalities", "only text can be had here")
    if body.get("cachedContent"):
        raise hub.UntranslatableError("cachedContent", "it is kept at Google only")


def _read_turns(body: Json) -> Iterator[hub.Turn]:
    """Neighbours of one role are one turn: SDKs keep each piece of a stream as a content of its own."""
    if system := body.get("systemInstruction"):
        parts = [{"text": system}] if isinstance(system, str) else system.get("parts") or ()
        yield hub.Turn("system", tuple(_read_said(part, "systemInstruction") for part in parts))
    ids = _CallIds()
    for is_models, group in groupby(body["contents"], key=lambda content: content.get("role") == "model"):
        parts = [part for content in group for part in content.get("parts") or ()]
        if is_models:
            read = (said for part in parts for said in _read_models(part, ids))
            yield hub.Turn("assistant", tuple(joined(read)))
        else:
            yield hub.Turn("user", tuple(_read_users(part, ids) for part in parts))


class _CallIds:
    """Gemini's calls need no ids: those that have none get one, the same in each turn, and their results find it."""

    def __init__(self) -> None:
        self._calls = 0
        self._open: dict[str, list[str]] = {}

    def of_call(self, call: Json) -> str:
        self._calls += 1
        made = sha256(f"{self._calls} {call['name']}".encode()).hexdigest()
        call_id: str = call.get("id") or f"call_{made[:16]}"
        self._open.setdefault(call["name"], []).append(call_id)
        return call_id

    def of_result(self, response: Json) -> str:
        given, waiting = response.get("id"), self._open.get(response["name"]) or []
        if given:
            if given in waiting:
                waiting.remove(given)
            return str(given)
        if not waiting:
            raise hub.UntranslatableError("contents.parts.functionResponse", f"no call of {response['name']!r} is open")
        return waiting.pop(0)


def _read_models(part: Json, ids: _CallIds) -> Iterator[hub.Part]:
    if not part.keys() & {"text", "thought", "functionCall", "inlineData", "thoughtSignature"}:
        raise _unknown(part, "contents.parts")
    return read_part({"text": ""} | part, ids.of_call)


def _read_users(part: Json, ids: _CallIds) -> hub.Part:
    match part:
        case {"functionResponse": response}:
            return read_result(response, ids.of_result(response))
        case {"inlineData": data}:
            return read_data(data)
        case {"fileData": file} if _is_web_image(file):
            return hub.Image(url=file["fileUri"])
        case _:
            return _read_said(part, "contents.parts")


def _is_web_image(file: Json) -> bool:
    """Google's own files (`files/…`, `gs://…`) are to be had at Google only."""
    is_googles = "://generativelanguage.googleapis.com/" in file["fileUri"]
    return str(file.get("mimeType")).startswith("image/") and file["fileUri"].startswith("http") and not is_googles


def _read_said(part: Json, where: str) -> hub.Text:
    if "text" not in part:
        raise _unknown(part, where)
    return hub.Text(part["text"])


def _unknown(part: Json, where: str) -> hub.UntranslatableError:
    return hub.UntranslatableError(where, f"a part of {', '.join(part)} has no counterpart")


def _read_choice(calling: Json) -> Any:
    allowed: list[str] = calling.get("allowedFunctionNames") or []
    match calling.get("mode"):
        case "ANY":
            return hub.Forced(allowed[0]) if len(allowed) == 1 else "required"
        case "NONE":
            return "none"
        case "AUTO" | "VALIDATED":
            return "auto"
        case _:
            return None


def _read_effort(thinking: Json) -> Any:
    if level := thinking.get("thinkingLevel"):
        return None if level == "THINKING_LEVEL_UNSPECIFIED" else level.lower()
    budget = thinking.get("thinkingBudget")
    if budget is None or budget < 0:  # below zero the model decides
        return None
    if budget == 0:
        return "none"
    reached = [effort for effort, least in _LEAST_BUDGET.items() if budget >= least]
    return reached[-1] if reached else "minimal"


def _read_schema(config: Json) -> hub.Schema | None:
    schema = config.get("responseJsonSchema") or config.get("_responseJsonSchema")
    if schema is None and config.get("responseSchema"):
        schema = json_schema(config["responseSchema"])
    wanted = schema is not None or config.get("responseMimeType") == "application/json"
    if not wanted and config.get("responseMimeType") not in {None, "text/plain"}:
        raise hub.UntranslatableError("generationConfig.responseMimeType", "only text and JSON can be had here")
    return hub.Schema(schema) if wanted else None


def _read_tools(body: Json, request: hub.Request) -> Iterator[hub.Tool]:
    for tool in body.get("tools") or ():
        if hosted := [name for name in tool if name != "functionDeclarations"]:
            raise hub.UntranslatableError("tools", f"{', '.join(hosted)} exists at Google only")
        for function in tool.get("functionDeclarations") or ():
            yield _read_function(function)
            request.lose(*(f"tools.functionDeclarations.{name}" for name in function if name not in _DECLARED))


def _read_function(function: Json) -> hub.Tool:
    schema = function.get("parametersJsonSchema")
    if schema is None and function.get("parameters"):
        schema = json_schema(function["parameters"])
    return hub.Tool(function["name"], function.get("description"), schema or {"type": "object", "properties": {}})


def write_request(request: hub.Request) -> Json:
    """The model and whether to stream stand in the path."""
    request.lose_given("user")
    if request.one_call_only:
        request.lose("one_call_only")
    if any(tool.strict for tool in request.tools):
        request.lose("tools.strict")
    if any(document.name for document in request.documents):
        request.lose("messages.document.name")
    return present(
        {
            "contents": list(_write_turns(request)),
            "systemInstruction": {"parts": [{"text": request.system}]} if request.system else None,
            "tools": [{"functionDeclarations": [_write_function(tool) for tool in request.tools]}]
            if request.tools
            else None,
            "toolConfig": _write_choice(request.choice) if request.tools and request.choice else None,
            "generationConfig": _write_config(request) or None,
        }
    )


def _write_turns(request: hub.Request) -> Iterator[Json]:
    """Neighbours of one role become one content, and the results of tools come first in it."""
    called = (part for turn in request.turns for part in turn.parts if isinstance(part, hub.ToolUse))
    names = {call.id: call.name for call in called}
    spoken = (turn for turn in request.turns if turn.role != "system")
    for role, group in groupby(spoken, key=lambda turn: turn.role):
        said = [part for turn in group for part in turn.parts]
        parts = signatures.only_geminis(said)
        if len(parts) < len(said):
            request.lose("messages.thinking")
        if role == "user":
            parts.sort(key=lambda part: not isinstance(part, hub.ToolResult))
        written = write_parts(parts, names)
        if _WANT_SIGNATURES.match(request.model):
            _sign(written)
        if written:
            yield {"role": "user" if role == "user" else "model", "parts": written}


def _sign(parts: Iterable[Json]) -> None:
    """The first call of a step needs a signature."""
    first = next((part for part in parts if "functionCall" in part), None)
    if first is not None and "thoughtSignature" not in first:
        first |= _NO_SIGNATURE


def _write_function(tool: hub.Tool) -> Json:
    return present({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters})


def _write_choice(choice: Any) -> Json:
    if isinstance(choice, hub.Forced):
        calling: Json = {"mode": "ANY", "allowedFunctionNames": [choice.name]}
    else:
        calling = {"mode": {"required": "ANY", "none": "NONE"}.get(choice, "AUTO")}
    return {"functionCallingConfig": calling}


def _write_config(request: hub.Request) -> Json:
    return present(
        {
            "maxOutputTokens": request.limit,
            "temperature": request.temperature,
            "topP": request.top_p,
            "topK": request.top_k,
            "stopSequences": list(request.stop) or None,
            "seed": request.seed,
            "presencePenalty": request.presence_penalty,
            "frequencyPenalty": request.frequency_penalty,
            "responseMimeType": "application/json" if request.schema else None,
            "responseJsonSchema": request.schema.schema if request.schema else None,
            "thinkingConfig": _write_effort(request),
        }
    )


def _write_effort(request: hub.Request) -> Json | None:
    """Before Gemini 3 thinking had a budget of tokens; since then it has a level."""
    effort = request.effort
    if effort is None:
        return None
    if effort == "none":
        return {"thinkingBudget": 0}
    if _TAKE_BUDGETS.match(request.model):
        return {"includeThoughts": True, "thinkingBudget": (_LEAST_BUDGET | _MOST_BUDGETS)[effort]}
    return {"includeThoughts": True, "thinkingLevel": "XHIGH" if effort == "max" else effort.upper()}
