"""The providers' own schemas, to the letter: what each refuses, and what it lets pass though its types would not."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.oracles import objections
from conformance.surface import Surface

CHAT, RESPONSES, MESSAGES = Surface.OPENAI_CHAT, Surface.OPENAI_RESPONSES, Surface.ANTHROPIC_MESSAGES
GEMINI, MISTRAL, BEDROCK = Surface.GEMINI, Surface.MISTRAL, Surface.BEDROCK
SAID = {"messages": [{"role": "user", "content": "Hello"}]}
TOOL: dict[str, Any] = {"type": "object", "properties": {"anything": {"x-ours": 1}}}


@pytest.mark.parametrize(
    ("protocol", "body"),
    [
        (CHAT, SAID | {"stream": True, "stream_options": {"include_usage": True}}),
        (RESPONSES, {"input": [{"role": "assistant", "content": [{"type": "output_text", "text": "No id."}]}]}),
        (
            RESPONSES,
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://a.example"}]}]},
        ),
        (MESSAGES, SAID | {"max_tokens": 9, "temperature": 1, "tools": [{"name": "a", "input_schema": TOOL}]}),
        (BEDROCK, SAID | {"max_tokens": 9, "anthropic_version": "bedrock-2023-05-31"}),
        (GEMINI, {"contents": [{"parts": [{"text": "Hello"}]}], "generation_config": {"maxOutputTokens": 9}}),
        (GEMINI, {"contents": [{"parts": [{"text": "Hello"}]}], "model": "gemini", "serviceTier": "flex"}),
        (MISTRAL, SAID | {"random_seed": 7}),
    ],
)
def test_what_the_provider_knows_passes(protocol: Surface, body: dict[str, Any]) -> None:
    assert not objections(protocol, body)


@pytest.mark.parametrize(
    ("protocol", "body", "field"),
    [
        (CHAT, SAID | {"max_output_tokens": 9}, "max_output_tokens"),
        (CHAT, {"messages": [{"role": "user", "content": "Hello", "cache_control": {}}]}, "cache_control"),
        (CHAT, {"messages": [{"role": "user"}]}, "content"),
        (RESPONSES, {"input": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]}, "text"),
        (MESSAGES, SAID, "max_tokens"),
        (
            MESSAGES,
            {"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "text", "text": "", "x": 1}]}]},
            "x",
        ),
        (GEMINI, {"contents": [{"parts": [{"text": "Hello", "type": "text"}]}]}, "type"),
        (GEMINI, {"contents": [], "stream": True}, "stream"),
        (MISTRAL, {"messages": [{"role": "user", "content": "Hello", "name": "ada"}]}, "name"),
    ],
)
def test_what_it_does_not_know_is_named(protocol: Surface, body: dict[str, Any], field: str) -> None:
    assert any(objection.partition(":")[0].endswith(field) for objection in objections(protocol, body))


def test_nothing_is_known_of_converse() -> None:
    assert not objections(BEDROCK, {"inferenceConfig": {}}, "/bedrock/model/a/converse")
