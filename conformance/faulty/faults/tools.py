"""Faults in tools: their definitions, their calls, their arguments and their results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from conformance.faulty.arguments import (
    chat_calls,
    ends_arguments,
    fragment,
    with_chat_calls,
    with_fragment,
)
from conformance.faulty.blocks import without_blocks
from conformance.faulty.fault import fault, on_events, on_json, one_by_one
from conformance.faulty.sse import as_object, as_text
from conformance.faulty.tree import changed, dropping, everywhere, leaves, objects
from conformance.surface import Surface

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from conformance.faulty.exchange import Answer
    from conformance.faulty.sse import Event, Json

_EMPTY = ("", "{}")
_CALLS = {"tool_use", "function_call", "function"}
_RESULTS = {"tool_result", "function_call_output", "custom_tool_call_output"}


@fault.answer_json("rewrites-tool-ids", "gives tool calls ids of its own")
def rewrites_tool_ids(answer: Json) -> Json:
    return everywhere(answer, _with_own_ids)


@fault.request_json("rewrites-tool-ids-upstream", "gives the tool calls and results of earlier turns ids of its own")
def rewrites_tool_ids_upstream(body: Json) -> Json:
    return everywhere(body, _with_own_ids)


def _with_own_ids(value: Json) -> Json:
    for name in ("call_id", "tool_use_id", "tool_call_id"):
        value = changed(value, name, _own)
    is_call = value.get("type") == "tool_use" or (value.get("type") == "function" and "function" in value)
    return changed(value, "id", _own) if is_call else value


def _own(known: Any) -> str:
    return f"relay_{known}"


@fault.answer("loses-second-tool-call", "hands on only the first of several tool calls")
async def loses_second_tool_call(answer: Answer) -> Answer:
    seen = 0

    def later_call(block: Json) -> bool:
        nonlocal seen
        seen += block.get("type") in _CALLS
        return block.get("type") in _CALLS and seen > 1

    if answer.call.surface is Surface.OPENAI_CHAT and answer.streams:
        return on_events(answer, one_by_one(_with_first_call))
    return await without_blocks(answer, later_call)


def _with_first_call(event: Event) -> Event | None:
    calls = chat_calls(event)
    kept = [call for call in calls if call["index"] == 0]
    return with_chat_calls(event, kept) if kept else None if calls else event


@fault.events("merges-parallel-calls", "gives all tool calls of a stream the index of the first")
async def merges_parallel_calls(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    firsts: dict[str, int] = {}
    tools: set[int] = set()
    async for event in events:
        payload = event.json
        place = "output_index" if "output_index" in payload else "index"
        block = payload.get("content_block") or payload.get("item") or {}
        if block.get("type") in _CALLS:
            tools.add(payload[place])
            firsts.setdefault(place, payload[place])
        if payload.get(place) in tools:
            event = event.with_json({**payload, place: firsts[place]})  # noqa: PLW2901 - the event as it goes on
        calls = chat_calls(event)
        yield with_chat_calls(event, [{**call, "index": 0} for call in calls]) if calls else event


@fault.answer("reserialises-arguments", "reads the arguments of tool calls and writes them anew")
async def reserialises_arguments(answer: Answer) -> Answer:
    return await _with_arguments(answer, _anew)


@fault.answer("rounds-tool-numbers", "reads the numbers in the arguments of tool calls into floats of few digits")
async def rounds_tool_numbers(answer: Answer) -> Answer:
    rounded = await _with_arguments(answer, _rounded)
    return await on_json(rounded, lambda it: everywhere(it, _with_rounded_input))


@fault.request_json("reserialises-arguments-upstream", "reads the arguments of earlier tool calls and writes them anew")
def reserialises_arguments_upstream(body: Json) -> Json:
    return everywhere(body, lambda it: changed(it, "arguments", _anew))


def _anew(arguments: str) -> str:
    value = as_object(arguments)
    return arguments if value is None else json.dumps(value, sort_keys=True)


def _rounded(arguments: str) -> str:
    value = as_object(arguments)
    return arguments if value is None else as_text(leaves(value, _short))


def _with_rounded_input(value: Json) -> Json:
    return changed(value, "input", lambda it: leaves(it, _short)) if value.get("type") == "tool_use" else value


def _short(value: Any) -> Any:
    return value if isinstance(value, bool) or not isinstance(value, (int, float)) else float(f"{value:.3g}")


async def _with_arguments(answer: Answer, edit: Callable[[str], str]) -> Answer:
    """The answer with other arguments of tool calls, wherever they stand."""

    def edited(value: Json) -> Json:
        return everywhere(value, lambda it: changed(it, "arguments", edit))

    return on_events(await on_json(answer, edited), lambda events: _in_one_piece(events, edit))


async def _in_one_piece(events: AsyncIterator[Event], edit: Callable[[str], str]) -> AsyncIterator[Event]:
    """Arguments can be read when they are complete: until then the events come without them."""
    texts: dict[int, str] = {}
    held: dict[int, Event] = {}
    async for event in events:
        if piece := fragment(event):
            if piece.call in held:
                yield with_fragment(held[piece.call], "")
            texts[piece.call] = texts.get(piece.call, "") + piece.text
            held[piece.call] = event
            continue
        if ends_arguments(event):
            for call, last in held.items():
                yield with_fragment(last, edit(texts.pop(call)))
            held = {}
        yield event


@fault.answer_json("drops-empty-arguments", "hands on no arguments where a tool call has none to give")
def drops_empty_arguments(answer: Json) -> Json:
    return everywhere(answer, _without_empty)


def _without_empty(value: Json) -> Json:
    if value.get("type") == "tool_use" and value.get("input") == {}:
        return dropping(value, "input")
    return dropping(value, "arguments") if value.get("arguments") in _EMPTY else value


@fault.request_json("drops-tool-results", "forwards no results of tools")
def drops_tool_results(body: Json) -> Json:
    for name in ("messages", "input"):
        body = changed(body, name, _without_results)
    return body


def _without_results(turns: Any) -> Any:
    if not isinstance(turns, list):
        return turns
    kept = [turn for turn in turns if turn.get("role") != "tool" and turn.get("type") not in _RESULTS]
    return [changed(turn, "content", _without_results) if objects(turn.get("content")) else turn for turn in kept]


@fault.request_json("drops-tool-definitions-but-first", "forwards only the first tool definition")
def drops_tool_definitions_but_first(body: Json) -> Json:
    return changed(body, "tools", lambda tools: tools[:1])


@fault.request_json("strips-strict", "forwards tool definitions without the fields that came later")
def strips_strict(body: Json) -> Json:
    return changed(body, "tools", lambda tools: [everywhere(tool, _plain) for tool in objects(tools)])


def _plain(tool: Json) -> Json:
    return dropping(tool, "strict", "defer_loading", "eager_input_streaming", "input_examples", "allowed_callers")


@fault.request_json("knows-only-function-tools", "forwards no tools but functions")
def knows_only_function_tools(body: Json) -> Json:
    known = {"function", "custom"}
    return changed(body, "tools", lambda tools: [it for it in objects(tools) if it.get("type", "custom") in known])


@fault.request_json("drops-tool-choice", "forwards no wish which tools are called")
def drops_tool_choice(body: Json) -> Json:
    return dropping(body, "tool_choice", "parallel_tool_calls")
