"""What the faults in putting a stream together do to one, row by row."""

from __future__ import annotations

from conformance.upstream import Reply, ToolCall, Usage
from tests.faulty.body_rows import REFUSAL
from tests.faulty.seen import CHAT, CHATTED, CLAUDE, METERED, RESPONDED, RESPONSES, TOLD, Spoils

CALLS = Reply(tool_calls=(ToolCall("one", "look", '{"a": 1}'), ToolCall("two", "look", '{"b": 2}')))
LONG = Reply(text="so lang", stop="length")
CACHED = Reply(text="ok", usage=Usage(200, 30, 90, 40, 10))

PIECES = (
    Spoils(
        "skips-opening-arguments",
        CHAT.but(reply=CALLS).delivered(pieces="whole"),
        "body",
        lambda it: it.text.count('"arguments":""') == 2,
    ),
    *(
        Spoils(
            "ends-at-an-empty-delta",
            on.but(reply=Reply(text="abc")).delivered(pieces="characters"),
            "body",
            lambda it: '"b"' not in it.text,
        )
        for on in (CLAUDE, CHAT, RESPONSES)
    ),
    Spoils("drops-short-deltas", TOLD.but(reply=Reply(text=("a", " ", "b"))), "body", lambda it: '" "' not in it.text),
    Spoils(
        "mixes-interleaved-calls",
        CHAT.but(reply=CALLS).delivered(pieces="interleaved"),
        "body",
        lambda it: it.text.count('"tool_calls":[{"index":0') == 1,
    ),
    Spoils(
        "needs-argument-deltas",
        RESPONSES.but(reply=CALLS).delivered(pieces="arguments-when-done"),
        "body",
        lambda it: "{" + r"\"a" not in it.text,
    ),
    Spoils("needs-done", CHATTED.delivered(done=False), "body", lambda it: "broke off" in it.text),
    Spoils("chokes-on-done", RESPONDED.delivered(done=True), "body, ending", lambda it: not it.whole),
    Spoils(
        "usage-in-its-own-chunk-only",
        METERED.delivered(early_usage=True),
        "body",
        lambda it: "prompt_tokens" not in it.text,
    ),
    Spoils("flattens-stop-in-streams", TOLD.but(reply=LONG), "body", lambda it: '"max_tokens"' not in it.text),
    Spoils("flattens-stop-in-streams", CHATTED.but(reply=LONG), "body", lambda it: '"length"' not in it.text),
    Spoils("loses-refusal-in-streams", CHATTED.but(reply=REFUSAL), "body", lambda it: "rather" not in it.text),
    Spoils(
        "zeroes-usage-in-streams",
        TOLD.but(reply=CACHED),
        "body",
        lambda it: '"cache_read_input_tokens":0' in it.text and '"output_tokens":30' in it.text,
    ),
)
