"""What the faults in bodies do to one, row by row."""

from __future__ import annotations

from dataclasses import replace

from conformance.upstream import Reply
from tests.faulty.seen import CHAT, CLAUDE, RESPONSES, Spoils, asked

NESTED = ({"role": "assistant", "content": "a", "novel": 1},)
MARKED = ({"role": "user", "content": [{"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]},)
REFUSAL = Reply(refusal="I would rather not.")
EXTRA = replace(CLAUDE.reply, extra={"novel": 1, "nothing": None, "ratio": 0.123456, "count": 2**53 + 1})
ODD = "e\u0301 \u2028 end"

BODY = (
    Spoils(
        "drops-continuation",
        asked(RESPONSES, previous_response_id="r"),
        "asked body, body",
        lambda it: "previous_response_id" not in it.asked,
    ),
    Spoils("drops-unknown-fields", asked(CLAUDE, novel=1), "asked body", lambda it: "novel" not in it.asked),
    Spoils("drops-unknown-fields", asked(CHAT, novel=1), "asked body", lambda it: "novel" not in it.asked),
    Spoils(
        "drops-nested-unknown-fields",
        RESPONSES.but(turns=NESTED),
        "asked body",
        lambda it: it.asked["input"][1] == {"role": "assistant", "content": "a"},
    ),
    Spoils(
        "drops-metadata", asked(CLAUDE, metadata={"user_id": "u"}), "asked body", lambda it: "metadata" not in it.asked
    ),
    Spoils("injects-field", CLAUDE, "asked body", lambda it: it.asked.get("temperature") == 1.0),
    Spoils("drops-nulls", asked(CHAT, stop=None), "asked body", lambda it: "stop" not in it.asked),
    Spoils(
        "rounds-numbers",
        asked(CHAT, logit_bias={"1": 0.12345}),
        "asked body",
        lambda it: it.asked["logit_bias"]["1"] == 0.123,
    ),
    Spoils(
        "rounds-numbers",
        CHAT.but(reply=EXTRA),
        "body",
        lambda it: (it.json["ratio"], it.json["count"]) == (0.123, 2**53),
    ),
    Spoils("mangles-unicode", asked(CHAT, user=ODD), "asked body", lambda it: it.asked["user"] == "\u00e9   end"),
    Spoils("mangles-unicode", CHAT.but(reply=Reply(text=ODD)), "body", lambda it: "\u00e9   end" in it.text),
    Spoils(
        "developer-becomes-system",
        CHAT.but(turns=({"role": "developer", "content": "d"},)),
        "asked body",
        lambda it: it.asked["messages"][1]["role"] == "system",
    ),
    Spoils(
        "system-blocks-joined",
        asked(CLAUDE, system=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
        "asked body",
        lambda it: it.asked["system"] == "a\nb",
    ),
    Spoils(
        "system-role-dropped",
        CLAUDE.but(turns=({"role": "system", "content": "s"},)),
        "asked body",
        lambda it: len(it.asked["messages"]) == 1,
    ),
    Spoils(
        "strips-cache-control",
        CLAUDE.but(turns=MARKED),
        "asked body",
        lambda it: b"cache_control" not in it.received[0].body,
    ),
    Spoils("renames-model-upstream", CHAT, "asked body, body", lambda it: it.asked["model"] == "relay/m"),
    Spoils("renames-model", CLAUDE, "body", lambda it: it.json["model"] == "relay/m"),
    Spoils(
        "renames-model", RESPONSES.but(stream=True), "body", lambda it: it.events[-1]["response"]["model"] == "relay/m"
    ),
    Spoils("rewrites-answer-id", CHAT, "body", lambda it: it.json["id"].startswith("relay_chatcmpl-")),
    Spoils(
        "rewrites-answer-id",
        CLAUDE.but(stream=True),
        "body",
        lambda it: it.events[0]["message"]["id"].startswith("relay_msg_"),
    ),
    Spoils("drops-unknown-answer-fields", CLAUDE.but(reply=EXTRA), "body", lambda it: "novel" not in it.json),
    Spoils("drops-null-answer-fields", CLAUDE, "body", lambda it: "stop_sequence" not in it.json),
    Spoils("adds-answer-field", RESPONSES, "body", lambda it: it.json.get("provider") == "relay"),
    Spoils("loses-last-sentence", CLAUDE, "body", lambda it: it.json["content"][0]["text"] == "Grüße."),
    Spoils("loses-last-sentence", CHAT, "body", lambda it: it.json["choices"][0]["message"]["content"] == "Grüße."),
    Spoils(
        "flattens-stop-reason",
        CLAUDE.but(reply=Reply(text="a", stop="length")),
        "body",
        lambda it: it.json["stop_reason"] == "end_turn",
    ),
    Spoils(
        "flattens-stop-reason",
        RESPONSES.but(reply=Reply(text="a", stop="length"), stream=True),
        "body",
        lambda it: "event: response.completed" in it.text and it.events[-1]["response"]["status"] == "completed",
    ),
    Spoils(
        "loses-refusal", CHAT.but(reply=REFUSAL), "body", lambda it: it.json["choices"][0]["message"]["refusal"] is None
    ),
    Spoils("loses-refusal", RESPONSES.but(reply=REFUSAL, stream=True), "body", lambda it: "rather" not in it.text),
    Spoils("loses-refusal", CLAUDE.but(reply=REFUSAL), "body", lambda it: it.json["stop_reason"] == "end_turn"),
)
