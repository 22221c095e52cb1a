"""A request for generateContent, read as a conversation.

Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROLES = {"model": "assistant"}
_CHOICES = {"AUTO": "auto", "VALIDATED": "auto", "NONE": "none", "ANY": "required"}
_PLAIN = ("output", "result", "error", "content")


def parts(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What is said, in order; a call without an id goes by its name and number, and so does its result."""
    yield from _texts("system", member(body, "systemInstruction") or {})
    calls, results = Counter[str](), Counter[str]()
    for content in body["contents"]:
        for part in _parts(content):
            if call := member(part, "functionCall"):
                yield "call", (_id(call, calls), call["name"], call.get("args") or {})
            elif result := member(part, "functionResponse"):
                yield "result", (_id(result, results), _said(result["response"]))
                yield from (shown for inner in _parts(result) for shown in _shown(inner))
            elif part.get("text") and not part.get("thought"):
                yield _ROLES.get(content.get("role", "user"), "user"), part["text"]
            else:
                yield from _shown(part)


def options(body: dict[str, Any]) -> dict[str, Any]:
    config = member(body, "generationConfig") or {}
    calling = member(member(body, "toolConfig") or {}, "functionCallingConfig") or {}
    allowed: list[str] = member(calling, "allowedFunctionNames") or []
    choice = _CHOICES[calling["mode"]] if "mode" in calling else None
    return {
        "tools": {tool["name"]: _schema(tool) for group in body.get("tools") or () for tool in _declared(group)},
        "choice": allowed[0] if choice == "required" and len(allowed) == 1 else choice,
        "one_call_only": False,
        "limit": member(config, "maxOutputTokens"),
        "effort": _effort(member(config, "thinkingConfig") or {}),
    }


def member(value: dict[str, Any], name: str) -> Any:
    """A field under either of the names that Google's JSON takes: `maxOutputTokens` or `max_output_tokens`."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return value.get(name, value.get(snake))


def _parts(content: dict[str, Any]) -> list[dict[str, Any]]:
    """A single part may stand without its list."""
    held = content.get("parts") or []
    return [held] if isinstance(held, dict) else held


def _texts(kind: str, content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((kind, part["text"]) for part in _parts(content) if part.get("text"))


def _id(call: dict[str, Any], seen: Counter[str]) -> str:
    seen[call["name"]] += 1
    return call.get("id") or f"{call['name']}/{seen[call['name']]}"


def _said(response: dict[str, Any]) -> str:
    """A result that is one text stands under one of a few names; any other is an object of its own."""
    [*values] = response.values()
    plain = len(values) == 1 and isinstance(values[0], str) and next(iter(response)) in _PLAIN
    return values[0] if plain else json.dumps(response)


def _shown(part: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if data := member(part, "inlineData"):
        yield "image", data["data"]
    if file := member(part, "fileData"):
        yield "image", member(file, "fileUri")


def _declared(group: dict[str, Any]) -> list[dict[str, Any]]:
    return member(group, "functionDeclarations") or []


def _schema(tool: dict[str, Any]) -> Any:
    full = member(tool, "parametersJsonSchema")
    return full if full is not None else _in_json_schema(tool.get("parameters"))


def _in_json_schema(schema: Any) -> Any:
    """A schema of Google's own kind: its types are written large."""
    if isinstance(schema, list):
        return [_in_json_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    small = {name: value.lower() for name, value in schema.items() if name == "type" and isinstance(value, str)}
    return {name: _in_json_schema(value) for name, value in schema.items()} | small


def _effort(thinking: dict[str, Any]) -> str | None:
    level, budget = member(thinking, "thinkingLevel"), member(thinking, "thinkingBudget")
    if level:
        return str(level).lower()
    return None if budget in (None, -1) else "budget" if budget else "none"
