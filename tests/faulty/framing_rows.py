"""What the faults of home-made parsers do to a stream, row by row."""

from __future__ import annotations

from conformance.upstream import Reply
from tests.faulty.seen import CHAT, TOLD, Spoils

ODD = TOLD.but(reply=Reply(text="one\u2028two"))
FACE = CHAT.but(reply=Reply(text="😀"))
LARGE = CHAT.but(stream=True, reply=Reply(text=("large" * 2**18, "small")))
MANY = CHAT.but(stream=True, reply=Reply(text=tuple(f"{number}. " for number in range(1100))))

CODED = CHAT.but(stream=True, headers=(("accept-encoding", "gzip"),)).delivered(encoding="gzip")

FRAMING = (
    Spoils("needs-a-space", TOLD.delivered(framing="no-space"), "body", lambda it: not it.body),
    Spoils(
        "reads-one-data-line",
        TOLD.delivered(framing="several-data-lines"),
        "body",
        lambda it: it.text.count("data: ") == it.text.count("event: "),
    ),
    Spoils("chokes-on-other-fields", TOLD.delivered(framing="other-fields"), "body, ending", lambda it: not it.whole),
    Spoils("comments-end-events", TOLD.delivered(framing="comments-inside"), "body", lambda it: ":\n\ndata" in it.text),
    Spoils("needs-the-name-first", TOLD.delivered(framing="data-first"), "body", lambda it: "event:" not in it.text),
    Spoils("needs-an-event-first", TOLD.delivered(comments=True), "body, ending", lambda it: not it.whole),
    Spoils(
        "takes-the-byte-order-mark-for-text",
        TOLD.delivered(framing="byte-order-mark"),
        "body",
        lambda it: "event: message_start" not in it.text,
    ),
    Spoils("knows-no-lone-cr", TOLD.delivered(line_end="\r"), "body", lambda it: not it.body),
    Spoils("splits-lines-like-python", ODD, "body", lambda it: "one\ntwo" in it.text),
    Spoils("unescapes-by-halves", FACE.delivered(framing="escaped"), "body", lambda it: "\ufffd\ufffd" in it.text),
    Spoils("cuts-events-over-a-megabyte", LARGE, "body", lambda it: "large" not in it.text),
    Spoils("forgets-after-a-thousand-events", MANY, "body", lambda it: "1050. " not in it.text),
    Spoils("chokes-on-untyped", TOLD.delivered(content_type=""), "status, headers, body", lambda it: it.status == 502),
    Spoils("mislabels-coded-streams", CODED, "headers", lambda it: it.headers["content-encoding"] == "deflate"),
)
