"""Azure OpenAI: OpenAI's answers, with what its content filter says of prompt and answer.

The first chunk of a stream is about the prompt, and has no choices.
Source: https://learn.microsoft.com/azure/ai-foundry/openai/reference and /concepts/content-filter
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance.upstream import openai_chat
from conformance.upstream.azure_platform import OVERLOADED, envelope
from conformance.upstream.rendering import KEEP_ALIVE, Event, accompanied, interruption, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.rendering import Call
    from conformance.upstream.reply import Reply

_HARMS = ("hate", "self_harm", "sexual", "violence")
_ANSWER: dict[str, Any] = {harm: {"filtered": False, "severity": "safe"} for harm in _HARMS}
ABOUT_THE_PROMPT = _ANSWER | {"jailbreak": {"filtered": False, "detected": False}}
_OF_THE_PROMPT = [{"prompt_index": 0, "content_filter_results": ABOUT_THE_PROMPT}]
_FIRST = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": _OF_THE_PROMPT}
_OPENAI_ALONE = ("service_tier",)


def whole(reply: Reply, call: Call) -> dict[str, Any]:
    answer = _without(openai_chat.whole(reply, call))
    [choice] = answer["choices"]
    spoken = _ANSWER if choice["message"]["content"] else {}
    return answer | {
        "choices": [{"content_filter_results": spoken, **choice}],
        "prompt_filter_results": _OF_THE_PROMPT,
    }


def events(reply: Reply, call: Call) -> Iterator[Event]:
    return accompanied(
        _own_events(reply, call),
        reply.delivery,
        ping=KEEP_ALIVE,
        unknown=lambda: Event(data=to_json(_FIRST | {"object": "chat.completion.unheard_of"}), own=False),
        error=lambda: [Event(data=to_json(envelope(interruption(reply, OVERLOADED), call)))],
    )


def _own_events(reply: Reply, call: Call) -> Iterator[Event]:
    yield Event(data=to_json(_FIRST))
    for event in openai_chat.own_events(reply, call):
        yield event if event.data == "[DONE]" else replace(event, data=to_json(_filtered(json.loads(event.data))))


def _filtered(chunk: dict[str, Any]) -> dict[str, Any]:
    chunk = _without(chunk)
    choices = [choice | {"content_filter_results": _seen(choice["delta"])} for choice in chunk["choices"]]
    return chunk | {"choices": choices}


def _seen(delta: dict[str, Any]) -> dict[str, Any]:
    return _ANSWER if delta.get("content") else {}


def _without(value: dict[str, Any]) -> dict[str, Any]:
    return {name: member for name, member in value.items() if name not in _OPENAI_ALONE}
