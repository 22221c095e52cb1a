"""Faults that translators have: what they forget to say to the provider."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance.faulty.exchange import UpstreamCutError
from conformance.faulty.fault import fault
from conformance.faulty.sse import Event, as_text
from conformance.faulty.tree import changed, dropping
from conformance.surface import Surface

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.faulty.exchange import Answer
    from conformance.faulty.sse import Json

_IMAGES = {"image", "image_url", "input_image"}


@fault.request_json("drops-instructions", "forwards no system prompt")
def drops_instructions(body: Json) -> Json:
    kept = dropping(body, "system", "instructions")
    if isinstance(kept.get("messages"), list):
        kept["messages"] = [m for m in kept["messages"] if m.get("role") not in {"system", "developer"}]
    return kept


@fault.request_json("drops-limits", "forwards no limit of the answer's length")
def drops_limits(body: Json) -> Json:
    return dropping(body, "max_tokens", "max_completion_tokens", "max_output_tokens")


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


@fault.request_json("drops-custom-tools", "forwards no tools without a schema")
def drops_custom_tools(body: Json) -> Json:
    return changed(body, "tools", lambda tools: [tool for tool in tools if tool.get("type") != "custom"])


@fault.request_json("forwards-notes-of-its-own", "forwards what it has noted about the call among its fields")
def forwards_notes_of_its_own(body: Json) -> Json:
    return body | {"relay_params": {"translated_from": "another"}}


@fault.answer_json("makes-up-searches", "takes an empty list of annotations, or none at all, for a search of the web")
def makes_up_searches(answer: Json) -> Json:
    if answer.get("type") != "message":
        return answer
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": ""}}
    return answer | {"content": [search, *answer["content"]]}


@fault.answer("makes-up-an-ending", "finishes a stream in the client's protocol that the provider did not finish")
async def makes_up_an_ending(answer: Answer) -> Answer:
    return replace(answer, chunks=_finished(answer)) if answer.streams else answer


async def _finished(answer: Answer) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.chunks:
            yield chunk
    except UpstreamCutError:
        for event in _ENDINGS[answer.call.surface or Surface.OPENAI_CHAT]:
            yield event.raw


_STOPPED = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
_COMPLETED: Json = {
    "type": "response.completed",
    "response": {"id": "r", "model": "m", "output": [], "status": "completed"},
}
_LAST_CHUNK = {
    "id": "c",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
}
_ENDINGS = {
    Surface.OPENAI_CHAT: (Event.of(as_text(_LAST_CHUNK)), Event.of("[DONE]")),
    Surface.OPENAI_RESPONSES: (Event.of(as_text(_COMPLETED), "response.completed"),),
    Surface.ANTHROPIC_MESSAGES: (
        Event.of(as_text(_STOPPED), "message_delta"),
        Event.of(as_text({"type": "message_stop"}), "message_stop"),
    ),
}
