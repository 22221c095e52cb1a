"""OpenAI Chat Completions.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway import sse
from gateway.protocols import hub
from gateway.protocols.codec import Codec, Json, StreamDecoder, StreamEncoder, read_event, words, write_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DONE = "[DONE]"
_STOPS: dict[str, hub.Stop] = {
    "stop": "end",
    "length": "length",
    "tool_calls": "tool-use",
    "function_call": "tool-use",
    "content_filter": "refusal",
}
_FINISH_REASONS = {
    "end": "stop",
    "length": "length",
    "tool-use": "tool_calls",
    "stop-sequence": "stop",
    "refusal": "content_filter",
    "pause": "stop",
}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
_TYPES = {403: "permission_error", 429: "rate_limit_error"}
_READ = {
    "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "max_tokens", "max_completion_tokens",
    "temperature", "top_p", "stop", "seed", "frequency_penalty", "presence_penalty", "reasoning_effort",
    "response_format", "user", "safety_identifier", "stream", "stream_options", "n",
}  # fmt: skip


@dataclass
class _Call:
    """A tool call on its way: what came while another was open waits in `waiting`."""

    id: str = ""
    name: str = ""
    waiting: list[str] = field(default_factory=list)


class Decoder(StreamDecoder):
    """Chat has no ends of parts, and lets calls interleave: the hub sees one part at a time.

    The usage may come after the finish reason, so the end waits for it, for `[DONE]`, or for the end of the stream.
    """

    def __init__(self) -> None:
        self._started = False
        self._open: str | int | None = None
        self._calls: dict[int, _Call] = {}
        self._told: set[int] = set()
        self._stop: hub.Stop | None = None
        self._refused = False
        self._usage = hub.Usage()

    def feed(self, name: str | None, data: str) -> Iterator[hub.Event]:  # noqa: ARG002 - chat's events have no names
        if data == DONE:
            yield from self._finish()
            return
        chunk = read_event(data)
        if chunk.get("error"):
            self.finished = True
            yield hub.Failed(_status(chunk["error"]), words(chunk))
            return
        if not self._started:
            self._started = True
            yield hub.Started(chunk.get("id") or "", chunk.get("model") or "")
        for choice in chunk.get("choices") or ():
            yield from self._said(choice.get("delta") or {})
            self._stop = _STOPS.get(choice.get("finish_reason") or "", self._stop)
        if usage := chunk.get("usage"):
            self._usage = _read_usage(usage)

    def end(self) -> Iterator[hub.Event]:
        yield from self._finish()

    def _said(self, delta: Json) -> Iterator[hub.Event]:
        for key, part in (("reasoning_content", hub.Thinking()), ("content", hub.Text()), ("refusal", hub.Refusal())):
            if text := delta.get(key):
                self._refused |= key == "refusal"
                yield from self._opened(key, part)
                yield hub.Delta(text)
        for position, fragment in enumerate(delta.get("tool_calls") or ()):
            yield from self._called(fragment.get("index", position), fragment)

    def _called(self, index: int, fragment: Json) -> Iterator[hub.Event]:
        call = self._calls.setdefault(index, _Call())
        function = fragment.get("function") or {}
        call.id, call.name = fragment.get("id") or call.id, call.name or function.get("name") or ""
        call.waiting.append(function.get("arguments") or "")
        if not isinstance(self._open, int):
            yield from self._begin(index)
        elif self._open == index:
            yield from self._emptied(call)

    def _begin(self, index: int) -> Iterator[hub.Event]:
        call = self._calls[index]
        self._told.add(index)
        yield from self._opened(index, hub.ToolUse(call.id, call.name))
        yield from self._emptied(call)

    @staticmethod
    def _emptied(call: _Call) -> Iterator[hub.Event]:
        text = "".join(call.waiting)
        call.waiting.clear()
        if text:
            yield hub.Delta(text)

    def _opened(self, key: str | int, part: hub.Part) -> Iterator[hub.Event]:
        if self._open == key:
            return
        yield from self._flushed()
        self._open = key
        yield hub.Opened(part)

    def _flushed(self) -> Iterator[hub.Event]:
        """Close what is open; calls that waited behind an open one follow, each whole."""
        if self._open is not None:
            self._open = None
            yield hub.Closed()
        for index in sorted(self._calls.keys() - self._told):
            call = self._calls[index]
            self._told.add(index)
            yield hub.Opened(hub.ToolUse(call.id, call.name))
            yield from self._emptied(call)
            yield hub.Closed()

    def _finish(self) -> Iterator[hub.Event]:
        if self.finished or self._stop is None:
            return
        self.finished = True
        yield from self._flushed()
        yield hub.Finished("refusal" if self._refused else self._stop, self._usage)


def _status(error: Any) -> int:
    code = error.get("code") if isinstance(error, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    if isinstance(code, int | str) and str(code).isdigit():
        return int(code)
    return 429 if "rate_limit" in f"{code} {kind}" else 500


class Encoder(StreamEncoder):
    """Tool calls are counted on their own; the first chunk says the role."""

    def __init__(self, model: str, *, usage_asked: bool) -> None:
        super().__init__(model, usage_asked=usage_asked)
        self._id = ""
        self._created = int(time.time())
        self._calls = -1
        self._open: hub.Part = hub.Text()

    def feed(self, event: hub.Event) -> Iterator[str]:
        match event:
            case hub.Started():
                self._id = _answer_id(event.id)
                yield self._chunk({"role": "assistant", "content": ""})
            case hub.Opened(part):
                self._open = part
                if isinstance(part, hub.ToolUse):
                    self._calls += 1
                    yield self._chunk({"tool_calls": [{"index": self._calls, **_call(part)}]})
            case hub.Delta(text):
                if said := self._said(text):
                    yield self._chunk(said)
            case hub.Finished():
                yield self._chunk({}, _FINISH_REASONS[event.stop])
                if self.usage_asked:
                    yield write_event({**self._head(), "choices": [], "usage": _write_usage(event.usage)})
                yield sse.event(None, DONE)
            case hub.Failed():
                yield write_event(CHAT.write_error(event))
            case hub.Ping():
                yield sse.comment("ping")

    def _said(self, text: str) -> Json | None:
        match self._open:
            case hub.ToolUse():
                return {"tool_calls": [{"index": self._calls, "function": {"arguments": text}}]}
            case hub.Thinking():
                return {"reasoning_content": text}
            case hub.Refusal():
                return {"refusal": text}
            case _:
                return {"content": text}

    def _head(self) -> Json:
        return {"id": self._id, "object": "chat.completion.chunk", "created": self._created, "model": self.model}

    def _chunk(self, delta: Json, finish_reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return write_event({**self._head(), "choices": [choice]} | ({"usage": None} if self.usage_asked else {}))


class ChatCodec(Codec):
    path = "/v1/chat/completions"
    vendor = "openai"
    longest_tool_name = 64
    decoder = Decoder
    encoder = Encoder

    def read_request(self, body: Json) -> hub.Request:
        if (body.get("n") or 1) > 1:
            raise hub.UntranslatableError("n", "only one answer can be had from this provider")
        stop = body.get("stop") or ()
        request = hub.Request(
            model=body["model"],
            turns=list(_turns(body["messages"])),
            choice=read_choice(body.get("tool_choice")),
            one_call_only=None if body.get("parallel_tool_calls") is None else not body["parallel_tool_calls"],
            limit=body.get("max_completion_tokens") or body.get("max_tokens"),
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
            effort=body.get("reasoning_effort"),
            schema=_schema(body.get("response_format") or {}),
            user=body.get("safety_identifier") or body.get("user"),
            stream=bool(body.get("stream")),
            usage_asked=bool((body.get("stream_options") or {}).get("include_usage")),
            temperature=body.get("temperature"),
            top_p=body.get("top_p"),
            seed=body.get("seed"),
            frequency_penalty=body.get("frequency_penalty"),
            presence_penalty=body.get("presence_penalty"),
        )
        request.tools = tuple(_tools(body, request))
        request.lose(*(name for name in body if name not in _READ))
        return request

    def write_request(self, request: hub.Request) -> Json:
        if request.top_k is not None:
            request.lose("top_k")
        given: dict[str, Any] = {
            "model": request.model,
            "messages": list(_messages(request)),
            "tools": [{"type": "function", "function": write_tool(tool)} for tool in request.tools] or None,
            "tool_choice": _written_choice(request.choice) if request.tools else None,
            "parallel_tool_calls": False if request.one_call_only and request.tools else None,
            "max_completion_tokens": request.limit,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop": list(request.stop) or None,
            "seed": request.seed,
            "frequency_penalty": request.frequency_penalty,
            "presence_penalty": request.presence_penalty,
            "reasoning_effort": request.effort,
            "response_format": _format(request.schema),
            "safety_identifier": request.user,
            "stream": request.stream or None,
            "stream_options": {"include_usage": True} if request.stream else None,
        }
        return {name: value for name, value in given.items() if value is not None}

    def read_answer(self, body: Json) -> hub.Answer:
        choice = body["choices"][0]
        parts = tuple(_read_message(choice["message"]))
        stop: hub.Stop = _STOPS.get(choice.get("finish_reason") or "", "end")
        if any(isinstance(part, hub.Refusal) for part in parts):
            stop = "refusal"
        return hub.Answer(body["id"], body["model"], parts, stop, _read_usage(body.get("usage") or {}))

    def write_answer(self, answer: hub.Answer) -> Json:
        message = _assistant(answer.parts) | {"refusal": _said(answer.parts, hub.Refusal) or None, "annotations": []}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH_REASONS[answer.stop]}
        return {
            "id": _answer_id(answer.id),
            "object": "chat.completion",
            "created": int(time.time()),
            "model": answer.model,
            "choices": [choice],
            "usage": _write_usage(answer.usage),
        }

    def read_error(self, status: int, body: Any) -> hub.Failed:
        return hub.Failed(status, words(body))

    def write_error(self, failed: hub.Failed) -> Json:
        return write_error(failed)


CHAT = ChatCodec()


def write_error(failed: hub.Failed) -> Json:
    """https://platform.openai.com/docs/guides/error-codes"""
    kind = "server_error" if failed.status >= 500 else _TYPES.get(failed.status, "invalid_request_error")  # noqa: PLR2004
    return {"error": {"message": failed.message, "type": kind, "param": None, "code": _CODES.get(failed.status)}}


def _answer_id(given: str) -> str:
    return given if given.startswith("chatcmpl-") else f"chatcmpl-{given}"


def _turns(messages: Iterable[Json]) -> Iterator[hub.Turn]:
    for message in messages:
        match message["role"]:
            case "system" | "developer":
                yield hub.Turn("system", tuple(_read_content(message.get("content"))))
            case "tool":
                content: Any = tuple(_read_content(message.get("content")))
                yield hub.Turn("user", (hub.ToolResult(message["tool_call_id"], content),))
            case "assistant":
                yield hub.Turn("assistant", tuple(_read_message(message)))
            case "user":
                yield hub.Turn("user", tuple(_read_content(message.get("content"))))
            case role:
                raise hub.UntranslatableError("messages.role", f"the role {role} has no counterpart")


def _read_message(message: Json) -> Iterator[hub.Part]:
    if message.get("reasoning_content"):
        yield hub.Thinking(message["reasoning_content"])
    yield from _read_content(message.get("content"))
    if message.get("refusal"):
        yield hub.Refusal(message["refusal"])
    for call in message.get("tool_calls") or ():
        if "function" not in call:
            raise hub.UntranslatableError("messages.tool_calls", f"a call of the type {call.get('type')}")
        yield hub.ToolUse(call["id"], call["function"]["name"], call["function"].get("arguments") or "")


def _read_content(content: Any) -> Iterator[hub.Part]:
    if isinstance(content, str):
        if content:
            yield hub.Text(content)
        return
    for part in content or ():
        match part["type"]:
            case "text":
                yield hub.Text(part["text"])
            case "refusal":
                yield hub.Refusal(part["refusal"])
            case "image_url":
                yield read_image(part["image_url"]["url"])
            case "file" if part["file"].get("file_data"):
                yield read_document(part["file"])
            case kind:
                raise hub.UntranslatableError("messages.content", f"a part of the type {kind} has no counterpart")


def read_image(url: str) -> hub.Image:
    """A data: URL becomes its data (https://www.rfc-editor.org/rfc/rfc2397)."""
    if not url.startswith("data:"):
        return hub.Image(url=url)
    head, _, data = url.partition(",")
    return hub.Image(head.removeprefix("data:").removesuffix(";base64"), data)


def read_document(file: Json) -> hub.Document:
    image = read_image(file["file_data"])
    return hub.Document(image.media_type or "application/pdf", image.data or image.url, file.get("filename") or "")


def read_choice(choice: Any) -> Any:
    """`tool_choice` of both OpenAI protocols."""
    if not isinstance(choice, dict):
        return choice
    if choice.get("type") != "function":
        raise hub.UntranslatableError("tool_choice", f"a choice of the type {choice.get('type')} has no counterpart")
    return hub.Forced(choice.get("name") or choice["function"]["name"])


def _tools(body: Json, request: hub.Request) -> Iterator[hub.Tool]:
    for tool in body.get("tools") or ():
        if tool["type"] != "function":
            raise hub.UntranslatableError("tools", f"a tool of the type {tool['type']} has no counterpart")
        yield read_tool(tool["function"])
        request.lose(*(f"tools.{name}" for name in tool if name not in {"type", "function"}))


def read_tool(tool: Json) -> hub.Tool:
    schema = tool.get("parameters") or {"type": "object", "properties": {}}
    return hub.Tool(tool["name"], tool.get("description"), schema, tool.get("strict"))


def write_tool(tool: hub.Tool) -> Json:
    given = {"name": tool.name, "description": tool.description, "parameters": tool.parameters, "strict": tool.strict}
    return {name: value for name, value in given.items() if value is not None}


def _schema(form: Json) -> hub.Schema | None:
    match form.get("type"):
        case "json_schema":
            given = form["json_schema"]
            return hub.Schema(given.get("schema"), given.get("name") or "answer")
        case "json_object":
            return hub.Schema(None)
        case _:
            return None


def _format(schema: hub.Schema | None) -> Json | None:
    if schema is None:
        return None
    if schema.schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": schema.name, "schema": schema.schema, "strict": True}}


def _written_choice(choice: Any) -> Any:
    return {"type": "function", "function": {"name": choice.name}} if isinstance(choice, hub.Forced) else choice


def _messages(request: hub.Request) -> Iterator[Json]:
    for turn in request.turns:
        if turn.role == "system":
            yield {"role": "system", "content": _said(turn.parts, hub.Text)}
        elif turn.role == "assistant":
            yield _assistant(turn.parts)
        else:
            yield from _user(turn.parts, request)


def _user(parts: tuple[hub.Part, ...], request: hub.Request) -> Iterator[Json]:
    """Results of tools first, each a message; what else they showed follows in the user's own."""
    shown: list[hub.Part] = []
    for result in (part for part in parts if isinstance(part, hub.ToolResult)):
        if result.is_error:
            request.lose("messages.tool_result.is_error")
        yield {"role": "tool", "tool_call_id": result.call_id, "content": result.text}
        shown += [part for part in result.parts if not isinstance(part, hub.Text)]
    shown += [part for part in parts if not isinstance(part, hub.ToolResult)]
    if len(shown) == 1 and isinstance(shown[0], hub.Text):
        yield {"role": "user", "content": shown[0].text}
    elif shown:
        yield {"role": "user", "content": [_part(part) for part in shown]}


def _part(part: hub.Part) -> Json:
    match part:
        case hub.Image():
            return {"type": "image_url", "image_url": {"url": write_image(part)}}
        case hub.Document():
            uri = f"data:{part.media_type};base64,{part.data}"
            return {"type": "file", "file": {"filename": part.name or "document.pdf", "file_data": uri}}
        case hub.Text(text):
            return {"type": "text", "text": text}
        case _:
            raise hub.UntranslatableError("messages.content", f"{type(part).__name__} cannot be said by a user")


def write_image(image: hub.Image) -> str:
    return image.url or f"data:{image.media_type};base64,{image.data}"


def _assistant(parts: tuple[hub.Part, ...]) -> Json:
    """Reasoning is not sent back: Chat has no place in which a provider would know it again."""
    message: Json = {"role": "assistant", "content": _said(parts, hub.Text) or None}
    if thought := _said(parts, hub.Thinking):
        message["reasoning_content"] = thought
    if calls := [_call(part) for part in parts if isinstance(part, hub.ToolUse)]:
        message["tool_calls"] = calls
    return message


def _call(part: hub.ToolUse) -> Json:
    return {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}


def _said(parts: Iterable[hub.Part], kind: type[hub.Text | hub.Thinking | hub.Refusal]) -> str:
    return "".join(part.text for part in parts if isinstance(part, kind))


def _read_usage(usage: Json) -> hub.Usage:
    prompt, completion = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    return hub.Usage(
        input=usage.get("prompt_tokens") or 0,
        output=usage.get("completion_tokens") or 0,
        cache_read=prompt.get("cached_tokens") or 0,
        cache_write=prompt.get("cache_write_tokens") or 0,
        reasoning=completion.get("reasoning_tokens") or 0,
    )


def _write_usage(usage: hub.Usage) -> Json:
    prompt = {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write}
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
