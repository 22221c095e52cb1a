"""Faults that rewrite requests by what the relay believes of fields, values and types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.faulty.documented import NEWER_FIELDS, PLAIN_TYPES
from conformance.faulty.fault import fault
from conformance.faulty.refusal import refusal
from conformance.faulty.sse import as_object
from conformance.faulty.tree import changed, dropping, everywhere, objects

if TYPE_CHECKING:
    from conformance.faulty.exchange import Answer, Call
    from conformance.faulty.fault import Handle
    from conformance.faulty.sse import Json

_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "budget_tokens")
_MOST_TOKENS = 1024
_EFFORTS = (None, "low", "medium", "high")
_DEFAULTS: dict[str, tuple[Any, ...]] = {
    "stream": (False,),
    "n": (1,),
    "temperature": (1,),
    "tool_choice": ("auto", {"type": "auto"}),
    "parallel_tool_calls": (True,),
    "thinking": ({"type": "disabled"},),
}


@fault.request_json("drops-newer-fields", "forwards only the fields that the API had when the relay was written")
def drops_newer_fields(body: Json) -> Json:
    return dropping(body, *NEWER_FIELDS)


@fault.request_json("caps-token-limits", "asks for no more tokens than a table of its own allows")
def caps_token_limits(body: Json) -> Json:
    return everywhere(body, _capped)


def _capped(value: Json) -> Json:
    for name in _LIMITS:
        if isinstance(value.get(name), int):
            value = {**value, name: min(value[name], _MOST_TOKENS)}
    return value


@fault.request_json("knows-three-efforts", "asks for high effort where it does not know the one that was named")
def knows_three_efforts(body: Json) -> Json:
    return everywhere(body, lambda it: {name: _known(name, value) for name, value in it.items()})


def _known(name: str, value: Any) -> Any:
    asks_effort = name in ("effort", "reasoning_effort") and isinstance(value, str)
    return "high" if asks_effort and value not in _EFFORTS else value


@fault.request_json("knows-plain-content", "forwards only blocks and items of the types that everybody uses")
def knows_plain_content(body: Json) -> Json:
    for name in ("messages", "input", "content"):
        body = changed(body, name, _plain)
    return body


def _plain(members: Any) -> Any:
    if not isinstance(members, list):
        return members
    kept = [it for it in members if not isinstance(it, dict) or it.get("type", "text") in PLAIN_TYPES]
    return [changed(it, "content", _plain) if isinstance(it, dict) else it for it in kept]


@fault.handle("refuses-what-it-does-not-know", "refuses tools, blocks and items of types that it does not know")
async def refuses_what_it_does_not_know(handle: Handle, call: Call) -> Answer:
    body = as_object(call.body) or {}
    tools = [tool for tool in objects(body.get("tools")) if tool.get("type", "function") not in ("function", "custom")]
    strange = tools or knows_plain_content(body) != body
    return refusal(call, 400, "there is a type that is not supported") if strange else await handle(call)


@fault.request_json("drops-citations-upstream", "forwards no citations")
def drops_citations_upstream(body: Json) -> Json:
    return everywhere(body, lambda it: dropping(it, "citations"))


@fault.request_json("drops-empty-values", "forwards no field whose value is empty")
def drops_empty_values(body: Json) -> Json:
    return everywhere(body, lambda it: {name: value for name, value in it.items() if value not in ("", [], {})})


@fault.request_json("drops-defaults", "forwards no field that holds what it believes to be the default")
def drops_defaults(body: Json) -> Json:
    return {name: value for name, value in body.items() if value not in _DEFAULTS.get(name, ())}


@fault.request_json("labels-tools", "adds a field of its own to each tool")
def labels_tools(body: Json) -> Json:
    return changed(body, "tools", lambda tools: [{**tool, "x_relay": True} for tool in objects(tools)])


@fault.request_json("marks-last-message", "asks for the last of several messages to be cached")
def marks_last_message(body: Json) -> Json:
    for name in ("messages", "input"):
        body = changed(body, name, _marked)
    return body


def _marked(turns: Any) -> Any:
    if len(objects(turns)) < 2:  # noqa: PLR2004 - several
        return turns
    return [*turns[:-1], {**turns[-1], "cache_control": {"type": "ephemeral"}}]
