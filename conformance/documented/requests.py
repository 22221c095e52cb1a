"""Every documented field of a request: its options, its conversation, its tools and the ways to choose among them."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

from anthropic.types import AnthropicBetaParam
from anthropic.types.beta import BetaMessage
from anthropic.types.beta.beta_user_message_param import BetaUserMessageParam
from anthropic.types.beta.message_count_tokens_params import MessageCountTokensParams
from anthropic.types.beta.message_create_params import MessageCreateParamsBase
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from conformance.documented.examples import examples, fields
from conformance.surface import Surface

_DECLARED = {
    Surface.OPENAI_CHAT: CompletionCreateParamsBase,
    Surface.OPENAI_RESPONSES: ResponseCreateParamsBase,
    Surface.ANTHROPIC_MESSAGES: MessageCreateParamsBase,
}
_REFERENCES = {
    Surface.OPENAI_CHAT: {"type": "function", "function": {"name": "a_name"}},
    Surface.OPENAI_RESPONSES: {"type": "function", "name": "a_name"},
}
_CONVERSATIONS = ("messages", "input")
_NOT_OPTIONS = {"model", "stream", "tools", "tool_choice", "betas", *_CONVERSATIONS}
"""`stream` decides how the answer comes; `betas` are a header; the others have functions of their own."""


@cache
def options(surface: Surface) -> dict[str, list[Any]]:
    """Each field beside conversation and tools, with every form that its value may take."""
    declared = fields(_DECLARED[surface])
    return {name: examples(kind, name) for name, kind in declared.items() if name not in _NOT_OPTIONS}


@cache
def countable() -> dict[str, list[Any]]:
    """The options that bear on what Messages counts."""
    counted = fields(MessageCountTokensParams)
    return {name: forms for name, forms in options(Surface.ANTHROPIC_MESSAGES).items() if name in counted}


@cache
def tools(surface: Surface) -> list[Any]:
    """A tool of every type."""
    return _members(surface, "tools")


@cache
def choices(surface: Surface) -> list[Any]:
    """`tool_choice` in every form; the tool it names is one of `tools`."""
    found = examples(fields(_DECLARED[surface])["tool_choice"], "tool_choice")
    for choice in found:
        for allowed in (choice, choice.get("allowed_tools", {})) if isinstance(choice, dict) else ():
            if "tools" in allowed:
                allowed["tools"] = [_REFERENCES[surface]]
    return found


@cache
def turns(surface: Surface) -> list[Any]:
    """A message or an item of every type, each in a place where the provider takes it."""
    if surface is Surface.OPENAI_CHAT:
        return _members(surface, "messages")
    return _items() if surface is Surface.OPENAI_RESPONSES else _claude_turns()


@cache
def betas() -> list[str]:
    """The tokens of `anthropic-beta` that go with the fields that are still in beta."""
    return [token for kind in get_args(AnthropicBetaParam) for token in get_args(kind)]


def _members(surface: Surface, name: str) -> list[Any]:
    found: list[Any] = examples(fields(_DECLARED[surface])[name], name)[-1]
    return found


def _items() -> list[Any]:
    return _members(Surface.OPENAI_RESPONSES, "input")


def _claude_turns() -> list[Any]:
    """What only a model says stands in its own turn, before the user's."""
    blocks: list[Any] = examples(fields(BetaUserMessageParam)["content"])[-1]
    said = _types(examples(fields(BetaMessage)["content"])[-1]) - {"text"}
    spoken = [block for block in blocks if block["type"] in said]
    added = [block for block in blocks if block["type"] in ("tool_addition", "tool_removal")]
    asked = [block for block in blocks if block not in spoken and block not in added]
    return [
        {"role": "assistant", "content": spoken},
        {"role": "user", "content": asked},
        {"role": "system", "content": [{"type": "text", "text": "The user has switched to dark mode."}, *added]},
    ]


def _types(blocks: list[Any]) -> set[str]:
    return {block["type"] for block in blocks}
