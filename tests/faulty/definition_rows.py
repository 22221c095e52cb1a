"""What the faults in definitions and results of tools do to them, row by row."""

from __future__ import annotations

from tests.faulty.seen import CHAT, CLAUDE, RESPONSES, Spoils, Stimulus, asked


def with_tool(name: str = "look", **fields: object) -> Stimulus:
    return asked(CLAUDE, tools=[{"name": name, "input_schema": {}, **fields}])


def with_result(**fields: object) -> Stimulus:
    result = {"type": "tool_result", "tool_use_id": "call_1", **fields}
    return CLAUDE.but(turns=({"role": "user", "content": [result]},))


DEFINED = (
    Spoils(
        "flattens-tool-choice",
        asked(CHAT, tool_choice={"type": "function", "function": {"name": "look"}}),
        "asked body",
        lambda it: it.asked["tool_choice"] == "required",
    ),
    Spoils(
        "cleans-schemas",
        with_tool(input_schema={"title": "t", "type": "object"}),
        "asked body",
        lambda it: it.asked["tools"][0]["input_schema"] == {"type": "object"},
    ),
    Spoils(
        "caps-tools",
        asked(CLAUDE, tools=[{"name": f"n{number}"} for number in range(65)]),
        "asked body",
        lambda it: len(it.asked["tools"]) == 64,
    ),
    Spoils(
        "shortens-tool-names",
        with_tool("n" * 64),
        "asked body",
        lambda it: it.asked["tools"][0]["name"] == "n" * 60,
    ),
    Spoils(
        "cleans-tool-names",
        asked(CHAT, tools=[{"type": "function", "function": {"name": "a.b"}}]),
        "asked body",
        lambda it: it.asked["tools"][0]["function"]["name"] == "a_b",
    ),
    Spoils(
        "drops-result-media",
        with_result(content=[{"type": "image"}, {"type": "text", "text": "t"}]),
        "asked body",
        lambda it: b"image" not in it.received[0].body,
    ),
    Spoils("drops-empty-results", with_result(), "asked body", lambda it: it.asked["messages"][1]["content"] == []),
    Spoils(
        "loses-is-error",
        with_result(content="it broke", is_error=True),
        "asked body",
        lambda it: b"is_error" not in it.received[0].body,
    ),
    Spoils(
        "repairs-arguments-upstream",
        RESPONSES.but(turns=({"type": "function_call", "call_id": "c", "name": "n", "arguments": "{"},)),
        "asked body",
        lambda it: it.asked["input"][1]["arguments"] == "{}",
    ),
)
