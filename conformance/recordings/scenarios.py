"""What the official SDKs are made to do on cassettes: the same calls at the scripted upstream and at a live provider.

Each scenario returns what the SDK handed over. Whoever replays a cassette plays its scenarios again, to the letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import anthropic
import openai

from conformance.surface import Provider, Surface
from conformance.upstream import ProviderError, Reply, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from anthropic.types import Message, MessageParam, RawMessageStreamEvent, ToolParam
    from openai.types.chat import (
        ChatCompletion,
        ChatCompletionChunk,
        ChatCompletionMessageParam,
        ChatCompletionToolParam,
    )
    from openai.types.responses import FunctionToolParam, Response, ResponseInputItemParam, ResponseStreamEvent

E = TypeVar("E", bound=Exception)

PROMPT = "Answer with one short sentence: what is a fjord?"
WEATHER = "What is the weather in Bergen? Use the tool."
SUNNY = '{"sky": "rain", "celsius": 7}'
NO_MODEL = "no-such-model-2025"
MOST_TOKENS = 300

_PARAMETERS: dict[str, object] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_FJORD = Reply(text="A fjord is a long, narrow inlet of the sea, carved by ice: vær så god.")
_ASKS_TOOL = Reply(tool_calls=(ToolCall("call_bergen", "weather", '{"city": "Bergen"}'),))
_ASKS_TOOL_OF_CLAUDE = Reply(tool_calls=(ToolCall("toolu_bergen", "weather", '{"city": "Bergen"}'),))
_RAINS = Reply(text="It rains in Bergen, at 7 °C.")
_UNKNOWN_MODEL = Reply(error=ProviderError(status=404, message=f"The model '{NO_MODEL}' does not exist"))


@dataclass(frozen=True)
class Scenario:
    """A named use of an SDK, `play(sdk, model)`, and what the scripted upstream answers to it."""

    name: str
    surface: Surface
    play: Callable[[Any, str], Any]
    replies: tuple[Reply, ...]

    @property
    def provider(self) -> Provider:
        return Provider.ANTHROPIC if self.surface is Surface.ANTHROPIC_MESSAGES else Provider.OPENAI


def chat_whole(sdk: openai.OpenAI, model: str) -> ChatCompletion:
    return sdk.chat.completions.create(model=model, messages=[{"role": "user", "content": PROMPT}])


def chat_streamed(sdk: openai.OpenAI, model: str) -> list[ChatCompletionChunk]:
    said: list[ChatCompletionMessageParam] = [{"role": "user", "content": PROMPT}]
    with sdk.chat.completions.create(
        model=model, messages=said, stream=True, stream_options={"include_usage": True}
    ) as stream:
        return list(stream)


def chat_tools(sdk: openai.OpenAI, model: str) -> tuple[ChatCompletion, ChatCompletion]:
    tools: list[ChatCompletionToolParam] = [
        {"type": "function", "function": {"name": "weather", "parameters": _PARAMETERS}}
    ]
    said: list[ChatCompletionMessageParam] = [{"role": "user", "content": WEATHER}]
    first = sdk.chat.completions.create(model=model, messages=said, tools=tools)
    message = first.choices[0].message
    again: Any = message.to_dict()
    results: list[ChatCompletionMessageParam] = [
        {"role": "tool", "tool_call_id": call.id, "content": SUNNY} for call in message.tool_calls or ()
    ]
    return first, sdk.chat.completions.create(model=model, messages=[*said, again, *results], tools=tools)


def chat_error(sdk: openai.OpenAI, model: str) -> openai.APIStatusError:  # noqa: ARG001 - all are called alike
    return _refused(lambda: chat_whole(sdk, NO_MODEL), openai.APIStatusError)


def responses_whole(sdk: openai.OpenAI, model: str) -> Response:
    return sdk.responses.create(model=model, input=PROMPT)


def responses_streamed(sdk: openai.OpenAI, model: str) -> list[ResponseStreamEvent]:
    with sdk.responses.create(model=model, input=PROMPT, stream=True) as stream:
        return list(stream)


def responses_tools(sdk: openai.OpenAI, model: str) -> tuple[Response, Response]:
    tools: list[FunctionToolParam] = [
        {"type": "function", "name": "weather", "parameters": _PARAMETERS, "strict": False}
    ]
    first = sdk.responses.create(model=model, input=WEATHER, tools=tools)
    again: list[Any] = [item.to_dict() for item in first.output]
    results: list[ResponseInputItemParam] = [
        {"type": "function_call_output", "call_id": item.call_id, "output": SUNNY}
        for item in first.output
        if item.type == "function_call"
    ]
    said: list[ResponseInputItemParam] = [{"role": "user", "content": WEATHER}]
    return first, sdk.responses.create(model=model, input=[*said, *again, *results], tools=tools)


def responses_error(sdk: openai.OpenAI, model: str) -> openai.APIStatusError:  # noqa: ARG001 - all are called alike
    return _refused(lambda: responses_whole(sdk, NO_MODEL), openai.APIStatusError)


def messages_whole(sdk: anthropic.Anthropic, model: str) -> Message:
    return sdk.messages.create(model=model, max_tokens=MOST_TOKENS, messages=[{"role": "user", "content": PROMPT}])


def messages_streamed(sdk: anthropic.Anthropic, model: str) -> list[RawMessageStreamEvent]:
    said: list[MessageParam] = [{"role": "user", "content": PROMPT}]
    with sdk.messages.create(model=model, max_tokens=MOST_TOKENS, messages=said, stream=True) as stream:
        return list(stream)


def messages_tools(sdk: anthropic.Anthropic, model: str) -> tuple[Message, Message]:
    tools: list[ToolParam] = [{"name": "weather", "input_schema": _PARAMETERS}]
    said: list[MessageParam] = [{"role": "user", "content": WEATHER}]
    first = sdk.messages.create(model=model, max_tokens=MOST_TOKENS, messages=said, tools=tools)
    again: Any = [block.to_dict() for block in first.content]
    turns: list[MessageParam] = [
        {"role": "assistant", "content": again},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": block.id, "content": SUNNY}
                for block in first.content
                if block.type == "tool_use"
            ],
        },
    ]
    second = sdk.messages.create(model=model, max_tokens=MOST_TOKENS, messages=[*said, *turns], tools=tools)
    return first, second


def messages_beta(sdk: anthropic.Anthropic, model: str) -> Any:
    said: Any = [{"role": "user", "content": PROMPT}]
    return sdk.beta.messages.create(
        model=model, max_tokens=MOST_TOKENS, messages=said, betas=["interleaved-thinking-2025-05-14"]
    )


def messages_error(sdk: anthropic.Anthropic, model: str) -> anthropic.APIStatusError:  # noqa: ARG001 - as above
    return _refused(lambda: messages_whole(sdk, NO_MODEL), anthropic.APIStatusError)


def _refused(call: Callable[[], Any], kind: type[E]) -> E:
    try:
        call()
    except kind as error:
        return error
    raise AssertionError("the provider answered a request that it had to refuse")


_ALL = (
    Scenario("chat-whole", Surface.OPENAI_CHAT, chat_whole, (_FJORD,)),
    Scenario("chat-streamed", Surface.OPENAI_CHAT, chat_streamed, (_FJORD,)),
    Scenario("chat-tools", Surface.OPENAI_CHAT, chat_tools, (_ASKS_TOOL, _RAINS)),
    Scenario("chat-error", Surface.OPENAI_CHAT, chat_error, (_UNKNOWN_MODEL,)),
    Scenario("responses-whole", Surface.OPENAI_RESPONSES, responses_whole, (_FJORD,)),
    Scenario("responses-streamed", Surface.OPENAI_RESPONSES, responses_streamed, (_FJORD,)),
    Scenario("responses-tools", Surface.OPENAI_RESPONSES, responses_tools, (_ASKS_TOOL, _RAINS)),
    Scenario("responses-error", Surface.OPENAI_RESPONSES, responses_error, (_UNKNOWN_MODEL,)),
    Scenario("messages-whole", Surface.ANTHROPIC_MESSAGES, messages_whole, (_FJORD,)),
    Scenario("messages-streamed", Surface.ANTHROPIC_MESSAGES, messages_streamed, (_FJORD,)),
    Scenario("messages-tools", Surface.ANTHROPIC_MESSAGES, messages_tools, (_ASKS_TOOL_OF_CLAUDE, _RAINS)),
    Scenario("messages-beta", Surface.ANTHROPIC_MESSAGES, messages_beta, (_FJORD,)),
    Scenario("messages-error", Surface.ANTHROPIC_MESSAGES, messages_error, (_UNKNOWN_MODEL,)),
)
SCENARIOS: Mapping[str, Scenario] = MappingProxyType({scenario.name: scenario for scenario in _ALL})
