"""What the checks of translated answers share: what is said, and what calls mean however they are spelled."""

import json
from collections.abc import Sequence

from conformance.api import CHAT, GEMINI, MESSAGES, RESPONSES, Mode, Surface, Tool, ToolCall

HUBS = (CHAT, RESPONSES, MESSAGES, GEMINI)
BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
STREAM = (Mode.ASYNC_STREAM,)
LETTERS = "Tromsø 日本語 👩‍👩‍👧 e\u0301 \u2028 \u0085 \u2029 end"
WORDS = ("Ein ", "zwei ", "drei ", "vier.")
WEATHER = Tool(
    "weather", "Today's weather.", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
)
CALLS = (
    ToolCall("call_one", "weather", '{"city": "Oslo", "days": [1, 2]}'),
    ToolCall("call_two", "weather", '{"city": "Bergen", "days": []}'),
)


def meant(calls: Sequence[ToolCall]) -> list[tuple[str, object]]:
    """The name and the arguments' value of each call."""
    return [(call.name, json.loads(call.arguments or "null")) for call in calls]


def assert_apart(surface: Surface, calls: Sequence[ToolCall]) -> None:
    """Each call has an id of its own; Gemini's calls may have none."""
    ids = [call.id for call in calls if call.id or surface != GEMINI]
    assert len(set(ids)) == len(ids), "two calls under one id"
