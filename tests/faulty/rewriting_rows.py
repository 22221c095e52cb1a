"""What the faults that rewrite requests do to one, row by row."""

from __future__ import annotations

from tests.faulty.seen import CHAT, CLAUDE, RESPONSES, Spoils, asked

ODD_BLOCK = {"type": "of_tomorrow", "text": "x"}

REWRITING = (
    Spoils("drops-newer-fields", asked(CLAUDE, speed="fast"), "asked body", lambda it: "speed" not in it.asked),
    Spoils("caps-token-limits", asked(CHAT, max_tokens=2000), "asked body", lambda it: it.asked["max_tokens"] == 1024),
    Spoils(
        "caps-token-limits",
        asked(CLAUDE, thinking={"type": "enabled", "budget_tokens": 2000}),
        "asked body",
        lambda it: it.asked["thinking"]["budget_tokens"] == 1024,
    ),
    Spoils(
        "knows-three-efforts",
        asked(CHAT, reasoning_effort="xhigh"),
        "asked body",
        lambda it: it.asked["reasoning_effort"] == "high",
    ),
    Spoils(
        "knows-three-efforts",
        asked(RESPONSES, reasoning={"effort": "xhigh"}),
        "asked body, body",
        lambda it: it.asked["reasoning"] == {"effort": "high"},
    ),
    Spoils(
        "knows-plain-content",
        CLAUDE.but(turns=({"role": "user", "content": [ODD_BLOCK]},)),
        "asked body",
        lambda it: it.asked["messages"][1]["content"] == [],
    ),
    Spoils(
        "knows-plain-content", RESPONSES.but(turns=(ODD_BLOCK,)), "asked body", lambda it: len(it.asked["input"]) == 1
    ),
    Spoils(
        "drops-citations-upstream",
        CLAUDE.but(turns=({"role": "user", "content": [{"type": "text", "text": "a", "citations": []}]},)),
        "asked body",
        lambda it: b"citations" not in it.received[0].body,
    ),
    Spoils(
        "refuses-what-it-does-not-know",
        asked(RESPONSES, tools=[{"type": "web_search"}]),
        "asked body, asked headers, asked query, calls, status, headers, body",
        lambda it: it.status == 400,
    ),
    Spoils(
        "labels-tools",
        asked(CHAT, tools=[{"type": "custom"}]),
        "asked body",
        lambda it: b"x_relay" in it.received[0].body,
    ),
    Spoils(
        "marks-last-message",
        CHAT.but(turns=({"role": "user", "content": "a"},)),
        "asked body",
        lambda it: "cache_control" in it.asked["messages"][-1],
    ),
    Spoils("drops-empty-values", asked(CHAT, stop=[]), "asked body", lambda it: "stop" not in it.asked),
    Spoils("drops-defaults", asked(CHAT, n=1), "asked body", lambda it: "n" not in it.asked),
)
