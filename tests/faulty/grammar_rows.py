"""What the faults in the grammar of streams do to one, row by row."""

from __future__ import annotations

from conformance.upstream import Reply, Thinking
from tests.faulty.endings_rows import CALL
from tests.faulty.seen import CHAT, CHATTED, CLAUDE, METERED, RESPONDED, TOLD, Spoils

THOUGHT = TOLD.but(reply=Reply(text="42", thinking=(Thinking("hm hm", "PROOF"),)))


def delta_of(event: object) -> object:
    """What an event adds."""
    if not isinstance(event, dict):
        return None
    return event.get("delta") or [choice["delta"] for choice in event.get("choices", [])]


GRAMMAR = (
    *(
        Spoils(
            "knows-the-members-of-deltas",
            on.delivered(framing="unheard-of"),
            "body",
            lambda it: not [event for event in it.events if "unheard_of" in str(delta_of(event))],
        )
        for on in (CLAUDE, CHAT)
    ),
    Spoils("thinking-in-text-block", THOUGHT, "body", lambda it: '"type":"thinking",' not in it.text),
    Spoils("error-after-the-end", TOLD, "body", lambda it: it.types[-2:] == ["message_stop", "error"]),
    Spoils("error-after-the-end", RESPONDED, "body", lambda it: it.types[-2:] == ["response.completed", "error"]),
    Spoils("error-after-the-end", CHATTED, "body", lambda it: "error" in it.events[-1]),
    Spoils("loses-role", CHATTED, "body", lambda it: '"role"' not in it.text),
    Spoils("repeats-call-names", CHATTED.but(reply=CALL), "body", lambda it: it.text.count('"look"') > 2),
    Spoils("finishes-twice", CHATTED, "body", lambda it: it.text.count('"finish_reason":"stop"') == 2),
    Spoils("model-changes-midway", CHATTED, "body", lambda it: '"m-0613"' in it.text),
    Spoils("usage-before-finish", METERED, "body", lambda it: it.events[-2]["choices"]),
    Spoils(
        "new-item-id-each-event",
        RESPONDED,
        "body",
        lambda it: len({event["item_id"] for event in it.events if "item_id" in event}) > 1,
    ),
    Spoils(
        "completes-in-progress",
        RESPONDED,
        "body",
        lambda it: it.events[-1]["response"]["status"] == "in_progress",
    ),
    Spoils(
        "drops-content-parts",
        RESPONDED,
        "body",
        lambda it: not [kind for kind in it.types if "content_part" in kind] and it.events[-1]["sequence_number"],
    ),
    Spoils("garbles-argument-deltas", RESPONDED.but(reply=CALL), "body", lambda it: '"delta":"####"' in it.text),
    Spoils("signs-first", THOUGHT, "body", lambda it: it.text.index("PROOF") < it.text.index("hm hm")),
    Spoils("start-without-usage", TOLD, "body", lambda it: "usage" not in it.events[0]["message"]),
    Spoils("stops-without-reason", TOLD, "body", lambda it: '"stop_reason":"end_turn"' not in it.text),
)
