"""Google's SDK on the Gemini generateContent surface.

Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64decode
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from conformance.drivers.answer import Answer, Failure
from conformance.drivers.client import BARE, Client, Source, failure, reported
from conformance.surface import Surface
from conformance.tls import tls
from conformance.upstream import Thinking, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from google.genai import errors

    from conformance.drivers.ask import Ask, ToolResult

_STOPS = {
    "STOP": "end",
    "MAX_TOKENS": "length",
    "SAFETY": "refusal",
    "RECITATION": "refusal",
    "BLOCKLIST": "refusal",
    "PROHIBITED_CONTENT": "refusal",
    "SPII": "refusal",
}
_MILLISECONDS = 1000


class GeminiClient(Client):
    """`google.genai.Client(...).models`, asynchronous below `.aio`."""

    surface: ClassVar = Surface.GEMINI
    package: ClassVar = "google-genai"
    path: ClassVar = "/v1beta/models"
    modes: ClassVar = BARE

    def url(self, *, stream: bool = False) -> str:
        return f"{self.method('streamGenerateContent')}?alt=sse" if stream else self.method("generateContent")

    def method(self, name: str) -> str:
        """Where a method of the model in hand is called."""
        return f"{self.door.url}{self.path}/{quote(self.door.model, safe='/:')}:{name}"

    def _connect(self, **settings: Any) -> Any:
        self._transport = settings["http_client"]
        types = _genai().types
        http = "httpx_client" if self.mode.blocks else "httpx_async_client"
        options = types.HttpOptions(
            base_url=settings["base_url"],
            api_version="v1beta",
            timeout=int(settings["timeout"] * _MILLISECONDS),
            retry_options=types.HttpRetryOptions(attempts=1 + settings["max_retries"]),
            client_args={"verify": tls()},  # for transports that the SDK makes beside ours, a context each
            async_client_args={"verify": tls(), "ssl": tls()},
            **{http: self._transport},
        )
        return _genai().Client(api_key=settings["api_key"], http_options=options)

    def _resource(self, arguments: dict[str, Any]) -> Any:  # noqa: ARG002 - this surface has one resource only
        return self._sdk.models if self.mode.blocks else self._sdk.aio.models

    async def _answered(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return _values(await self._run(self._resource(arguments).generate_content, **arguments))

    async def _opened(self, arguments: dict[str, Any]) -> Any:
        return Source(await self._run(self._resource(arguments).generate_content_stream, **arguments))

    def _arguments(self, ask: Ask) -> dict[str, Any]:
        """The SDK has no way to add to the query."""
        assert not ask.query, "google-genai sends no query of its user's"
        said = self.said(ask)
        types = _genai().types
        options = types.HttpOptions(headers=ask.headers, extra_body=ask.fields)
        config = types.GenerateContentConfig(http_options=options, tools=said.get("tools"))
        return {"model": self.door.model, "contents": said["contents"], "config": config}

    def body(self, ask: Ask | str) -> dict[str, Any]:
        body = super().body(ask)
        del body["model"]  # which stands in the path
        return body

    def said(self, ask: Ask) -> dict[str, Any]:
        said: dict[str, Any] = {"contents": list(_contents(ask))}
        if ask.tools:
            said["tools"] = [
                {
                    "functionDeclarations": [
                        {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}
                        for tool in ask.tools
                    ]
                }
            ]
        return said

    def read(self, raw: dict[str, Any]) -> Answer:
        candidate = (raw.get("candidates") or [{}])[0]
        parts = (candidate.get("content") or {}).get("parts") or []
        blocked = (raw.get("promptFeedback") or {}).get("blockReason")
        stop = candidate.get("finishReason") or ""
        calls = tuple(_tool_call(part["functionCall"]) for part in parts if "functionCall" in part)
        said = "refusal" if blocked else _STOPS.get(stop, stop)
        return Answer(
            id=raw.get("responseId", ""),
            model=raw.get("modelVersion", ""),
            text="".join(part.get("text", "") for part in parts if not part.get("thought")),
            thinking=tuple(_thinking(parts)),
            tool_calls=calls,
            refusal=None,
            stop="tool-use" if calls and said == "end" else said or None,
            usage=_usage(raw.get("usageMetadata")),
            raw=raw,
        )

    def assemble(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        return assemble(events)

    def piece(self, event: dict[str, Any]) -> str:
        parts = [part for candidate in event.get("candidates") or () for part in _parts(candidate)]
        return "".join(part.get("text", "") for part in parts if not part.get("thought"))

    async def final(self, source: Any) -> dict[str, Any]:
        raise NotImplementedError  # the SDK has no helper that assembles

    def event(self, event: Any) -> dict[str, Any] | None:
        return _values(event)

    async def aclose(self) -> None:
        await self._run(self._transport.close if self.mode.blocks else self._transport.aclose)

    async def count_tokens(self, ask: Ask) -> int:
        with reported():
            contents, types = self.said(ask)["contents"], _genai().types
            counted = await self._run(
                self._resource({}).count_tokens,
                model=self.door.model,
                contents=contents,
                config=types.CountTokensConfig(http_options=types.HttpOptions(headers=ask.headers)),
            )
            return int(_values(counted)["totalTokens"])

    async def models(self) -> list[str]:
        with reported():
            return [model.name for model in (await self._run(self._resource({}).list)).page]


def assemble(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer that the chunks of a stream add up to: parts follow each other, of counts the last one holds."""
    answer: dict[str, Any] = {}
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": []}}
    for chunk in events:
        answer |= {name: value for name, value in chunk.items() if name != "candidates"}
        for part in chunk.get("candidates") or ():
            answer["candidates"] = [candidate]
            candidate["content"]["parts"] += _parts(part)
            candidate |= {name: value for name, value in part.items() if name != "content"}
    return answer


def _parts(candidate: dict[str, Any]) -> list[dict[str, Any]]:
    return (candidate.get("content") or {}).get("parts") or []


def _values(value: Any) -> dict[str, Any]:
    """An SDK object as JSON values under the names of the wire; what the SDK does not know it has dropped."""
    result: dict[str, Any] = value.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {name: member for name, member in result.items() if name != "sdkHttpResponse"}


def _contents(ask: Ask) -> Iterator[dict[str, Any]]:
    yield {"role": "user", "parts": [{"text": ask.prompt}]}
    for turn in ask.turns:
        yield turn.answer.raw["candidates"][0]["content"]
        if turn.results:
            results = enumerate(turn.results)
            yield {"role": "user", "parts": [_result(turn.answer, number, result) for number, result in results]}


def _result(answer: Answer, number: int, result: ToolResult) -> dict[str, Any]:
    """Calls without ids get their results in their order."""
    named = {call.id: call.name for call in answer.tool_calls}
    name = named[result.call_id] if result.call_id else answer.tool_calls[number].name
    said = {"name": name, "response": {"output": result.content}}
    return {"functionResponse": said | ({"id": result.call_id} if result.call_id else {})}


def _thinking(parts: list[dict[str, Any]]) -> Iterator[Thinking]:
    """Each run of thoughts, proved by the signature that stands on it or on the next part that has one."""
    at = 0
    for thought, run in groupby(parts, key=lambda part: bool(part.get("thought"))):
        texts = [part.get("text", "") for part in run]
        if thought:
            signatures = (part["thoughtSignature"] for part in parts[at:] if "thoughtSignature" in part)
            yield Thinking("".join(texts), _plain_base64(next(signatures, "")))
        at += len(texts)


def _plain_base64(text: str) -> str:
    """The SDK writes bytes in the alphabet for URLs; the wire has the other one."""
    return b64encode(urlsafe_b64decode(text)).decode()


def _tool_call(call: dict[str, Any]) -> ToolCall:
    return ToolCall(call.get("id", ""), call["name"], json.dumps(call.get("args", {})))


def _usage(usage: dict[str, Any] | None) -> Usage | None:
    if usage is None:
        return None
    thoughts = usage.get("thoughtsTokenCount", 0)
    return Usage(
        input=usage.get("promptTokenCount", 0) + usage.get("toolUsePromptTokenCount", 0),
        output=usage.get("candidatesTokenCount", 0) + thoughts,
        cache_read=usage.get("cachedContentTokenCount", 0),
        reasoning=thoughts,
    )


@cache
def _genai() -> ModuleType:
    """Google's SDK, whose exceptions tell of a failure in their own way."""
    from google import genai

    failure.register(genai.errors.APIError, _refused)
    return genai


def _refused(error: errors.APIError) -> Failure:
    """`body` is the envelope, without the list that Google puts around it where a stream was asked for."""
    headers = tuple(getattr(error.response, "headers", {}).items())
    return Failure(type(error).__name__, str(error), error.code, headers, error.details)
