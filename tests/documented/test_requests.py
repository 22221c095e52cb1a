"""No documented field is missing: what the SDKs declare and what is sent are held together."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types.beta.message_create_params import MessageCreateParamsBase
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from conformance.documented import betas, choices, countable, options, tools, turns
from conformance.surface import CORE, Surface

PARAMS = {
    Surface.OPENAI_CHAT: CompletionCreateParamsBase,
    Surface.OPENAI_RESPONSES: ResponseCreateParamsBase,
    Surface.ANTHROPIC_MESSAGES: MessageCreateParamsBase,
}
SAID_ELSEWHERE = {"model", "stream", "messages", "input", "tools", "tool_choice"}


@pytest.mark.parametrize("surface", CORE)
def test_every_field_that_the_sdk_declares_is_an_option_or_has_a_place_of_its_own(surface: Surface) -> None:
    declared = set(PARAMS[surface].__annotations__) - {"betas"}
    assert declared - options(surface).keys() <= SAID_ELSEWHERE
    assert [name for name, forms in options(surface).items() if not forms] == []


@pytest.mark.parametrize("surface", CORE)
def test_what_is_sent_is_json(surface: Surface) -> None:
    for found in (options(surface), tools(surface), choices(surface), turns(surface)):
        assert json.loads(json.dumps(found)) == found


def test_tools_of_every_type_are_there() -> None:
    assert {"function", "custom"} == types(tools(Surface.OPENAI_CHAT))
    assert {"function", "custom", "web_search", "mcp", "namespace", "apply_patch"} < types(
        tools(Surface.OPENAI_RESPONSES)
    )
    claudes = types(tools(Surface.ANTHROPIC_MESSAGES))
    assert {"custom", "web_search_20250305", "tool_search_tool_regex_20251119", "mcp_toolset"} < claudes


def test_turns_of_every_role_and_type_are_there() -> None:
    chat = {turn["role"] for turn in turns(Surface.OPENAI_CHAT)}
    assert chat == {"developer", "system", "user", "assistant", "tool", "function"}
    items = types(turns(Surface.OPENAI_RESPONSES))
    assert {"function_call_output", "reasoning", "custom_tool_call_output", "item_reference", "compaction"} < items
    assistant, user, system = turns(Surface.ANTHROPIC_MESSAGES)
    assert {"thinking", "redacted_thinking", "tool_use", "server_tool_use", "mcp_tool_result"} < types(
        assistant["content"]
    )
    assert types(user["content"]) == {"text", "image", "document", "search_result", "tool_result"}
    assert system["role"] == "system"


def test_choices_name_tools_that_are_there() -> None:
    named = json.dumps([choices(surface) for surface in CORE])
    assert all('"a_name"' in json.dumps(tools(surface)) for surface in CORE)
    assert named.count('"a_name"') > 6


def test_what_is_counted_is_a_part_of_what_is_sent() -> None:
    assert {"system", "thinking", "output_config"} < countable().keys() < options(Surface.ANTHROPIC_MESSAGES).keys()
    assert "metadata" not in countable()


def test_betas_are_tokens() -> None:
    assert "interleaved-thinking-2025-05-14" in betas()


def types(members: list[Any]) -> set[str]:
    return {member["type"] for member in members if "type" in member}
