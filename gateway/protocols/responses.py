"""OpenAI Responses.

Source: https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway import sse
from gateway.protocols import hub
from gateway.protocols.chat import read_choice, read_image, read_tool, write_error, write_image, write_tool
from gateway.protocols.codec import Codec, Json, StreamDecoder, StreamEncoder, read_event, words, write_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_READ = {
    "model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "max_output_tokens",
    "temperature", "top_p", "reasoning", "text", "user", "safety_identifier", "stream", "stream_options",
    "store", "include", "truncation",
}  # fmt: skip
_LIFE = {"response.created", "response.completed", "response.incomplete", "response.failed", "error"}
_STATEFUL = ("previous_response_id", "conversation", "prompt")


class Decoder(StreamDecoder):
    """Items and their parts become the hub's parts; `.done` is the truth where no delta came before it."""

    def __init__(self) -> None:
        self._open: tuple[Any, ...] | None = None
        self._said = False

    def feed(self, name: str | None, data: str) -> Iterator[hub.Event]:
        event = read_event(data)
        kind = event.get("type", name) or ""
        if kind in _LIFE:
            yield from self._lived(kind, event)
        elif kind.endswith(".delta") and self._open:
            self._said = True
            yield hub.Delta(event["delta"])
        else:
            yield from self._told_whole(kind, event)

    def end(self) -> Iterator[hub.Event]:
        return iter(())

    def _told_whole(self, kind: str, event: Json) -> Iterator[hub.Event]:
        match kind:
            case "response.output_item.added":
                yield from self._added(event["item"])
            case "response.output_item.done":
                yield from self._done(event["item"])
            case "response.content_part.added" | "response.reasoning_summary_part.added":
                yield from self._part(event["part"])
            case "response.output_text.done" | "response.reasoning_summary_text.done":
                yield from self._told(event["text"])
            case "response.function_call_arguments.done":
                yield from self._told(event["arguments"])
            case "response.refusal.done":
                yield from self._told(event["refusal"])
            case "response.content_part.done":
                yield from self._closed()

    def _lived(self, kind: str, event: Json) -> Iterator[hub.Event]:
        self.finished = kind != "response.created"
        match kind:
            case "response.created":
                response = event["response"]
                yield hub.Started(response["id"], response["model"])
            case "response.completed" | "response.incomplete":
                yield from self._closed()
                answer = RESPONSES.read_answer(event["response"])
                yield hub.Finished(answer.stop, answer.usage)
            case "response.failed":
                yield _failed(event["response"].get("error") or {})
            case _:
                yield _failed(event.get("error") or event)

    def _added(self, item: Json) -> Iterator[hub.Event]:
        yield from self._closed()
        if item["type"] == "function_call":
            yield from self._opened(hub.ToolUse(item["call_id"], item["name"]))
        elif item["type"] == "reasoning":
            yield from self._opened(hub.Thinking())

    def _part(self, part: Json) -> Iterator[hub.Event]:
        if part["type"] == "output_text":
            yield from self._closed()
            yield from self._opened(hub.Text())
        elif part["type"] == "refusal":
            yield from self._closed()
            yield from self._opened(hub.Refusal())

    def _opened(self, part: hub.Part) -> Iterator[hub.Event]:
        self._open, self._said = (part,), False
        yield hub.Opened(part)

    def _told(self, text: str) -> Iterator[hub.Event]:
        if self._open and not self._said and text:
            self._said = True
            yield hub.Delta(text)

    def _done(self, item: Json) -> Iterator[hub.Event]:
        if self._open:
            if item["type"] == "function_call":
                yield from self._told(item["arguments"])
            if item["type"] == "reasoning" and item.get("encrypted_content"):
                yield hub.Signed(item["encrypted_content"])
        yield from self._closed()

    def _closed(self) -> Iterator[hub.Event]:
        if self._open:
            self._open = None
            yield hub.Closed()


def _failed(error: Json) -> hub.Failed:
    code = error.get("code")
    return hub.Failed(429 if code == "rate_limit_exceeded" else 500, words(error))


@dataclass
class _Item:
    """The item that is open, its index, and what it has said so far."""

    part: hub.Part
    index: int
    id: str
    text: str = ""
    signature: str = ""


class Encoder(StreamEncoder):
    """Each of the hub's parts becomes an item of its own."""

    def __init__(self, model: str, *, usage_asked: bool) -> None:
        super().__init__(model, usage_asked=usage_asked)
        self._id = ""
        self._number = -1
        self._created = int(time.time())
        self._item = _Item(hub.Text(), -1, "")
        self._parts: list[hub.Part] = []

    def feed(self, event: hub.Event) -> Iterator[str]:
        match event:
            case hub.Started():
                self._id = event.id
                yield self._event("response.created", response=self._response("in_progress"))
                yield self._event("response.in_progress", response=self._response("in_progress"))
            case hub.Opened(part):
                yield from self._opened(part)
            case hub.Delta(text):
                yield from self._delta(text)
            case hub.Signed(signature):
                self._item.signature = signature
            case hub.Closed():
                yield from self._closed()
            case hub.Finished():
                answer = hub.Answer(self._id, self.model, tuple(self._parts), event.stop, event.usage)
                response = RESPONSES.write_answer(answer) | {"created_at": self._created}
                response["output"] = [_item(part, _item_id(part, n, self._id)) for n, part in enumerate(self._parts)]
                kind = "response.incomplete" if response["status"] == "incomplete" else "response.completed"
                yield self._event(kind, response=response)
            case hub.Failed():
                code = write_error(event)["error"]["code"] or "server_error"
                yield self._event("error", code=code, message=event.message, param=None)
            case hub.Ping():
                yield sse.comment("ping")

    def _opened(self, part: hub.Part) -> Iterator[str]:
        index = self._item.index + 1
        self._item = _Item(part, index, _item_id(part, index, self._id))
        if isinstance(part, hub.RedactedThinking):
            self._item.signature = part.data
        yield self._event("response.output_item.added", output_index=index, item=self._begun())
        match part:
            case hub.Thinking():
                empty = {"type": "summary_text", "text": ""}
                yield self._in_item("response.reasoning_summary_part.added", summary_index=0, part=empty)
            case hub.Text() | hub.Refusal():
                yield self._in_item("response.content_part.added", content_index=0, part=_content(part))

    def _begun(self) -> Json:
        item = _item(self._item.part, self._item.id) | {"status": "in_progress"}
        if item["type"] == "message":
            item["content"] = []
        if item["type"] == "reasoning":
            item = {**item, "summary": []}
        return item

    def _delta(self, text: str) -> Iterator[str]:
        self._item.text += text
        match self._item.part:
            case hub.ToolUse():
                yield self._in_item("response.function_call_arguments.delta", delta=text)
            case hub.Thinking():
                yield self._in_item("response.reasoning_summary_text.delta", summary_index=0, delta=text)
            case hub.Refusal():
                yield self._in_item("response.refusal.delta", content_index=0, delta=text)
            case hub.Text():
                yield self._in_item("response.output_text.delta", content_index=0, delta=text, logprobs=[])

    def _closed(self) -> Iterator[str]:
        text, part = self._item.text, self._whole()
        self._parts.append(part)
        match part:
            case hub.ToolUse():
                name = part.name
                yield self._in_item("response.function_call_arguments.done", name=name, arguments=part.arguments)
            case hub.Thinking():
                summary = {"type": "summary_text", "text": text}
                yield self._in_item("response.reasoning_summary_text.done", summary_index=0, text=text)
                yield self._in_item("response.reasoning_summary_part.done", summary_index=0, part=summary)
            case hub.Refusal():
                yield self._in_item("response.refusal.done", content_index=0, refusal=text)
                yield self._in_item("response.content_part.done", content_index=0, part=_content(part))
            case hub.Text():
                yield self._in_item("response.output_text.done", content_index=0, text=text, logprobs=[])
                yield self._in_item("response.content_part.done", content_index=0, part=_content(part))
        yield self._event("response.output_item.done", output_index=self._item.index, item=_item(part, self._item.id))

    def _whole(self) -> hub.Part:
        text = self._item.text
        match self._item.part:
            case hub.ToolUse(id=call_id, name=name):
                return hub.ToolUse(call_id, name, text or "{}")
            case hub.Thinking():
                return hub.Thinking(text, self._item.signature)
            case hub.Refusal():
                return hub.Refusal(text)
            case hub.RedactedThinking() as redacted:
                return redacted
            case _:
                return hub.Text(text)

    def _in_item(self, kind: str, **fields: Any) -> str:
        return self._event(kind, item_id=self._item.id, output_index=self._item.index, **fields)

    def _event(self, kind: str, **fields: Any) -> str:
        self._number += 1
        return write_event({"type": kind, "sequence_number": self._number, **fields}, kind)

    def _response(self, status: str) -> Json:
        empty = hub.Answer(self._id, self.model, (), "end", hub.Usage())
        return RESPONSES.write_answer(empty) | {"status": status, "usage": None, "created_at": self._created}


class ResponsesCodec(Codec):
    path = "/v1/responses"
    vendor = "openai"
    longest_tool_name = 64
    decoder = Decoder
    encoder = Encoder

    def read_request(self, body: Json) -> hub.Request:
        for name in _STATEFUL:
            if body.get(name) is not None:
                raise hub.UntranslatableError(name, "this provider keeps no conversations")
        request = hub.Request(
            model=body["model"],
            turns=list(_turns(body)),
            choice=read_choice(body.get("tool_choice")),
            one_call_only=None if body.get("parallel_tool_calls") is None else not body["parallel_tool_calls"],
            limit=body.get("max_output_tokens"),
            temperature=body.get("temperature"),
            top_p=body.get("top_p"),
            effort=(body.get("reasoning") or {}).get("effort"),
            schema=_schema((body.get("text") or {}).get("format") or {}),
            user=body.get("safety_identifier") or body.get("user"),
            stream=bool(body.get("stream")),
        )
        request.tools = tuple(_tools(body))
        request.lose(*(name for name in body if name not in _READ))
        return request

    def write_request(self, request: hub.Request) -> Json:
        if request.stop:
            raise hub.UntranslatableError("stop", "Responses knows no stop sequences")
        names = ("top_k", "seed", "frequency_penalty", "presence_penalty")
        request.lose(*(name for name in names if getattr(request, name) is not None))
        given: dict[str, Any] = {
            "model": request.model,
            "instructions": request.system or None,
            "input": [item for turn in request.turns if turn.role != "system" for item in _items(turn)],
            "tools": [{"type": "function", "strict": False, **write_tool(tool)} for tool in request.tools] or None,
            "tool_choice": _written_choice(request.choice) if request.tools else None,
            "parallel_tool_calls": False if request.one_call_only and request.tools else None,
            "max_output_tokens": request.limit,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "reasoning": {"effort": request.effort, "summary": "auto"} if request.effort else None,
            "include": ["reasoning.encrypted_content"],
            "text": {"format": _format(request.schema)} if request.schema else None,
            "safety_identifier": request.user,
            "store": False,
            "stream": request.stream or None,
        }
        return {name: value for name, value in given.items() if value is not None}

    def read_answer(self, body: Json) -> hub.Answer:
        if body.get("status") == "failed":
            raise hub.UpstreamProtocolError(words(body.get("error") or {}))
        parts = tuple(part for item in body.get("output") or () for part in _read_item(item))
        return hub.Answer(body["id"], body["model"], parts, _stop(body, parts), _read_usage(body.get("usage") or {}))

    def write_answer(self, answer: hub.Answer) -> Json:
        reason = {"length": "max_output_tokens", "refusal": "content_filter"}.get(answer.stop)
        refused = any(isinstance(part, hub.Refusal) for part in answer.parts)
        incomplete = reason is not None and not refused
        return {
            "id": answer.id if answer.id.startswith("resp_") else f"resp_{answer.id}",
            "object": "response",
            "created_at": int(time.time()),
            "status": "incomplete" if incomplete else "completed",
            "error": None,
            "incomplete_details": {"reason": reason} if incomplete else None,
            "instructions": None,
            "metadata": {},
            "model": answer.model,
            "output": [_item(part, _item_id(part, n, answer.id)) for n, part in enumerate(answer.parts)],
            "parallel_tool_calls": True,
            "temperature": None,
            "tool_choice": "auto",
            "tools": [],
            "top_p": None,
            "usage": _write_usage(answer.usage),
        }

    def read_error(self, status: int, body: Any) -> hub.Failed:
        return hub.Failed(status, words(body))

    def write_error(self, failed: hub.Failed) -> Json:
        return write_error(failed)


RESPONSES = ResponsesCodec()


def _turns(body: Json) -> Iterator[hub.Turn]:
    if body.get("instructions"):
        yield hub.Turn("system", (hub.Text(body["instructions"]),))
    given = body["input"]
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
        kind = item.get("type", "message")
        match kind:
            case "message":
                role: Any = "system" if item["role"] == "developer" else item["role"]
                yield hub.Turn(role, tuple(_read_content(item["content"])))
            case "function_call" | "reasoning":
                yield hub.Turn("assistant", tuple(_read_item(item)))
            case "function_call_output":
                parts: Any = tuple(_read_content(item["output"]))
                yield hub.Turn("user", (hub.ToolResult(item["call_id"], parts),))
            case _:
                raise hub.UntranslatableError("input", f"an item of the type {kind} has no counterpart")


def _read_content(content: Any) -> Iterator[hub.Part]:
    parts: list[Json] = [{"type": "input_text", "text": content}] if isinstance(content, str) else content or []
    for part in parts:
        match part["type"]:
            case "input_text" | "output_text" | "text":
                yield hub.Text(part["text"])
            case "refusal":
                yield hub.Refusal(part["refusal"])
            case "input_image" if part.get("image_url"):
                yield read_image(part["image_url"])
            case "input_file" if part.get("file_data"):
                file = read_image(part["file_data"])
                yield hub.Document(file.media_type or "application/pdf", file.data, part.get("filename") or "")
            case kind:
                raise hub.UntranslatableError("input.content", f"a part of the type {kind} has no counterpart")


def _read_item(item: Json) -> Iterator[hub.Part]:
    match item["type"]:
        case "message":
            yield from _read_content(item["content"])
        case "function_call":
            yield hub.ToolUse(item["call_id"], item["name"], item["arguments"])
        case "reasoning":
            summary = "".join(part["text"] for part in item.get("summary") or ())
            proof = item.get("encrypted_content") or ""
            if summary:
                yield hub.Thinking(summary, proof)
            elif proof:
                yield hub.RedactedThinking(proof)


def _tools(body: Json) -> Iterator[hub.Tool]:
    for tool in body.get("tools") or ():
        if tool["type"] != "function":
            raise hub.UntranslatableError("tools", f"a tool of the type {tool['type']} has no counterpart")
        yield read_tool(tool)


def _schema(form: Json) -> hub.Schema | None:
    match form.get("type"):
        case "json_schema":
            return hub.Schema(form["schema"], form.get("name") or "answer")
        case "json_object":
            return hub.Schema(None)
        case _:
            return None


def _format(schema: hub.Schema) -> Json:
    if schema.schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "name": schema.name, "schema": schema.schema, "strict": True}


def _written_choice(choice: Any) -> Any:
    return {"type": "function", "name": choice.name} if isinstance(choice, hub.Forced) else choice


def _items(turn: hub.Turn) -> Iterator[Json]:
    """Calls, results and reasoning are items; all that is said between them is one message."""
    said: list[Json] = []
    for part in turn.parts:
        match part:
            case hub.ToolResult():
                yield {"type": "function_call_output", "call_id": part.call_id, "output": _output(part)}
            case hub.ToolUse():
                yield from _message(turn.role, said)
                said = []
                yield {
                    "type": "function_call",
                    "call_id": part.id,
                    "name": part.name,
                    "arguments": part.arguments or "{}",
                }
            case hub.Thinking() | hub.RedactedThinking():
                continue  # only the provider that wrote it would take it back
            case _:
                said.append(_said(part, turn.role))
    yield from _message(turn.role, said)


def _message(role: str, said: list[Json]) -> Iterator[Json]:
    if said:
        yield {"type": "message", "role": role, "content": said}


def _said(part: hub.Part, role: str) -> Json:
    match part:
        case hub.Text(text):
            return {"type": "output_text" if role == "assistant" else "input_text", "text": text}
        case hub.Refusal(text):
            return {"type": "refusal", "refusal": text}
        case hub.Image():
            return {"type": "input_image", "image_url": write_image(part), "detail": "auto"}
        case hub.Document():
            uri = f"data:{part.media_type};base64,{part.data}"
            return {"type": "input_file", "filename": part.name or "document.pdf", "file_data": uri}
        case _:
            raise hub.UntranslatableError("messages", f"{type(part).__name__} cannot be said by the {role}")


def _output(result: hub.ToolResult) -> Any:
    if all(isinstance(part, hub.Text) for part in result.parts):
        return result.text
    return [_said(part, "user") for part in result.parts]


def _item_id(part: hub.Part, index: int, answer_id: str) -> str:
    kind = {hub.ToolUse: "fc", hub.Thinking: "rs", hub.RedactedThinking: "rs"}.get(type(part), "msg")
    return f"{kind}_{answer_id.rpartition('_')[2]}_{index}"


def _item(part: hub.Part, item_id: str) -> Json:
    match part:
        case hub.ToolUse():
            call = {"call_id": part.id, "name": part.name, "arguments": part.arguments}
            return {"type": "function_call", "id": item_id, "status": "completed", **call}
        case hub.Thinking(text, signature):
            return _reasoning(item_id, [{"type": "summary_text", "text": text}], signature)
        case hub.RedactedThinking(data):
            return _reasoning(item_id, [], data)
        case _:
            content = [_content(part)]
            return {"type": "message", "id": item_id, "status": "completed", "role": "assistant", "content": content}


def _reasoning(item_id: str, summary: Iterable[Json], proof: str) -> Json:
    item: Json = {"type": "reasoning", "id": item_id, "summary": list(summary)}
    return item | ({"encrypted_content": proof} if proof else {})


def _content(part: hub.Part) -> Json:
    if isinstance(part, hub.Refusal):
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": getattr(part, "text", ""), "annotations": [], "logprobs": []}


def _stop(body: Json, parts: Iterable[hub.Part]) -> hub.Stop:
    kinds = {type(part) for part in parts}
    if body.get("status") == "incomplete":
        reason = (body.get("incomplete_details") or {}).get("reason")
        return "refusal" if reason == "content_filter" else "length"
    if hub.Refusal in kinds:
        return "refusal"
    return "tool-use" if hub.ToolUse in kinds else "end"


def _read_usage(usage: Json) -> hub.Usage:
    cached, details = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
    return hub.Usage(
        input=usage.get("input_tokens") or 0,
        output=usage.get("output_tokens") or 0,
        cache_read=cached.get("cached_tokens") or 0,
        cache_write=cached.get("cache_write_tokens") or 0,
        reasoning=details.get("reasoning_tokens") or 0,
    )


def _write_usage(usage: hub.Usage) -> Json:
    cached = {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write}
    return {
        "input_tokens": usage.input,
        "input_tokens_details": cached,
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
