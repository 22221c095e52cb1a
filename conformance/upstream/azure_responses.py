"""Azure OpenAI's Responses: OpenAI's, with what the content filter says.

Source: https://learn.microsoft.com/azure/ai-foundry/openai/how-to/responses
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance.upstream import openai_responses
from conformance.upstream.azure_openai import ABOUT_THE_PROMPT
from conformance.upstream.rendering import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.rendering import Call, Event
    from conformance.upstream.reply import Reply

_UNFINISHED = ("queued", "in_progress")
_OF_THE_PROMPT = [
    {
        "blocked": False,
        "source_type": "prompt",
        "content_filter_raw": [],
        "content_filter_results": ABOUT_THE_PROMPT,
        "content_filter_offsets": {"start_offset": 0, "end_offset": 802, "check_offset": 0},
    }
]


def whole(reply: Reply, call: Call) -> dict[str, Any]:
    return _filtered(openai_responses.whole(reply, call))


def events(reply: Reply, call: Call) -> Iterator[Event]:
    for event in openai_responses.events(reply, call):
        said = {} if event.comment or event.data == "[DONE]" else json.loads(event.data)
        held = "response" in said
        yield replace(event, data=to_json(said | {"response": _filtered(said["response"])})) if held else event


def _filtered(response: dict[str, Any]) -> dict[str, Any]:
    return response | {"content_filters": None if response["status"] in _UNFINISHED else _OF_THE_PROMPT}
