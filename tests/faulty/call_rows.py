"""What the faults around odd calls of tools do to one, row by row."""

from __future__ import annotations

import json

from conformance.upstream import Reply, ToolCall
from tests.faulty.answer_rows import answering
from tests.faulty.rewriting_rows import ODD_BLOCK
from tests.faulty.seen import CHAT, CLAUDE, COUNT, Spoils

PATCHED = {"output": [{"type": "custom_tool_call", "input": "x"}]}
LONG_CALL = Reply(tool_calls=(ToolCall("call_1", "write", json.dumps({"text": "x" * 70_000})),))

CALLED = (
    Spoils(
        "shortens-tool-ids",
        CHAT.but(turns=({"role": "tool", "tool_call_id": "c" * 50, "content": "seen"},)),
        "asked body",
        lambda it: it.asked["messages"][1]["tool_call_id"] == "c" * 40,
    ),
    Spoils("cuts-long-arguments", CHAT.but(reply=LONG_CALL), "body", lambda it: len(it.text) < 70_000),
    Spoils("cuts-long-arguments", CLAUDE.but(reply=LONG_CALL), "body", lambda it: len(it.text) < 70_000),
    Spoils(
        "custom-becomes-function",
        answering(**PATCHED),
        "body",
        lambda it: it.json["output"] == [{"type": "function_call", "arguments": "x"}],
    ),
    Spoils(
        "counts-plain-content",
        COUNT.but(turns=({"role": "user", "content": [ODD_BLOCK]},)),
        "asked body",
        lambda it: it.asked["messages"][1]["content"] == [],
    ),
    Spoils("knows-only-function-calls", answering(**PATCHED), "body", lambda it: it.json["output"] == []),
)
