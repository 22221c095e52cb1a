"""One conversation, said in three protocols, is read as the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.oracles import Asked, understood
from conformance.upstream import Received

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
PIXEL = "aGVsbG8="
ASKED = Asked(
    system="Be brief.",
    turns=(("user", "Oslo?"), ("assistant", "Looking.\nHere."), ("user", "Thanks.")),
    calls=(("call_1", "weather", {"city": "Oslo"}),),
    results=(("call_1", "snow"),),
    tools={"weather": SCHEMA},
    choice="required",
    one_call_only=True,
    limit=99,
    images=(PIXEL,),
    effort="low",
    streamed=True,
)
CHAT: dict[str, Any] = {
    "messages": [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Oslo?"},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "Looking."}, {"type": "text", "text": "Here."}],
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "snow"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Thanks."},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
            ],
        },
    ],
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "max_completion_tokens": 99,
    "reasoning_effort": "low",
    "stream": True,
}
RESPONSES: dict[str, Any] = {
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": "Oslo?"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Looking.\nHere."}]},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Oslo"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "snow"},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Thanks."},
                {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"},
            ],
        },
    ],
    "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA}],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "max_output_tokens": 99,
    "reasoning": {"effort": "low"},
    "stream": True,
}
MESSAGES: dict[str, Any] = {
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": [
        {"role": "user", "content": "Oslo?"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Looking.\nHere."},
                {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Oslo"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "snow"}]},
                {"type": "text", "text": "Thanks."},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
            ],
        },
    ],
    "tools": [{"name": "weather", "input_schema": SCHEMA}],
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "max_tokens": 99,
    "output_config": {"effort": "low"},
    "stream": True,
}


def received(path: str, body: dict[str, Any]) -> Received:
    return Received(
        number=1,
        provider="any",
        token=None,
        method="POST",
        path=path,
        query="",
        headers=(),
        body=json.dumps(body).encode(),
        arrived_at=0.0,
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [("/openai/v1/chat/completions", CHAT), ("/openai/v1/responses", RESPONSES), ("/anthropic/v1/messages", MESSAGES)],
)
def test_a_conversation_means_the_same_in_each_protocol(path: str, body: dict[str, Any]) -> None:
    assert understood(received(path, body)) == ASKED


def test_a_choice_that_nobody_made_is_left_to_the_model() -> None:
    silent = {name: value for name, value in CHAT.items() if name != "tool_choice"}
    assert understood(received("/v1/chat/completions", silent)).choice == "auto"
    assert understood(received("/v1/chat/completions", silent | {"tools": []})).choice is None


def test_a_route_that_generates_nothing_is_refused() -> None:
    with pytest.raises(AssertionError, match="/openai/v1/models is no route"):
        understood(received("/openai/v1/models", {}))
