"""Faults in what clients say of tools: definitions, choices and results."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from conformance.faulty.fault import fault
from conformance.faulty.sse import as_object
from conformance.faulty.tree import changed, dropping, everywhere, objects

if TYPE_CHECKING:
    from conformance.faulty.sse import Json

_MOST_TOOLS = 64
_LONGEST_NAME = 60
_SCHEMAS = ("input_schema", "parameters", "schema")
_UNFIT = re.compile(r"[^a-zA-Z0-9_-]")
_MEDIA = {"image", "document", "input_image", "input_file", "search_result"}


@fault.request_json("flattens-tool-choice", "turns every choice of tools that is more than a word into one")
def flattens_tool_choice(body: Json) -> Json:
    return changed(body, "tool_choice", lambda choice: _flat(choice) if isinstance(choice, dict) else choice)


def _flat(choice: Json) -> Any:
    words = ("auto", "any", "none")
    return {"type": choice["type"]} if choice.get("type") in words else "required"


@fault.request_json("cleans-schemas", "forwards schemas without the keywords that it thinks nobody needs")
def cleans_schemas(body: Json) -> Json:
    return everywhere(body, lambda it: {name: _clean(name, value) for name, value in it.items()})


def _clean(name: str, schema: Any) -> Any:
    return dropping(schema, "$schema", "title", "additionalProperties", "$defs") if name in _SCHEMAS else schema


@fault.request_json("caps-tools", "forwards no more than 64 tools")
def caps_tools(body: Json) -> Json:
    return changed(body, "tools", lambda tools: tools[:_MOST_TOOLS])


@fault.request_json("shortens-tool-names", "forwards no more than 60 characters of a tool's name")
def shortens_tool_names(body: Json) -> Json:
    return _renamed(body, lambda name: name[:_LONGEST_NAME])


@fault.request_json("cleans-tool-names", "writes _ for each character that it finds unfit for a tool's name")
def cleans_tool_names(body: Json) -> Json:
    return _renamed(body, lambda name: _UNFIT.sub("_", name))


def _renamed(body: Json, edit: Any) -> Json:
    def tool(it: Json) -> Json:
        return changed(changed(it, "name", edit), "function", lambda function: changed(function, "name", edit))

    return changed(body, "tools", lambda tools: [tool(it) for it in objects(tools)])


@fault.request_json("drops-result-media", "forwards only the text of tool results")
def drops_result_media(body: Json) -> Json:
    return everywhere(body, lambda it: _textual(it) if _is_result(it) else it)


def _textual(result: Json) -> Json:
    for name in ("content", "output"):
        if isinstance(result.get(name), list):
            result = {**result, name: [part for part in result[name] if part.get("type") not in _MEDIA]}
    return result


@fault.request_json("drops-empty-results", "forwards no tool result that says nothing")
def drops_empty_results(body: Json) -> Json:
    for name in ("messages", "input"):
        body = changed(body, name, _telling)
    return body


def _telling(turns: Any) -> Any:
    if not isinstance(turns, list):
        return turns
    kept = [turn for turn in turns if not (_is_result(turn) and not (turn.get("content") or turn.get("output")))]
    return [changed(turn, "content", _telling) if objects(turn.get("content")) else turn for turn in kept]


def _is_result(value: Any) -> bool:
    known = ("tool_result", "function_call_output")
    return isinstance(value, dict) and (value.get("type") in known or value.get("role") == "tool")


@fault.request_json("loses-is-error", "forwards failed calls of tools as if they had not failed")
def loses_is_error(body: Json) -> Json:
    return everywhere(body, lambda it: dropping(it, "is_error", "status") if _is_result(it) else it)


@fault.request_json("repairs-arguments-upstream", "forwards {} for arguments of earlier calls that are no object")
def repairs_arguments_upstream(body: Json) -> Json:
    return everywhere(body, lambda it: changed(it, "arguments", lambda text: text if as_object(text) else "{}"))
