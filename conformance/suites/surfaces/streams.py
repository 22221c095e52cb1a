"""What the checks of streams share: replies of every kind, and whether an answer says what was scripted."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from conformance.api import (
    CHAT,
    MESSAGES,
    RESPONSES,
    Answer,
    Ask,
    Client,
    Delivery,
    RedactedThinking,
    Reply,
    Tape,
    Thinking,
    ToolCall,
    Upstream,
    Usage,
    parse,
)

WORDS = ("Ein ", "zwei ", "drei ", "vier.")
RICH = Reply(
    text="Let me look at both cities.",
    thinking=(Thinking("Two cities, two calls.", "c2lnbmF0dXJl"),),
    tool_calls=(
        ToolCall("call_one", "weather", '{"city": "Oslo"}'),
        ToolCall("call_two", "weather", '{"city": "Bergen"}'),
    ),
)
KINDS = {
    "text": Reply(text=WORDS),
    "nothing": Reply(),
    "cut for length": Reply(text="It could go on and", stop="length"),
    "a stop sequence": Reply(text="so far", stop="stop-sequence", stop_sequence="STOP"),
    "a refusal": Reply(refusal="I would rather not say how that is done."),
    "tool calls": RICH,
    "a tool without arguments": Reply(tool_calls=(ToolCall("call_none", "now", "{}"),)),
    "thinking": Reply(text="42", thinking=(Thinking("Six times seven.", "c2ln"), RedactedThinking("b3BhcXVl"))),
    "detailed usage": Reply(
        text="ok", usage=Usage(input=1234, output=517, cache_read=301, cache_write=202, reasoning=99)
    ),
}

ENDS = ("message_delta", "message_stop", "response.completed")
PIECES = ("response.function_call_arguments.delta", "response.reasoning_summary_text.delta")
PLACES = {
    CHAT: {"the role": 1, "text": 2, "a tool's name": 4, "arguments": 6, "all arguments": 15},
    RESPONSES: {
        "the start": 1,
        "reasoning": 5,
        "an item": 8,
        "text": 11,
        "arguments": 19,
        "finished arguments": 22,
        "all items": 31,
    },
    MESSAGES: {"the start": 1, "thinking": 3, "a block": 5, "text": 7, "arguments": 12, "all blocks": 25},
}
"""How many events of the rich reply have come after what."""


def counted(prompt: str) -> Ask:
    """An ask whose stream counts tokens also where that must be asked for."""
    return Ask(prompt, fields={"stream_options": {"include_usage": True}})


def asking(client: Client, prompt: str) -> Ask:
    return counted(prompt) if client.surface == CHAT else Ask(prompt)


def said(answer: Answer, surface: str) -> dict[str, Any]:
    """What an answer says, arguments as values: their spelling is another check's business."""
    return {
        "text": answer.text,
        "thinking": () if surface == CHAT else answer.thinking,
        "tool calls": [(call.id, call.name, json.loads(call.arguments or "{}")) for call in answer.tool_calls],
        "stop": answer.stop,
    }


def scripted(reply: Reply, surface: str) -> dict[str, Any]:
    return {
        "text": reply.whole_text,
        "thinking": () if surface == CHAT else reply.thinking,
        "tool calls": [(call.id, call.name, json.loads(call.arguments or "{}")) for call in reply.tool_calls],
        "stop": reply.why_it_stops,
    }


async def misread(client: Client, upstream: Upstream, reply: Reply) -> list[str]:
    """What of a scripted reply does not reach the client; empty when all does."""
    script = await upstream.answers(reply)
    try:
        answer = await client.ask(script.prompt)
    except AssertionError as error:
        return [str(error)]
    got, expected = said(answer, client.surface), scripted(reply, client.surface)
    return [
        f"{part} {got[part]!r:.200} in place of {expected[part]!r:.200}" for part in got if got[part] != expected[part]
    ]


async def misread_deliveries(
    client: Client, upstream: Upstream, reply: Reply, deliveries: dict[str, Delivery]
) -> list[str]:
    """One line for each way of delivery in which something of the reply is lost."""
    found = []
    for way, delivery in deliveries.items():
        wrong = await misread(client, upstream, replace(reply, delivery=delivery))
        found += [f"{way}: {'; '.join(wrong)}"] if wrong else []
    return found


def endings(tape: Tape) -> list[str]:
    """What in the last answer says that it is complete."""
    return [mark for event in parse(tape.last.content).events for mark in _ending(event.data)]


def _ending(data: str) -> Iterable[str]:
    if data == "[DONE]":
        return [data]
    event = json.loads(data)
    if event.get("type") in ENDS:
        return [event["type"]]
    reasons = [choice.get("finish_reason") for choice in event.get("choices") or ()]
    return [f"finish_reason {reason}" for reason in reasons if reason]


def piece_of(event: dict[str, Any]) -> str:
    """The piece of arguments or thinking that an event brings, if any."""
    if event.get("type") in PIECES:
        return str(event["delta"])
    delta = event.get("delta") or {}
    calls = [call for choice in event.get("choices") or () for call in choice["delta"].get("tool_calls") or ()]
    fragments = [(call.get("function") or {}).get("arguments") for call in calls]
    return "".join(filter(None, [*fragments, delta.get("partial_json"), delta.get("thinking")]))
