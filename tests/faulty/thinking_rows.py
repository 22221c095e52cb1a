"""What the faults in thinking do to it, row by row."""

from __future__ import annotations

from conformance.upstream import RedactedThinking, Reply, Thinking
from tests.faulty.seen import CLAUDE, RESPONSES, TOLD, Spoils, asked

THOUGHT = Reply(text="done.", thinking=(Thinking("hm hm", "PROOF=="), RedactedThinking("OPAQUE==")))
REASONED = asked(RESPONSES.but(reply=THOUGHT), include=["reasoning.encrypted_content"])
THINKER = CLAUDE.but(
    turns=({"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "PROOF"}]},)
)
REASONER = RESPONSES.but(turns=({"type": "reasoning", "summary": [], "encrypted_content": "PROOF"},))
SAID_FIRST = {"type": "text", "text": "Well."}
UNSEEN = Reply(text="done.", thinking=(Thinking("", "PROOF=="),))
PROOFS = Reply(thinking=(Thinking("hm", "PROOF=="), Thinking("hm", "LATER==")))
MIXED = CLAUDE.but(
    turns=({"role": "assistant", "content": [SAID_FIRST, {"type": "thinking", "thinking": "", "signature": "PROOF"}]},)
)

THINKING = (
    Spoils(
        "drops-signature", CLAUDE.but(reply=THOUGHT), "body", lambda it: "hm hm" in it.text and "PROOF" not in it.text
    ),
    Spoils("drops-signature", TOLD.but(reply=THOUGHT), "body", lambda it: "PROOF" not in it.text),
    Spoils(
        "drops-redacted", CLAUDE.but(reply=THOUGHT), "body", lambda it: "hm hm" in it.text and "OPAQUE" not in it.text
    ),
    Spoils(
        "drops-redacted", TOLD.but(reply=THOUGHT), "body", lambda it: "PROOF" in it.text and "OPAQUE" not in it.text
    ),
    Spoils("drops-thinking", CLAUDE.but(reply=THOUGHT), "body", lambda it: len(it.json["content"]) == 1),
    Spoils(
        "drops-thinking", REASONED.but(stream=True), "body", lambda it: len(it.events[-1]["response"]["output"]) == 1
    ),
    Spoils("drops-thinking-upstream", THINKER, "asked body", lambda it: it.asked["messages"][1]["content"] == []),
    Spoils("drops-thinking-upstream", REASONER, "asked body", lambda it: len(it.asked["input"]) == 1),
    Spoils("drops-signature-upstream", THINKER, "asked body", lambda it: b"PROOF" not in it.received[0].body),
    Spoils(
        "drops-empty-thinking",
        CLAUDE.but(
            turns=(
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "", "signature": "PROOF"},
                        {"type": "thinking", "thinking": "hm", "signature": "KEPT"},
                    ],
                },
            )
        ),
        "asked body",
        lambda it: [block["signature"] for block in it.asked["messages"][1]["content"]] == ["KEPT"],
    ),
    Spoils(
        "drops-effort",
        asked(CLAUDE, output_config={"effort": "low"}),
        "asked body",
        lambda it: "output_config" not in it.asked,
    ),
    Spoils("drops-encrypted-content", REASONED, "body", lambda it: "PROOF" not in it.text),
    Spoils("drops-encrypted-content-upstream", REASONER, "asked body", lambda it: b"PROOF" not in it.received[0].body),
    Spoils("hides-unseen-thinking", CLAUDE.but(reply=UNSEEN), "body", lambda it: "PROOF" not in it.text),
    Spoils("hides-unseen-thinking", TOLD.but(reply=UNSEEN), "body", lambda it: "PROOF" not in it.text),
    Spoils("merges-thinking", CLAUDE.but(reply=PROOFS), "body", lambda it: it.text.count("PROOF") == 2),
    Spoils(
        "cuts-long-signatures",
        CLAUDE.but(reply=Reply(thinking=(Thinking("hm", "A" * 5000),))),
        "body",
        lambda it: len(it.json["content"][0]["signature"]) == 4096,
    ),
    Spoils("moves-thinking-first", MIXED, "asked body", lambda it: it.asked["messages"][1]["content"][1] == SAID_FIRST),
)
