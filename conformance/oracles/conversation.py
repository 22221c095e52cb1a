"""What a provider was asked, said once for every protocol: the judge of requests that were translated."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance.oracles import converse_request, gemini_request
from conformance.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from conformance.upstream import Received


@dataclass(frozen=True)
class Asked:
    """A conversation as its provider understands it.

    `turns` are (role, text), neighbours of one role joined; tool calls are (id, name, arguments as values) and results
    (id of the call, text), in the order in which they stand; `tools` maps a name to its JSON Schema, a
    custom tool's to None; `images` are the
    base64 data of what the user or a tool showed; `effort` is "budget" where tokens are counted out for it. `choice` is
    auto, which saying nothing means, none, required, or the name of the tool that is forced.
    """

    system: str
    turns: tuple[tuple[str, str], ...]
    calls: tuple[tuple[str, str, Any], ...]
    results: tuple[tuple[str, str], ...]
    tools: dict[str, Any]
    choice: str | None
    one_call_only: bool
    limit: int | None
    images: tuple[str, ...]
    effort: str | None
    streamed: bool


_Part = tuple[str, Any]
"""One thing that is said: what it is, and what it holds."""


def understood(received: Received) -> Asked:
    """Read a request by the protocol of the route that it came to; raises `AssertionError` where that is none."""
    body, route = received.json, _route(received)
    streamed = bool(_STREAMING_PATH.search(received.path)) or body.get("stream") is True
    return _gathered(list(route.parts(body)), route.options(body), streamed=streamed)


def protocol_of(received: Received) -> Surface:
    """The protocol of the route that a request came to; raises `AssertionError` where it is none that generates."""
    return _route(received).protocol


def _route(received: Received) -> _Route:
    found = next((route for route in _ROUTES if route.path.fullmatch(received.path)), None)
    assert found, f"{received.path} is no route of a provider's that generates"
    return found


def _gathered(parts: list[_Part], options: dict[str, Any], *, streamed: bool) -> Asked:
    turns: list[tuple[str, str]] = []
    for role, text in (part for part in parts if part[0] in ("user", "assistant")):
        if turns and turns[-1][0] == role:
            turns[-1] = (role, f"{turns[-1][1]}\n{text}")
        else:
            turns.append((role, text))
    options["choice"] = options["choice"] or ("auto" if options["tools"] else None)
    return Asked(
        system="\n".join(text for kind, text in parts if kind == "system"),
        turns=tuple(turns),
        calls=tuple(held for kind, held in parts if kind == "call"),
        results=tuple(held for kind, held in parts if kind == "result"),
        images=tuple(held for kind, held in parts if kind == "image"),
        streamed=streamed,
        **options,
    )


def _chat(body: dict[str, Any]) -> Iterator[_Part]:
    for message in body["messages"]:
        role = message["role"]
        if role == "tool":
            yield "result", (message["tool_call_id"], _text(message["content"]))
            continue
        yield from _content("system" if role == "developer" else role, message.get("content"))
        for call in message.get("tool_calls") or ():
            yield "call", (call["id"], *_called(call))


def _called(call: dict[str, Any]) -> tuple[str, Any]:
    """A custom tool is given text, in the place of a function's arguments."""
    if custom := call.get("custom"):
        return custom["name"], {"input": custom["input"]}
    return call["function"]["name"], _value(call["function"]["arguments"])


def _responses(body: dict[str, Any]) -> Iterator[_Part]:
    if body.get("instructions"):
        yield "system", body["instructions"]
    given = body["input"]
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
        match item.get("type", "message"):
            case "message":
                role = item["role"]
                yield from _content("system" if role == "developer" else role, item["content"])
            case "function_call":
                yield "call", (item["call_id"], item["name"], _value(item["arguments"]))
            case "custom_tool_call":
                yield "call", (item["call_id"], item["name"], {"input": item["input"]})
            case "function_call_output" | "custom_tool_call_output":
                yield "result", (item["call_id"], _text(item["output"]))
                yield from _shown(item["output"])


def _messages(body: dict[str, Any]) -> Iterator[_Part]:
    yield from _content("system", body.get("system"))
    for message in body["messages"]:
        yield from _content(message["role"], message["content"])


def _content(role: str, content: Any) -> Iterator[_Part]:
    if isinstance(content, str):
        yield role, content
        return
    for block in content or ():
        match block.get("type"):
            case "text" | "input_text" | "output_text":
                yield role, block["text"]
            case "tool_use":
                yield "call", (block["id"], block["name"], block["input"])
            case "tool_result":
                yield "result", (block["tool_use_id"], _text(block.get("content")))
                yield from _shown(block.get("content"))
            case "image":
                yield "image", block["source"].get("data") or block["source"].get("url")
            case "image_url":
                yield "image", _address(block["image_url"]).rpartition("base64,")[2]
            case "input_image":
                yield "image", block["image_url"].rpartition("base64,")[2]


def _address(image: str | dict[str, Any]) -> str:
    """Mistral takes an image's address without an object around it."""
    return image if isinstance(image, str) else str(image["url"])


def _shown(content: Any) -> Iterator[_Part]:
    return (part for part in _content("tool", content) if part[0] == "image")


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or ())


def _value(arguments: str) -> Any:
    return json.loads(arguments or "{}")


def _chat_options(body: dict[str, Any]) -> dict[str, Any]:
    choice = body.get("tool_choice")
    tools = [tool[tool["type"]] for tool in body.get("tools") or ()]
    return {
        "tools": {tool["name"]: tool.get("parameters") for tool in tools},
        "choice": choice["function"]["name"] if isinstance(choice, dict) else "required" if choice == "any" else choice,
        "one_call_only": body.get("parallel_tool_calls") is False,
        "limit": body.get("max_completion_tokens") or body.get("max_tokens"),
        "effort": body.get("reasoning_effort"),
    }


def _responses_options(body: dict[str, Any]) -> dict[str, Any]:
    choice = body.get("tool_choice")
    return {
        "tools": {tool["name"]: tool.get("parameters") for tool in body.get("tools") or ()},
        "choice": choice["name"] if isinstance(choice, dict) else choice,
        "one_call_only": body.get("parallel_tool_calls") is False,
        "limit": body.get("max_output_tokens"),
        "effort": (body.get("reasoning") or {}).get("effort"),
    }


def _messages_options(body: dict[str, Any]) -> dict[str, Any]:
    choice = body.get("tool_choice") or {}
    kind = choice.get("type")
    return {
        "tools": {tool["name"]: tool.get("input_schema") for tool in body.get("tools") or ()},
        "choice": choice["name"] if kind == "tool" else "required" if kind == "any" else kind,
        "one_call_only": choice.get("disable_parallel_tool_use") is True,
        "limit": body.get("max_tokens"),
        "effort": (body.get("output_config") or {}).get("effort") or _budget(body),
    }


def _budget(body: dict[str, Any]) -> str | None:
    return "budget" if (body.get("thinking") or {}).get("type") == "enabled" else None


@dataclass(frozen=True)
class _Route:
    """A route that generates, and how what comes to it is read."""

    path: re.Pattern[str]
    protocol: Surface
    parts: Callable[[dict[str, Any]], Iterable[_Part]]
    options: Callable[[dict[str, Any]], dict[str, Any]]


_ROUTES = tuple(
    _Route(re.compile(path), protocol, parts, options)
    for path, protocol, parts, options in (
        (r".*:(?:g|streamG)enerateContent", Surface.GEMINI, gemini_request.parts, gemini_request.options),
        (r".*/mistral/v1/chat/completions", Surface.MISTRAL, _chat, _chat_options),
        (r"/azure/openai/.*chat/completions", Surface.AZURE_OPENAI, _chat, _chat_options),
        (r"/azure/openai/(?:v1/)?responses", Surface.AZURE_OPENAI, _responses, _responses_options),
        (r".*/invoke(?:-with-response-stream)?", Surface.BEDROCK, _messages, _messages_options),
        (r".*/converse(?:-stream)?", Surface.BEDROCK, converse_request.parts, converse_request.options),
        (r".*:(?:r|streamR)awPredict", Surface.VERTEX, _messages, _messages_options),
        (r".*/chat/completions", Surface.OPENAI_CHAT, _chat, _chat_options),
        (r".*/responses", Surface.OPENAI_RESPONSES, _responses, _responses_options),
        (r".*/messages", Surface.ANTHROPIC_MESSAGES, _messages, _messages_options),
    )
)
_STREAMING_PATH = re.compile(r":stream|-stream$")
