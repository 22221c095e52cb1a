"""One conversation, said in every protocol, is read as the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from conformance.oracles import Asked, protocol_of, understood
from conformance.surface import Surface
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
GEMINI: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Oslo?"}]},
        {
            "role": "model",
            "parts": [
                {"text": "Where is Oslo?", "thought": True},
                {"text": "Looking.\nHere."},
                {"functionCall": {"id": "call_1", "name": "weather", "args": {"city": "Oslo"}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "call_1", "name": "weather", "response": {"output": "snow"}}},
                {"text": "Thanks."},
                {"inlineData": {"mimeType": "image/png", "data": PIXEL}},
            ],
        },
    ],
    "tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    "generationConfig": {"maxOutputTokens": 99, "thinkingConfig": {"thinkingLevel": "LOW"}},
}
CONVERSE: dict[str, Any] = {
    "system": [{"text": "Be brief."}],
    "messages": [
        {"role": "user", "content": [{"text": "Oslo?"}]},
        {
            "role": "assistant",
            "content": [
                {"text": "Looking.\nHere."},
                {"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Oslo"}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "call_1", "content": [{"text": "snow"}]}},
                {"text": "Thanks."},
                {"image": {"format": "png", "source": {"bytes": PIXEL}}},
            ],
        },
    ],
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}}],
        "toolChoice": {"any": {}},
    },
    "inferenceConfig": {"maxTokens": 99},
}
MISTRAL = CHAT | {
    "messages": [
        *CHAT["messages"][:-1],
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Thanks."},
                {"type": "image_url", "image_url": f"data:image/png;base64,{PIXEL}"},
            ],
        },
    ],
    "tool_choice": "any",
}
MODEL = "/v1/projects/p/locations/l/publishers/anthropic/models/claude"


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
    [
        ("/openai/v1/chat/completions", CHAT),
        ("/openai/v1/responses", RESPONSES),
        ("/anthropic/v1/messages", MESSAGES),
        ("/mistral/v1/chat/completions", MISTRAL),
        ("/azure/openai/v1/chat/completions", CHAT),
        ("/azure/openai/deployments/gpt/chat/completions", CHAT),
        ("/azure/openai/responses", RESPONSES),
        ("/bedrock/model/claude/invoke-with-response-stream", MESSAGES),
        (f"/vertex{MODEL}:streamRawPredict", MESSAGES),
    ],
)
def test_a_conversation_means_the_same_in_each_protocol(path: str, body: dict[str, Any]) -> None:
    assert understood(received(path, body)) == ASKED


def test_gemini_has_all_but_the_wish_for_one_call_at_a_time() -> None:
    asked = received("/gemini/v1beta/models/gemini:streamGenerateContent", GEMINI)
    assert understood(asked) == replace(ASKED, one_call_only=False)


def test_converse_says_in_the_models_own_words_what_it_has_none_for() -> None:
    route = "/bedrock/model/claude/converse-stream"
    assert understood(received(route, CONVERSE)) == replace(ASKED, one_call_only=False, effort=None)
    own = {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}, "output_config": {"effort": "low"}}
    assert understood(received(route, CONVERSE | {"additionalModelRequestFields": own})) == ASKED
    unforced = CONVERSE | {"toolConfig": {"tools": CONVERSE["toolConfig"]["tools"]}}
    own = {"tool_choice": {"type": "none"}, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    seen = understood(received(route, unforced | {"additionalModelRequestFields": own}))
    assert (seen.choice, seen.effort) == ("none", "budget")


def test_gemini_is_read_under_both_kinds_of_names_and_with_its_own_schema() -> None:
    declared = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}
    asked = GEMINI | {"tools": [{"function_declarations": [{"name": "weather", "parameters": declared}]}]}
    asked["system_instruction"] = asked.pop("systemInstruction")
    route = "/gemini/v1/models/gemini:streamGenerateContent"
    assert understood(received(route, asked)) == replace(ASKED, one_call_only=False)


def test_gemini_calls_without_ids_are_told_apart_by_name_and_number() -> None:
    def turn(role: str, kind: str, **held: Any) -> dict[str, Any]:
        return {"role": role, "parts": [{kind: {"name": "look", **held}} for _ in range(2)]}

    body = {"contents": [turn("model", "functionCall"), turn("user", "functionResponse", response={"a": 1})]}
    asked = understood(received("/gemini/v1beta/models/gemini:generateContent", body))
    assert [call[0] for call in asked.calls] == ["look/1", "look/2"]
    assert asked.results == (("look/1", '{"a": 1}'), ("look/2", '{"a": 1}'))
    assert not asked.streamed


@pytest.mark.parametrize(
    ("path", "protocol"),
    [
        ("/gemini/v1/models/gemini:generateContent", Surface.GEMINI),
        ("/mistral/v1/chat/completions", Surface.MISTRAL),
        ("/azure/openai/v1/responses", Surface.AZURE_OPENAI),
        ("/bedrock/model/claude/converse", Surface.BEDROCK),
        (f"/vertex{MODEL}:rawPredict", Surface.VERTEX),
        ("/openai/v1/chat/completions", Surface.OPENAI_CHAT),
    ],
)
def test_a_route_tells_its_protocol(path: str, protocol: Surface) -> None:
    assert protocol_of(received(path, {})) == protocol


def test_a_choice_that_nobody_made_is_left_to_the_model() -> None:
    silent = {name: value for name, value in CHAT.items() if name != "tool_choice"}
    assert understood(received("/v1/chat/completions", silent)).choice == "auto"
    assert understood(received("/v1/chat/completions", silent | {"tools": []})).choice is None


def test_a_route_that_generates_nothing_is_refused() -> None:
    with pytest.raises(AssertionError, match="/openai/v1/models is no route"):
        understood(received("/openai/v1/models", {}))
