"""Faults that translators have: what they forget to say to the provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.faulty.fault import fault
from conformance.faulty.tree import changed, dropping, everywhere

if TYPE_CHECKING:
    from collections.abc import Container

    from conformance.faulty.sse import Json

_IMAGES = {"image", "image_url", "input_image"}
_CALLS = {"tool_use": "id", "function": "id", "function_call": "call_id"}
_RESULTS = {"tool_result": "tool_use_id", "tool": "tool_call_id", "function_call_output": "call_id"}
_THOUGHTS = {"thinking", "reasoning"}
_CACHE_WRITES = {"cache_write_tokens", "cache_creation_input_tokens"}


@fault.request_json("drops-instructions", "forwards no system prompt")
def drops_instructions(body: Json) -> Json:
    kept = dropping(body, "system", "instructions")
    if isinstance(kept.get("messages"), list):
        kept["messages"] = [m for m in kept["messages"] if m.get("role") not in {"system", "developer"}]
    return kept


@fault.request_json("drops-limits", "forwards no limit of the answer's length")
def drops_limits(body: Json) -> Json:
    return dropping(body, "max_tokens", "max_completion_tokens", "max_output_tokens")


@fault.request_json("drops-sampling", "forwards no temperature and no top_p")
def drops_sampling(body: Json) -> Json:
    return everywhere(body, lambda it: dropping(it, "temperature", "top_p", "topP"))


@fault.request_json("drops-stop-sequences", "forwards nothing at which the answer should stop")
def drops_stop_sequences(body: Json) -> Json:
    return everywhere(body, lambda it: dropping(it, "stop", "stop_sequences", "stopSequences"))


@fault.request_json("drops-images", "forwards no images")
def drops_images(body: Json) -> Json:
    return {name: _without_images(value) for name, value in body.items()}


def _without_images(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_images(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_without_images(m) for m in value if not (isinstance(m, dict) and m.get("type") in _IMAGES)]
    return value


@fault.request_json("asks-for-the-whole", "asks for a whole answer where the client asked for a stream")
def asks_for_the_whole(body: Json) -> Json:
    return dropping(body, "stream", "stream_options")


@fault.request_json("forbids-parallel-calls-of-none", "says beside none that not several tools may be called")
def forbids_parallel_calls_of_none(body: Json) -> Json:
    mixed = {"type": "none", "disable_parallel_tool_use": True}
    return changed(body, "tool_choice", lambda choice: mixed if choice == "none" else choice)


@fault.request_json("cuts-tool-names", "cuts the names of tools to 64 letters, and does not know them again")
def cuts_tool_names(body: Json) -> Json:
    return changed(body, "tools", lambda tools: [changed(tool, "name", lambda name: name[:64]) for tool in tools])


@fault.request_json(
    "writes-dots-as-underscores", "writes the dots in names of tools as _, and does not know them again"
)
def writes_dots_as_underscores(body: Json) -> Json:
    return changed(body, "tools", lambda tools: [changed(tool, "name", _undotted) for tool in tools])


def _undotted(name: str) -> str:
    return name.replace(".", "_")


@fault.request_json("drops-custom-tools", "forwards no tools without a schema")
def drops_custom_tools(body: Json) -> Json:
    return changed(body, "tools", lambda tools: [tool for tool in tools if tool.get("type") != "custom"])


@fault.request_json("forwards-notes-of-its-own", "forwards what it has noted about the call among its fields")
def forwards_notes_of_its_own(body: Json) -> Json:
    return body | {"relay_params": {"translated_from": "another"}}


@fault.request_json("marks-tools", "forwards each tool with a mark of its own")
def marks_tools(body: Json) -> Json:
    return changed(body, "tools", lambda tools: [tool | {"origin": "relay"} for tool in tools])


@fault.answer_json("makes-up-searches", "takes an empty list of annotations, or none at all, for a search of the web")
def makes_up_searches(answer: Json) -> Json:
    if answer.get("type") != "message":
        return answer
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": ""}}
    return answer | {"content": [search, *answer["content"]]}


@fault.answer_json(
    "calls-win-over-limits", "says of an answer that calls tools that it ended for them, cut short or not"
)
def calls_win_over_limits(answer: Json) -> Json:
    return everywhere(answer, _ended_for_its_calls)


def _ended_for_its_calls(value: Json) -> Json:
    if (value.get("message") or {}).get("tool_calls"):
        return value | {"finish_reason": "tool_calls"}
    calls = isinstance(value.get("content"), list) and any(b.get("type") == "tool_use" for b in value["content"])
    return value | {"stop_reason": "tool_use"} if calls and value.get("stop_reason") else value


@fault.answer_json("leaves-cached-input-out", "counts as input only what no cache had to do with")
def leaves_cached_input_out(answer: Json) -> Json:
    return everywhere(answer, lambda it: changed(it, "usage", _uncached))


def _uncached(usage: Json) -> Json:
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    cached = details.get("cached_tokens", 0) + details.get("cache_write_tokens", 0)
    inside = (name for name in ("prompt_tokens", "input_tokens") if name in usage)
    return usage | {name: usage[name] - cached for name in inside}


@fault.answer_json("loses-cache-writes", "says that nothing was written to a cache")
def loses_cache_writes(answer: Json) -> Json:
    return everywhere(answer, lambda it: {name: 0 if name in _CACHE_WRITES else it[name] for name in it})


@fault.request_json("pairs-results-by-position", "takes the first result for the first call's, whatever its id")
def pairs_results_by_position(body: Json) -> Json:
    made = iter([call[_CALLS[_kind(call)]] for call in _all(body, _CALLS) if _CALLS[_kind(call)] in call])
    return everywhere(body, lambda it: changed(it, _RESULTS.get(_kind(it), ""), lambda known: next(made, known)))


@fault.request_json("keeps-the-last-thought-only", "forwards no thinking but that of the last turn")
def keeps_the_last_thought_only(body: Json) -> Json:
    forgotten = _all(body, _THOUGHTS)[:-1]

    def remembered(turns: Any) -> Any:
        return [turn for turn in turns if turn not in forgotten] if isinstance(turns, list) else turns

    return everywhere(body, lambda it: changed(changed(it, "content", remembered), "input", remembered))


def _all(body: Json, kinds: Container[str]) -> list[Json]:
    """The objects of these kinds, in the order in which they stand."""
    found: list[Json] = []

    def noted(value: Json) -> Json:
        if _kind(value) in kinds:
            found.append(value)
        return value

    everywhere(body, noted)
    return found


def _kind(value: Json) -> str:
    return str(value.get("type") or value.get("role"))
