"""What the faults in streaming do to a stream, row by row."""

from __future__ import annotations

from conformance.upstream import Reply, ToolCall
from tests.faulty.seen import CHATTED, RESPONDED, TOLD, Seen, Spoils

ACCENTS = Reply(text="你好 😀")


def chunks(it: Seen) -> list[dict[str, object]]:
    return [event for event in it.events if event != "[DONE]"]


def ids(it: Seen) -> set[object]:
    return {event["id"] for event in chunks(it)}


STREAMING = (
    Spoils("loses-completed-id", RESPONDED, "body", lambda it: "id" not in it.events[-1]["response"]),
    Spoils("loses-last-delta", TOLD, "body", lambda it: "fine day." not in it.text),
    Spoils("loses-last-delta", CHATTED, "body", lambda it: "fine day." not in it.text),
    Spoils("loses-terminal", TOLD, "body", lambda it: it.types[-1] == "message_delta"),
    Spoils("loses-terminal", CHATTED, "body", lambda it: "[DONE]" not in it.text),
    Spoils("loses-terminal", RESPONDED, "body", lambda it: "response.completed" not in it.types),
    Spoils("repeats-terminal", TOLD, "body", lambda it: it.types[-2:] == ["message_stop"] * 2),
    Spoils("repeats-terminal", CHATTED, "body", lambda it: it.events[-2:] == ["[DONE]"] * 2),
    Spoils("appends-done", TOLD, "body", lambda it: it.events[-1] == "[DONE]"),
    Spoils("appends-done", RESPONDED, "body", lambda it: it.events[-1] == "[DONE]"),
    Spoils("repeats-start", TOLD, "body", lambda it: it.types[:2] == ["message_start"] * 2),
    Spoils("repeats-start", RESPONDED, "body", lambda it: it.types[:2] == ["response.created"] * 2),
    Spoils("repeats-start", CHATTED, "body", lambda it: it.events[0] == it.events[1]),
    Spoils("loses-stop-event", TOLD, "body", lambda it: "message_delta" not in it.types),
    Spoils("loses-stop-event", CHATTED, "body", lambda it: '"finish_reason":"stop"' not in it.text),
    Spoils("drops-event-names", TOLD, "body", lambda it: "event:" not in it.text),
    Spoils("swaps-events", TOLD, "body", lambda it: it.text.index("It is a") < it.text.index("Gr")),
    Spoils("repeats-a-delta", CHATTED, "body", lambda it: it.text.count("Grüße") == 2),
    Spoils("interleaves-blocks", TOLD, "body", lambda it: 1 in [event.get("index") for event in it.events]),
    Spoils(
        "restarts-indices",
        TOLD.but(reply=Reply(text="a", tool_calls=(ToolCall("t", "n"),))),
        "body",
        lambda it: '"index":1' not in it.text,
    ),
    Spoils("loses-item-done", TOLD, "body", lambda it: "content_block_stop" not in it.types),
    Spoils("loses-item-done", RESPONDED, "body", lambda it: "response.output_item.done" not in it.types),
    Spoils(
        "skips-sequence-numbers",
        RESPONDED,
        "body",
        lambda it: [event["sequence_number"] for event in it.events][:3] == [0, 2, 4],
    ),
    Spoils("drops-pings", TOLD.delivered(pings=True), "body", lambda it: "ping" not in it.types),
    Spoils("drops-comments", CHATTED.delivered(comments=True), "body", lambda it: "\n:" not in it.text),
    Spoils("decodes-each-chunk", TOLD.but(reply=ACCENTS), "body", lambda it: "\ufffd" in it.text),
    Spoils("splits-on-lf-only", TOLD.delivered(line_end="\r\n"), "body", lambda it: not it.body),
    Spoils("chokes-on-unknown-event", TOLD.delivered(unknown_event=True), "body, ending", lambda it: not it.whole),
    Spoils("drops-unknown-events", TOLD.delivered(unknown_event=True), "body", lambda it: "unheard_of" not in it.types),
    Spoils(
        "drops-unknown-events",
        RESPONDED.delivered(unknown_event=True),
        "body",
        lambda it: "response.unheard_of" not in it.types,
    ),
    Spoils("says-text-plain", TOLD, "headers", lambda it: it.headers["content-type"].startswith("text/plain")),
    Spoils("says-json", TOLD, "headers", lambda it: it.headers["content-type"] == "application/json"),
    Spoils(
        "cuts-long-events",
        TOLD.but(reply=Reply(text=("long" * 2**15, "b"))),
        "body",
        lambda it: "longlong" not in it.text,
    ),
    Spoils("changes-created", CHATTED, "body", lambda it: len({event["created"] for event in chunks(it)}) > 2),
    Spoils("new-id-each-chunk", CHATTED, "body", lambda it: len(ids(it)) > 2),
)
