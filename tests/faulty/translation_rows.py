"""What the faults in translation do to a call, row by row."""

from __future__ import annotations

from conformance.upstream import Reply, ToolCall
from tests.faulty.seen import CHAT, CLAUDE, GEMINI, RESPONSES, Spoils, asked

CUT_AT_A_CALL = CLAUDE.but(reply=Reply(tool_calls=(ToolCall("call_1", "weather"),), stop="length"))
TALK = (
    {"role": "assistant", "tool_calls": [{"id": i, "type": "function", "function": {"name": "n"}} for i in "ab"]},
    *({"role": "tool", "tool_call_id": i, "content": i} for i in "ba"),
)
THOUGHTS = tuple(
    {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": proof}]} for proof in "ab"
)
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
        "writes-dots-as-underscores",
        asked(CLAUDE, tools=[{"name": "db.query", "input_schema": {"type": "object"}}]),
        "asked body",
        lambda it: it.asked["tools"][0]["name"] == "db_query",
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
    Spoils("calls-win-over-limits", CUT_AT_A_CALL, "body", lambda it: it.json["stop_reason"] == "tool_use"),
    Spoils(
        "calls-win-over-limits",
        CHAT.but(reply=CUT_AT_A_CALL.reply),
        "body",
        lambda it: it.json["choices"][0]["finish_reason"] == "tool_calls",
    ),
    Spoils("leaves-cached-input-out", CHAT, "body", lambda it: it.json["usage"]["prompt_tokens"] == 50),
    Spoils("leaves-cached-input-out", RESPONSES, "body", lambda it: it.json["usage"]["input_tokens"] == 50),
    Spoils("loses-cache-writes", CLAUDE, "body", lambda it: it.json["usage"]["cache_creation_input_tokens"] == 0),
    Spoils(
        "pairs-results-by-position",
        CHAT.but(turns=TALK),
        "asked body",
        lambda it: [turn["tool_call_id"] for turn in it.asked["messages"][2:]] == ["a", "b"],
    ),
    Spoils(
        "keeps-the-last-thought-only",
        CLAUDE.but(turns=THOUGHTS),
        "asked body",
        lambda it: [turn["content"] for turn in it.asked["messages"][1:]] == [[], THOUGHTS[1]["content"]],
    ),
    Spoils("drops-sampling", asked(CHAT, top_p=0.5), "asked body", lambda it: "top_p" not in it.asked),
    Spoils(
        "drops-stop-sequences",
        asked(GEMINI, generationConfig={"stopSequences": ["END"]}),
        "asked body",
        lambda it: it.asked["generationConfig"] == {},
    ),
    Spoils("drops-images", CLAUDE.but(turns=(PICTURE,)), "asked body", lambda it: b"base64" not in it.received[0].body),
    Spoils("asks-for-the-whole", asked(CHAT, stream=True), "asked body", lambda it: "stream" not in it.asked),
)
