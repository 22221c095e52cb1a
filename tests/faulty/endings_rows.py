"""What the faults in how streams break do to one, row by row."""

from __future__ import annotations

from conformance.upstream import Reply, ToolCall
from tests.faulty.seen import CHAT, CLAUDE, RESPONSES, Spoils

CALL = Reply(tool_calls=(ToolCall("one", "look", '{"city": "Oslo"}'),))
CALLED, CHATTED = CLAUDE.but(reply=CALL), CHAT.but(reply=CALL)

ENDINGS = (
    Spoils("makes-up-ending", CLAUDE.delivered(end_after=4), "body", lambda it: it.types[-1] == "message_stop"),
    Spoils("makes-up-ending", CHAT.delivered(cut_after=3), "body", lambda it: it.events[-1] == "[DONE]"),
    Spoils(
        "makes-up-ending", RESPONSES.delivered(end_after=6), "body", lambda it: it.types[-1] == "response.completed"
    ),
    Spoils("error-becomes-stop", CLAUDE.delivered(error_after=4), "body", lambda it: it.types[-1] == "message_stop"),
    Spoils("error-becomes-stop", CHAT.delivered(error_after=3), "body", lambda it: it.events[-1] == "[DONE]"),
    Spoils("swallows-errors-in-arguments", CALLED.delivered(error_after=5), "body", lambda it: "error" not in it.types),
    Spoils("ends-cleanly-in-arguments", CALLED.delivered(end_after=5), "body", lambda it: "error" not in it.types),
    Spoils("ends-cleanly-in-arguments", CHATTED.delivered(cut_after=5), "body", lambda it: "error" not in it.text),
    Spoils(
        "failed-becomes-completed",
        RESPONSES.delivered(error_after=3, error_form="failed"),
        "body",
        lambda it: it.types[-1] == "response.completed",
    ),
    Spoils(
        "drops-after-failed",
        RESPONSES.delivered(error_after=3, error_form="failed-then-error"),
        "body",
        lambda it: it.types[-1] == "response.failed",
    ),
    Spoils(
        "drops-error-beside-choices",
        CHAT.delivered(error_after=2, error_form="beside-choices"),
        "body",
        lambda it: it.events[-1]["choices"] == [] and "error" not in it.events[-1],
    ),
)
