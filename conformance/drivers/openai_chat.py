"""The OpenAI SDK on the Chat Completions surface.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from conformance.drivers.answer import Answer
from conformance.drivers.client import Client, reported, whole
from conformance.surface import Surface
from conformance.upstream import ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.drivers.ask import Ask

_STOPS = {"stop": "end", "length": "length", "tool_calls": "tool-use", "content_filter": "refusal"}


class OpenAIClient(Client):
    """What the two OpenAI surfaces share: one SDK, one way to connect."""

    package: ClassVar = "openai"

    def _connect(self, **settings: Any) -> Any:
        import openai

        return (openai.OpenAI if self.mode.blocks else openai.AsyncOpenAI)(**settings)

    async def models(self, query: dict[str, str] | None = None) -> list[str]:
        with reported():
            page = await self._run(self._sdk.models.list, extra_query=query)
            return [model.id for model in page.data]


class ChatClient(OpenAIClient):
    """`openai.OpenAI(...).chat.completions`."""

    surface: ClassVar = Surface.OPENAI_CHAT
    path: ClassVar = "/chat/completions"

    def _resource(self, arguments: dict[str, Any]) -> Any:  # noqa: ARG002 - this surface has one resource only
        return self._sdk.chat.completions

    def said(self, ask: Ask) -> dict[str, Any]:
        said: dict[str, Any] = {"messages": list(_messages(ask))}
        if ask.tools:
            said["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.parameters,
                    },
                }
                for tool in ask.tools
            ]
        return said

    def read(self, raw: dict[str, Any]) -> Answer:
        choice = raw["choices"][0]
        message, stop = choice["message"], choice["finish_reason"]
        refusal = message.get("refusal")
        return Answer(
            id=raw["id"],
            model=raw["model"],
            text=message.get("content") or "",
            thinking=(),
            tool_calls=tuple(_tool_call(call) for call in message.get("tool_calls") or ()),
            refusal=refusal,
            stop="refusal" if refusal else _STOPS.get(stop, stop),
            usage=_usage(raw.get("usage")),
            raw=raw,
        )

    def assemble(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        return assemble(events)

    def piece(self, event: dict[str, Any]) -> str:
        return "".join(choice["delta"].get("content") or "" for choice in event.get("choices", ()))

    async def final(self, source: Any) -> dict[str, Any]:
        return whole(await self._run(source.get_final_completion))

    def event(self, event: Any) -> dict[str, Any] | None:
        if not self.mode.helps:
            return whole(event)
        return whole(event.chunk) if event.type == "chunk" else None


def assemble(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The completion that the chunks of a stream add up to."""
    completion: dict[str, Any] = {"choices": []}
    message: dict[str, Any] = {"tool_calls": []}
    choice: dict[str, Any] = {"message": message, "finish_reason": None}
    for chunk in events:
        completion |= {key: value for key, value in chunk.items() if key != "choices" and value is not None}
        for part in chunk.get("choices", ()):
            completion["choices"] = [choice]
            choice["finish_reason"] = part.get("finish_reason") or choice["finish_reason"]
            _extend(message, part["delta"])
    return completion


def _extend(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for key in ("content", "refusal"):
        if delta.get(key) is not None:
            message[key] = (message.get(key) or "") + delta[key]
    for fragment in delta.get("tool_calls") or ():
        calls = message["tool_calls"]
        while len(calls) <= fragment["index"]:
            calls.append({"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
        _extend_call(calls[fragment["index"]], fragment)


def _extend_call(call: dict[str, Any], fragment: dict[str, Any]) -> None:
    call["id"] = fragment.get("id") or call["id"]
    function = fragment.get("function") or {}
    call["function"]["name"] += function.get("name") or ""
    call["function"]["arguments"] += function.get("arguments") or ""


def _messages(ask: Ask) -> Iterator[dict[str, Any]]:
    yield {"role": "user", "content": ask.prompt}
    for turn in ask.turns:
        message = turn.answer.raw["choices"][0]["message"]
        yield {
            "role": "assistant",
            "content": message.get("content"),
            "tool_calls": [
                {
                    "id": call["id"],
                    "type": "function",
                    "function": {"name": call["function"]["name"], "arguments": call["function"]["arguments"]},
                }
                for call in message["tool_calls"]
            ],
        }
        for result in turn.results:
            yield {"role": "tool", "tool_call_id": result.call_id, "content": result.content}


def _tool_call(call: dict[str, Any]) -> ToolCall:
    return ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])


def _usage(usage: dict[str, Any] | None) -> Usage | None:
    if usage is None:
        return None
    prompt, completion = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    return Usage(
        input=usage["prompt_tokens"],
        output=usage["completion_tokens"],
        cache_read=prompt.get("cached_tokens") or 0,
        cache_write=prompt.get("cache_write_tokens") or 0,
        reasoning=completion.get("reasoning_tokens") or 0,
    )
