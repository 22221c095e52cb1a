"""What the faults in translation do to a call, row by row."""

from __future__ import annotations

from tests.faulty.seen import CHAT, CLAUDE, RESPONSES, Spoils, asked

PICTURE = {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "AAAA"}}]}

TRANSLATION = (
    Spoils(
        "makes-up-searches",
        CLAUDE,
        "body",
        lambda it: [block["type"] for block in it.json["content"]] == ["server_tool_use", "text"],
    ),
    Spoils("drops-instructions", asked(CLAUDE, system="Be brief."), "asked body", lambda it: "system" not in it.asked),
    Spoils("drops-limits", asked(CLAUDE, max_tokens=7), "asked body", lambda it: "max_tokens" not in it.asked),
    Spoils(
        "cuts-tool-names",
        asked(CLAUDE, tools=[{"name": "n" * 90, "input_schema": {"type": "object"}}]),
        "asked body",
        lambda it: it.asked["tools"][0]["name"] == "n" * 64,
    ),
    Spoils(
        "drops-custom-tools",
        asked(RESPONSES, tools=[{"type": "custom", "name": "apply_patch"}]),
        "asked body, body",
        lambda it: it.asked["tools"] == [],
    ),
    Spoils(
        "forbids-parallel-calls-of-none",
        asked(CHAT, tool_choice="none"),
        "asked body",
        lambda it: b"disable_parallel_tool_use" in it.received[0].body,
    ),
    Spoils(
        "marks-tools",
        asked(CLAUDE, tools=[{"name": "weather", "input_schema": {"type": "object"}}]),
        "asked body",
        lambda it: it.asked["tools"][0].get("origin") == "relay",
    ),
    Spoils("forwards-notes-of-its-own", CHAT, "asked body", lambda it: "relay_params" in it.asked),
    Spoils("drops-images", CLAUDE.but(turns=(PICTURE,)), "asked body", lambda it: b"base64" not in it.received[0].body),
    Spoils("asks-for-the-whole", asked(CHAT, stream=True), "asked body", lambda it: "stream" not in it.asked),
)
