"""Anthropic Messages.

Source: https://docs.claude.com/en/api/messages and https://docs.claude.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from gateway.protocols import hub
from gateway.protocols.codec import (
    Codec,
    Json,
    StreamDecoder,
    StreamEncoder,
    arguments_value,
    compact,
    read_event,
    words,
    write_event,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEFAULT_LIMIT = 4096
_STOPS: dict[str, hub.Stop] = {
    "end_turn": "end",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool-use",
    "stop_sequence": "stop-sequence",
    "refusal": "refusal",
    "pause_turn": "pause",
}
_STOP_REASONS = {
    "end": "end_turn",
    "length": "max_tokens",
    "tool-use": "tool_use",
    "stop-sequence": "stop_sequence",
    "refusal": "refusal",
    "pause": "pause_turn",
}
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_STATUSES = {name: status for status, name in _ERROR_TYPES.items() if status != 422} | {"api_error": 500}  # noqa: PLR2004
_READ = {
    "model", "messages", "system", "max_tokens", "stop_sequences", "stream", "temperature", "top_p", "top_k",
    "tools", "tool_choice", "thinking", "output_config", "metadata",
}  # fmt: skip
_LEAST_BUDGET = {1024: "low", 2048: "medium", 4096: "high"}
_EFFORTS = {"minimal": "low", "none": None}


class Decoder(StreamDecoder):
    """Blocks come one after the other, so each event is one of the hub's."""

    def __init__(self) -> None:
        self._usage: Json = {}
        self._stop: Json = {}
        self._silent_call = False

    def feed(self, name: str | None, data: str) -> Iterator[hub.Event]:
        event = read_event(data)
        match event.get("type", name):
            case "message_start":
                message = event["message"]
                self._usage = dict(message.get("usage") or {})
                yield hub.Started(message["id"], message["model"], _read_usage(self._usage))
            case "content_block_start":
                self._silent_call = event["content_block"]["type"] == "tool_use"
                yield hub.Opened(_opened(event["content_block"]))
            case "content_block_delta":
                self._silent_call &= not event["delta"].get("partial_json")
                yield from _delta(event["delta"])
            case "content_block_stop":
                if self._silent_call:  # a call without arguments has no delta
                    yield hub.Delta("{}")
                yield hub.Closed()
            case "message_delta":
                self._stop |= {key: value for key, value in event["delta"].items() if value is not None}
                self._usage |= {key: value for key, value in (event.get("usage") or {}).items() if value is not None}
            case "message_stop":
                yield from self._ended()
            case "ping":
                yield hub.Ping()
            case "error":
                self.finished = True
                error = event.get("error") or {}
                yield hub.Failed(_STATUSES.get(error.get("type", ""), 500), words(event))

    def end(self) -> Iterator[hub.Event]:
        return iter(())

    def _ended(self) -> Iterator[hub.Event]:
        self.finished = True
        if refused := _refused(self._stop):
            yield from (hub.Opened(hub.Refusal()), hub.Delta(refused.text), hub.Closed())
        stop = _STOPS.get(self._stop.get("stop_reason", ""), "end")
        yield hub.Finished(stop, _read_usage(self._usage), self._stop.get("stop_sequence"))


def _opened(block: Json) -> hub.Part:
    match block["type"]:
        case "tool_use":
            return hub.ToolUse(block["id"], block["name"])
        case "thinking":
            return hub.Thinking()
        case "redacted_thinking":
            return hub.RedactedThinking(block["data"])
        case _:
            return hub.Text()


def _refused(stopped: Json) -> hub.Refusal | None:
    """Why the model refused, where it says so."""
    explanation = (stopped.get("stop_details") or {}).get("explanation")
    return hub.Refusal(explanation) if explanation else None


def _delta(delta: Json) -> Iterator[hub.Event]:
    match delta["type"]:
        case "text_delta":
            yield hub.Delta(delta["text"])
        case "thinking_delta":
            yield hub.Delta(delta["thinking"])
        case "input_json_delta":
            yield hub.Delta(delta["partial_json"])
        case "signature_delta":
            yield hub.Signed(delta["signature"])


class Encoder(StreamEncoder):
    """`index` counts blocks from 0; one is open at a time."""

    def __init__(self, model: str, *, usage_asked: bool) -> None:
        super().__init__(model, usage_asked=usage_asked)
        self._index = -1
        self._open: hub.Part = hub.Text()

    def feed(self, event: hub.Event) -> Iterator[str]:
        match event:
            case hub.Started():
                yield _named(type="message_start", message=self._message(event))
            case hub.Opened(part):
                self._index += 1
                self._open = part
                yield _named(type="content_block_start", index=self._index, content_block=_begun(part))
            case hub.Delta(text):
                yield self._delta(text)
            case hub.Signed(signature):
                yield self._sent({"type": "signature_delta", "signature": signature})
            case hub.Closed():
                yield _named(type="content_block_stop", index=self._index)
            case hub.Finished():
                yield _named(type="message_delta", delta=_stopped(event), usage=_write_usage(event.usage))
                yield _named(type="message_stop")
            case hub.Failed():
                yield _named(**MESSAGES.write_error(event))
            case hub.Ping():
                yield _named(type="ping")

    def _message(self, started: hub.Started) -> Json:
        empty = hub.Answer(started.id, self.model, (), "end", started.usage)
        return MESSAGES.write_answer(empty) | {"stop_reason": None}

    def _delta(self, text: str) -> str:
        match self._open:
            case hub.ToolUse():
                return self._sent({"type": "input_json_delta", "partial_json": text})
            case hub.Thinking():
                return self._sent({"type": "thinking_delta", "thinking": text})
            case _:
                return self._sent({"type": "text_delta", "text": text})

    def _sent(self, delta: Json) -> str:
        return _named(type="content_block_delta", index=self._index, delta=delta)


def _named(**event: Any) -> str:
    return write_event(event, event["type"])


def _begun(part: hub.Part) -> Json:
    match part:
        case hub.ToolUse():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": {}}
        case hub.Thinking():
            return {"type": "thinking", "thinking": "", "signature": ""}
        case hub.RedactedThinking():
            return {"type": "redacted_thinking", "data": part.data}
        case _:
            return {"type": "text", "text": ""}


def _stopped(finished: hub.Finished | hub.Answer) -> Json:
    return {"stop_reason": _STOP_REASONS[finished.stop], "stop_sequence": finished.stop_sequence}


class MessagesCodec(Codec):
    path = "/v1/messages"
    vendor = "anthropic"
    longest_tool_name = 128
    decoder = Decoder
    encoder = Encoder

    def read_request(self, body: Json) -> hub.Request:
        choice = body.get("tool_choice") or {}
        request = hub.Request(
            model=body["model"],
            turns=list(_turns(body)),
            choice=_choice(choice),
            one_call_only=choice.get("disable_parallel_tool_use"),
            limit=body.get("max_tokens"),
            temperature=body.get("temperature"),
            top_p=body.get("top_p"),
            top_k=body.get("top_k"),
            stop=tuple(body.get("stop_sequences") or ()),
            effort=_effort(body),
            schema=_schema(body),
            user=(body.get("metadata") or {}).get("user_id"),
            stream=bool(body.get("stream")),
        )
        request.tools = tuple(_tools(body, request))
        request.lose(*(name for name in body if name not in _READ))
        return request

    def write_request(self, request: hub.Request) -> Json:
        request.lose(
            *(name for name in ("seed", "frequency_penalty", "presence_penalty") if getattr(request, name) is not None)
        )
        given: dict[str, Any] = {
            "model": request.model,
            "max_tokens": request.limit or DEFAULT_LIMIT,
            "system": request.system or None,
            "messages": list(_messages(request.turns)),
            "temperature": None if request.temperature is None else min(request.temperature, 1),
            "top_p": request.top_p,
            "top_k": request.top_k,
            "stop_sequences": list(request.stop) or None,
            "tools": [_tool(tool) for tool in request.tools] or None,
            "tool_choice": _written_choice(request) if request.tools else None,
            "output_config": _output_config(request) or None,
            "metadata": {"user_id": request.user} if request.user else None,
            "stream": request.stream or None,
        }
        return {name: value for name, value in given.items() if value is not None}

    def read_answer(self, body: Json) -> hub.Answer:
        parts = tuple(_read_blocks(body["content"], None))
        if refused := _refused(body):
            parts = (*parts, refused)
        stop = _STOPS.get(body.get("stop_reason") or "", "end")
        return hub.Answer(body["id"], body["model"], parts, stop, _read_usage(body["usage"]), body.get("stop_sequence"))

    def write_answer(self, answer: hub.Answer) -> Json:
        return {
            "id": answer.id if answer.id.startswith("msg_") else f"msg_{answer.id}",
            "type": "message",
            "role": "assistant",
            "model": answer.model,
            "content": list(_blocks(answer.parts)),
            **_stopped(answer),
            "usage": _write_usage(answer.usage),
        }

    def read_error(self, status: int, body: Any) -> hub.Failed:
        return hub.Failed(status, words(body))

    def write_error(self, failed: hub.Failed) -> Json:
        server = "overloaded_error" if failed.status == 503 else "api_error"  # noqa: PLR2004 - the API's own mapping
        kind = _ERROR_TYPES.get(failed.status, server if failed.status >= 500 else "invalid_request_error")  # noqa: PLR2004
        return {"type": "error", "error": {"type": kind, "message": failed.message}}


MESSAGES = MessagesCodec()


def _turns(body: Json) -> Iterator[hub.Turn]:
    if system := tuple(_read_blocks(body.get("system"), None)):
        yield hub.Turn("system", system)
    for message in body["messages"]:
        yield hub.Turn(message["role"], tuple(_read_blocks(message["content"], f"messages.{message['role']}")))


def _read_blocks(content: Any, where: str | None) -> Iterator[hub.Part]:
    """`where` is given for requests, where a block that cannot be carried is refused; answers come as they are."""
    blocks: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    for block in blocks:
        match block["type"]:
            case "text":
                yield hub.Text(block["text"])
            case "thinking":
                yield hub.Thinking(block["thinking"], block.get("signature") or "")
            case "redacted_thinking":
                yield hub.RedactedThinking(block["data"])
            case "tool_use":
                yield hub.ToolUse(block["id"], block["name"], compact(block["input"]))
            case "tool_result":
                parts = tuple(_read_blocks(block.get("content"), f"{where}.tool_result"))
                yield hub.ToolResult(block["tool_use_id"], parts, bool(block.get("is_error")))  # type: ignore[arg-type]
            case "image":
                yield _read_image(block["source"])
            case "document" if block["source"]["type"] == "base64":
                source = block["source"]
                yield hub.Document(source["media_type"], source["data"], block.get("title") or "")
            case kind if where is not None:
                raise hub.UntranslatableError(where, f"a block of the type {kind} has no counterpart")


def _read_image(source: Json) -> hub.Image:
    if source["type"] == "url":
        return hub.Image(url=source["url"])
    return hub.Image(source["media_type"], source["data"])


def _choice(choice: Json) -> Any:
    match choice.get("type"):
        case "any":
            return "required"
        case "tool":
            return hub.Forced(choice["name"])
        case kind:
            return kind


def _effort(body: Json) -> hub.Effort | None:
    effort: hub.Effort | None = (body.get("output_config") or {}).get("effort")
    thinking = body.get("thinking") or {}
    if effort or thinking.get("type") != "enabled":
        return effort
    reached = [name for least, name in _LEAST_BUDGET.items() if thinking.get("budget_tokens", 0) >= least]
    return reached[-1] if reached else "minimal"  # type: ignore[return-value]


def _schema(body: Json) -> hub.Schema | None:
    form = (body.get("output_config") or {}).get("format")
    return hub.Schema(form["schema"]) if form else None


def _tools(body: Json, request: hub.Request) -> Iterator[hub.Tool]:
    for tool in body.get("tools") or ():
        if tool.get("type", "custom") != "custom":
            raise hub.UntranslatableError("tools", f"a tool of the type {tool['type']} exists at Anthropic only")
        yield hub.Tool(tool["name"], tool.get("description"), tool["input_schema"], tool.get("strict"))
        known = {"type", "name", "description", "input_schema", "strict"}
        request.lose(*(f"tools.{name}" for name in tool if name not in known))


def _messages(turns: Iterable[hub.Turn]) -> Iterator[Json]:
    """Neighbours of one role become one message, and the results of tools come first in it."""
    spoken = (turn for turn in turns if turn.role != "system")
    for role, group in groupby(spoken, key=lambda turn: turn.role):
        parts = [part for turn in group for part in turn.parts]
        parts.sort(key=lambda part: not isinstance(part, hub.ToolResult) if role == "user" else 0)
        yield {"role": role, "content": list(_blocks(parts))}


def _blocks(parts: Iterable[hub.Part]) -> Iterator[Json]:
    for part in parts:
        match part:
            case hub.Text(text) | hub.Refusal(text):
                yield {"type": "text", "text": text}
            case hub.Thinking(text, signature):
                yield {"type": "thinking", "thinking": text, "signature": signature}
            case hub.RedactedThinking(data):
                yield {"type": "redacted_thinking", "data": data}
            case hub.ToolUse():
                yield {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments_value(part.arguments)}
            case hub.ToolResult():
                result = {"type": "tool_result", "tool_use_id": part.call_id, "content": list(_blocks(part.parts))}
                yield result | ({"is_error": True} if part.is_error else {})
            case hub.Image(url=url) if url:
                yield {"type": "image", "source": {"type": "url", "url": url}}
            case hub.Image():
                yield {"type": "image", "source": _base64(part)}
            case hub.Document():
                yield {"type": "document", "source": _base64(part)} | ({"title": part.name} if part.name else {})


def _base64(part: hub.Image | hub.Document) -> Json:
    return {"type": "base64", "media_type": part.media_type, "data": part.data}


def _tool(tool: hub.Tool) -> Json:
    given = {"name": tool.name, "description": tool.description, "input_schema": tool.parameters, "strict": tool.strict}
    return {name: value for name, value in given.items() if value is not None}


def _written_choice(request: hub.Request) -> Json | None:
    choice = request.choice
    if choice == "none":
        return {"type": "none"}
    parallel = {} if request.one_call_only is None else {"disable_parallel_tool_use": request.one_call_only}
    if isinstance(choice, hub.Forced):
        return {"type": "tool", "name": choice.name, **parallel}
    if choice is None and not parallel:
        return None
    return {"type": "any" if choice == "required" else "auto", **parallel}


def _output_config(request: hub.Request) -> Json:
    config: Json = {}
    if request.effort and (effort := _EFFORTS.get(request.effort, request.effort)):
        config["effort"] = effort
    if request.schema:
        config["format"] = {"type": "json_schema", "schema": request.schema.schema or {"type": "object"}}
    return config


def _read_usage(usage: Json) -> hub.Usage:
    read, write = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    return hub.Usage(
        input=(usage.get("input_tokens") or 0) + read + write,
        output=usage.get("output_tokens") or 0,
        cache_read=read,
        cache_write=write,
        reasoning=(usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
    )


def _write_usage(usage: hub.Usage) -> Json:
    counted = {
        "input_tokens": max(0, usage.input - usage.cache_read - usage.cache_write),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
    return counted | ({"output_tokens_details": {"thinking_tokens": usage.reasoning}} if usage.reasoning else {})
