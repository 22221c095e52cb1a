"""What the faults in tools do to a call of one, row by row."""

from __future__ import annotations

from conformance.upstream import Reply, ToolCall
from tests.faulty.seen import CHAT, CHATTED, CLAUDE, RESPONDED, RESPONSES, TOLD, Spoils, asked

CALLS = Reply(tool_calls=(ToolCall("call_1", "look", '{"b": 1.10,"a":[1]}'), ToolCall("call_2", "see", '{"x":2}')))
ODD_CALL = Reply(tool_calls=(ToolCall("call_1", "look", '{"n":3.14159}'),))
EMPTY = Reply(tool_calls=(ToolCall("call_1", "look", "{}"),))
HISTORY = (
    {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "look", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "seen"}]},
)
CHAT_HISTORY = (
    {
        "role": "assistant",
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"b":1.10}'}}],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "seen"},
)
DEFINITIONS = asked(
    CLAUDE,
    tools=[{"name": "look", "input_schema": {}, "strict": True}, {"name": "see", "input_schema": {}}],
    tool_choice={"type": "any"},
)

TOOLS = (
    Spoils(
        "knows-only-function-tools",
        asked(RESPONSES, tools=[{"type": "web_search"}]),
        "asked body, body",
        lambda it: it.asked["tools"] == [],
    ),
    Spoils(
        "rounds-tool-numbers",
        CLAUDE.but(reply=ODD_CALL),
        "body",
        lambda it: it.json["content"][0]["input"]["n"] == 3.14,
    ),
    *(
        Spoils(
            "rounds-tool-numbers", on.but(reply=ODD_CALL, stream=True), "body", lambda it: r"{\"n\":3.14}" in it.text
        )
        for on in (CLAUDE, CHAT, RESPONSES)
    ),
    Spoils(
        "rewrites-tool-ids", CLAUDE.but(reply=CALLS), "body", lambda it: it.json["content"][0]["id"] == "relay_call_1"
    ),
    Spoils("rewrites-tool-ids", CHATTED.but(reply=CALLS), "body", lambda it: '"id":"relay_call_2"' in it.text),
    Spoils("rewrites-tool-ids", RESPONDED.but(reply=CALLS), "body", lambda it: '"call_id":"relay_call_2"' in it.text),
    Spoils(
        "rewrites-tool-ids-upstream",
        CLAUDE.but(turns=HISTORY),
        "asked body",
        lambda it: it.received[0].body.count(b"relay_call_1") == 2,
    ),
    Spoils(
        "rewrites-tool-ids-upstream",
        CHAT.but(turns=CHAT_HISTORY),
        "asked body",
        lambda it: it.received[0].body.count(b"relay_call_1") == 2,
    ),
    *(
        Spoils(
            "loses-second-tool-call",
            on.but(reply=CALLS, stream=stream),
            "body",
            lambda it: "look" in it.text and "see" not in it.text,
        )
        for on in (CLAUDE, CHAT, RESPONSES)
        for stream in (False, True)
    ),
    Spoils(
        "merges-parallel-calls", CHATTED.but(reply=CALLS), "body", lambda it: '"tool_calls":[{"index":1' not in it.text
    ),
    Spoils("merges-parallel-calls", TOLD.but(reply=CALLS), "body", lambda it: '"index":1' not in it.text),
    Spoils("reserialises-arguments", CHAT.but(reply=CALLS), "body", lambda it: r"{\"a\": [1], \"b\": 1.1}" in it.text),
    Spoils(
        "reserialises-arguments", CHATTED.but(reply=CALLS), "body", lambda it: r"{\"a\": [1], \"b\": 1.1}" in it.text
    ),
    Spoils("reserialises-arguments", TOLD.but(reply=CALLS), "body", lambda it: r"{\"a\": [1], \"b\": 1.1}" in it.text),
    Spoils(
        "reserialises-arguments",
        RESPONDED.but(reply=CALLS),
        "body",
        lambda it: it.text.count(r"{\"a\": [1], \"b\": 1.1}") >= 4,
    ),
    Spoils(
        "reserialises-arguments-upstream",
        CHAT.but(turns=CHAT_HISTORY),
        "asked body",
        lambda it: rb"{\"b\": 1.1}" in it.received[0].body,
    ),
    Spoils("drops-empty-arguments", CLAUDE.but(reply=EMPTY), "body", lambda it: "input" not in it.json["content"][0]),
    Spoils("drops-empty-arguments", CHAT.but(reply=EMPTY), "body", lambda it: "arguments" not in it.text),
    Spoils(
        "drops-tool-results", CLAUDE.but(turns=HISTORY), "asked body", lambda it: b"seen" not in it.received[0].body
    ),
    Spoils(
        "drops-tool-results", CHAT.but(turns=CHAT_HISTORY), "asked body", lambda it: b"seen" not in it.received[0].body
    ),
    Spoils("drops-tool-definitions-but-first", DEFINITIONS, "asked body", lambda it: len(it.asked["tools"]) == 1),
    Spoils("strips-strict", DEFINITIONS, "asked body", lambda it: b"strict" not in it.received[0].body),
    Spoils("drops-tool-choice", DEFINITIONS, "asked body", lambda it: "tool_choice" not in it.asked),
)
