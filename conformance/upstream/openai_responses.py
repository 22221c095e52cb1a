"""OpenAI Responses: a reply as a response object, whole and as typed events.

    created in_progress (output_item.added part* output_item.done)* (completed | incomplete)

Every event has a `sequence_number`, from 0 and without gaps; there is no [DONE].
Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from base64 import b64encode
from itertools import count
from typing import TYPE_CHECKING, Any

from conformance.upstream.openai_platform import OVERLOADED, classified
from conformance.upstream.rendering import (
    DONE,
    KEEP_ALIVE,
    Event,
    accompanied,
    as_object,
    fragments,
    in_order,
    in_pieces,
    interruption,
    pieces,
    to_bytes,
    to_json,
)
from conformance.upstream.reply import Thinking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.rendering import Call
    from conformance.upstream.reply import RedactedThinking, Reply, Usage

_ECHOED: dict[str, Any] = {
    "background": False,
    "frequency_penalty": 0.0,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "moderation": None,
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": "in_memory",
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
_REASONING = {"context": "current_turn", "effort": "medium", "mode": "standard", "summary": None}
_TEXT = {"format": {"type": "text"}, "verbosity": "medium"}
_FUNCTION = {"description": None, "strict": True}
_NO_IMAGE_TOKENS = {"image_tokens": 0, "text_tokens": 0}
_TOOL_USAGE = {
    "image_gen": {
        "input_tokens": 0,
        "input_tokens_details": _NO_IMAGE_TOKENS,
        "output_tokens": 0,
        "output_tokens_details": _NO_IMAGE_TOKENS,
        "total_tokens": 0,
    },
    "web_search": {"num_requests": 0},
}
_INCOMPLETE = {"length": "max_output_tokens", "refusal": "content_filter"}
_EMPTY: dict[str, dict[str, Any]] = {
    "message": {"content": []},
    "function_call": {"arguments": ""},
    "custom_tool_call": {"input": ""},
}
_OBFUSCATION = "sqPQ7zz44g5JeT0r"


def whole(reply: Reply, call: Call) -> dict[str, Any]:
    reason = _incomplete(reply)
    done = {
        "status": "incomplete" if reason else "completed",
        "completed_at": None if reason else call.created + 1,
        "incomplete_details": {"reason": reason} if reason else None,
        "output": _output(reply, call),
        "service_tier": "default",
        "usage": _usage(reply.usage),
    }
    return _response(call) | done | (reply.extra or {})


def events(reply: Reply, call: Call) -> Iterator[Event]:
    stream = _Stream(reply, call)
    return accompanied(
        stream.own_events(), reply.delivery, ping=KEEP_ALIVE, unknown=stream.unheard_of, error=stream.error
    )


def compacted(reply: Reply, call: Call) -> dict[str, Any]:
    """A conversation made short, which only OpenAI can read: it holds what the reply says."""
    kept = {"encrypted_content": b64encode(to_bytes(reply.whole_text)).decode(), "id": f"cmp_{call.name}"}
    return {
        "id": f"resp_{call.name}",
        "object": "response.compaction",
        "created_at": call.created,
        "output": [{**kept, "type": "compaction"}],
        "usage": _usage(reply.usage),
        **(reply.extra or {}),
    }


class _Stream:
    """One response, event by event."""

    def __init__(self, reply: Reply, call: Call) -> None:
        self._reply = reply
        self._call = call
        self._numbers = count()

    def own_events(self) -> Iterator[Event]:
        begun = _response(self._call) | (self._reply.extra or {})
        yield self._event("response.created", response=begun)
        yield self._event("response.in_progress", response=begun)
        done = whole(self._reply, self._call)
        for index, item in enumerate(_output(self._reply, self._call)):
            yield from self._item(index, item)
        yield self._event(f"response.{done['status']}", response=done)
        if self._reply.delivery.done:
            yield DONE

    def unheard_of(self) -> Event:
        return self._event("response.unheard_of", own=False, detail={"since": "2099-01-01"})

    def error(self) -> Iterator[Event]:
        error, form = interruption(self._reply, OVERLOADED), self._reply.delivery.error_form
        shown = classified(error)
        if form.startswith("failed"):
            said = {"code": shown["code"] or shown["type"], "message": error.message}
            yield self._event("response.failed", response=_response(self._call) | {"status": "failed", "error": said})
        if form != "failed":
            yield self._event("error", code=shown["code"], message=error.message, param=shown["param"])

    def _event(self, kind: str, *, content: bool = False, own: bool = True, **fields: Any) -> Event:
        payload = {"type": kind, **fields, "sequence_number": next(self._numbers)}
        return Event(name=kind, data=to_json(payload), content=content, own=own)

    def _item(self, index: int, item: dict[str, Any]) -> Iterator[Event]:
        yield self._event("response.output_item.added", item=_begun(item), output_index=index)
        where: dict[str, Any] = {"item_id": item["id"], "output_index": index}
        if item["type"] == "reasoning":
            yield from self._summary(item, where)
        elif item["type"] == "message":
            yield from self._parts(item, where)
        elif item["type"] == "custom_tool_call":
            yield from self._input(item["input"], where)
        else:
            yield from self._arguments(item["arguments"], where)
        yield self._event("response.output_item.done", item=item, output_index=index)

    def _summary(self, item: dict[str, Any], where: dict[str, Any]) -> Iterator[Event]:
        for index, part in enumerate(item["summary"]):
            at = where | {"summary_index": index}
            yield self._event("response.reasoning_summary_part.added", part=part | {"text": ""}, **at)
            yield from self._deltas("response.reasoning_summary_text", pieces(part["text"]), at)
            yield self._event("response.reasoning_summary_text.done", text=part["text"], **at)
            yield self._event("response.reasoning_summary_part.done", part=part, **at)

    def _parts(self, item: dict[str, Any], where: dict[str, Any]) -> Iterator[Event]:
        for index, part in enumerate(item["content"]):
            at = where | {"content_index": index}
            spoken = "refusal" if part["type"] == "refusal" else "text"
            yield self._event("response.content_part.added", part=part | {spoken: ""}, **at)
            yield from self._refusal(part, at) if spoken == "refusal" else self._text(part, at)
            yield self._event("response.content_part.done", part=part, **at)

    def _text(self, part: dict[str, Any], at: dict[str, Any]) -> Iterator[Event]:
        yield from self._deltas("response.output_text", self._reply.pieces, at | {"logprobs": []})
        yield self._event("response.output_text.done", text=part["text"], logprobs=[], **at)

    def _refusal(self, part: dict[str, Any], at: dict[str, Any]) -> Iterator[Event]:
        for piece in in_pieces(pieces(part["refusal"]), self._reply.delivery.pieces):
            yield self._event("response.refusal.delta", content=bool(piece), delta=piece, **at)
        yield self._event("response.refusal.done", refusal=part["refusal"], **at)

    def _arguments(self, arguments: str, where: dict[str, Any]) -> Iterator[Event]:
        if self._reply.delivery.pieces != "arguments-when-done":
            yield from self._deltas("response.function_call_arguments", list(fragments(arguments)), where)
        yield self._event("response.function_call_arguments.done", arguments=arguments, **where)

    def _input(self, text: str, where: dict[str, Any]) -> Iterator[Event]:
        yield from self._deltas("response.custom_tool_call_input", list(fragments(text)), where)
        yield self._event("response.custom_tool_call_input.done", input=text, **where)

    def _deltas(self, kind: str, parts: list[str] | tuple[str, ...], at: dict[str, Any]) -> Iterator[Event]:
        asked = self._call.options("stream_options").get("include_obfuscation", True)
        for number, part in enumerate(in_pieces(parts, self._reply.delivery.pieces)):
            padding: dict[str, Any] = {"obfuscation": _OBFUSCATION[number % len(_OBFUSCATION) :]} if asked else {}
            yield self._event(f"{kind}.delta", content=bool(part), delta=part, **padding, **at)


def _response(call: Call) -> dict[str, Any]:
    """A response that has just begun, with what was asked for."""
    body = call.body
    return {
        "id": f"resp_{call.name}",
        "object": "response",
        "created_at": call.created,
        "status": "in_progress",
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": call.model,
        "output": [],
        **{name: body[name] if body.get(name) is not None else value for name, value in _ECHOED.items()},
        "reasoning": _REASONING | call.options("reasoning"),
        "service_tier": "auto",
        "text": _TEXT | call.options("text"),
        "tool_usage": _TOOL_USAGE,
        "tools": _tools(body.get("tools")),
        "usage": None,
    }


def _tools(asked: Any) -> list[dict[str, Any]]:
    """The tools of a request, functions with their defaults filled in."""
    tools = [tool for tool in asked if isinstance(tool, dict)] if isinstance(asked, list) else []
    return [_FUNCTION | tool if tool.get("type") == "function" else tool for tool in tools]


def _incomplete(reply: Reply) -> str | None:
    """Why the response is incomplete, if it is; a refusal with words of its own is complete."""
    reason = None if reply.refusal else _INCOMPLETE.get(reply.why_it_stops)
    return reason and (reply.stop_word or reason)


def _output(reply: Reply, call: Call) -> list[dict[str, Any]]:
    items = in_order(reply, _reasoning(reply, call), _messages(reply, call), _function_calls(reply, call))
    if items and _incomplete(reply) and "status" in items[-1]:
        items[-1]["status"] = "incomplete"
    return items


def _reasoning(reply: Reply, call: Call) -> Iterator[dict[str, Any]]:
    for index, thought in enumerate(reply.thinking):
        sealed, summary = _thought(thought)
        yield {
            "id": f"rs_{call.name}_{index}",
            "type": "reasoning",
            "content": [],
            "encrypted_content": sealed,
            "summary": summary,
        }


def _thought(thought: Thinking | RedactedThinking) -> tuple[str, list[dict[str, Any]]]:
    """What only OpenAI can read, and what anyone can."""
    if isinstance(thought, Thinking):
        return thought.signature, [{"type": "summary_text", "text": thought.text}]
    return thought.data, []


def _messages(reply: Reply, call: Call) -> Iterator[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    if reply.pieces:
        content.append({"type": "output_text", "annotations": [], "logprobs": [], "text": reply.whole_text})
    if reply.refusal:
        content.append({"type": "refusal", "refusal": reply.refusal})
    if content:
        yield {
            "id": f"msg_{call.name}",
            "type": "message",
            "status": "completed",
            "content": content,
            "phase": "commentary" if reply.tool_calls else "final_answer",
            "role": "assistant",
        }


def _function_calls(reply: Reply, call: Call) -> Iterator[dict[str, Any]]:
    """Of a tool that takes any text, as it was offered, the one argument is the text."""
    custom = [tool.get("name") for tool in _tools(call.body.get("tools")) if tool.get("type") == "custom"]
    for index, tool_call in enumerate(reply.tool_calls):
        called = {"status": "completed", "call_id": tool_call.id, "name": tool_call.name}
        if tool_call.name in custom:
            (text,) = as_object(tool_call.arguments).values()
            yield {"id": f"ctc_{call.name}_{index}", "type": "custom_tool_call", **called, "input": text}
        else:
            function = {"type": "function_call", **called, "arguments": tool_call.arguments}
            yield {"id": f"fc_{call.name}_{index}", **function}


def _begun(item: dict[str, Any]) -> dict[str, Any]:
    """An item when it appears. Its `encrypted_content` is not yet the one to keep, as OpenAI warns."""
    if item["type"] == "reasoning":
        sealed = item["encrypted_content"]
        return item | {"summary": [], "encrypted_content": sealed[: len(sealed) // 2]}
    return item | _EMPTY[item["type"]] | {"status": "in_progress"}


def _usage(usage: Usage) -> dict[str, Any]:
    """OpenAI counts cached tokens inside `input_tokens`, reasoning inside `output_tokens`."""
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
        **(usage.extra or {}),
    }
