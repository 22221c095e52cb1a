"""What the faults in connections do to a call, row by row."""

from __future__ import annotations

from conformance.upstream import Raw, Reply
from tests.faulty.error_rows import REFUSED
from tests.faulty.seen import CHAT, RESPONDED, TOLD, Spoils, asked, with_header

CHUNKED = Reply(raw=Raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"))

CONNECTION = (
    Spoils("cut-becomes-clean-end", TOLD.delivered(cut_after=4), "body", lambda it: "error" not in it.types),
    Spoils(
        "truncation-becomes-clean-end", RESPONDED.delivered(end_after=4), "body", lambda it: "error" not in it.types
    ),
    Spoils(
        "cut-becomes-success",
        CHAT.delivered(cut_after=1).but(stream=False),
        "body, ending",
        lambda it: it.whole and it.json["id"],
    ),
    Spoils("retries-errors", CHAT.but(reply=REFUSED), "calls", lambda it: len(it.received) == 2),
    Spoils("retries-cuts", CHAT.delivered(cut_after=1).but(stream=False), "calls", lambda it: len(it.received) == 2),
    Spoils("calls-twice", CHAT, "calls", lambda it: len(it.received) == 2),
    Spoils(
        "pins-retry-count",
        with_header("x-stainless-retry-count", "2", on=CHAT),
        "asked headers",
        lambda it: it.sent("x-stainless-retry-count") == ["0"],
    ),
    Spoils(
        "refuses-coded-requests",
        with_header("content-encoding", "identity", on=CHAT),
        "calls, asked headers, asked query, asked body, status, headers, body",
        lambda it: it.status == 400,
    ),
    Spoils(
        "talks-over-early-answers",
        asked(CHAT, padding="x" * 2**21).but(reply=REFUSED),
        "status, headers, body",
        lambda it: it.status == 502,
    ),
    Spoils("goes-by-lengths-only", CHAT.but(reply=CHUNKED), "body", lambda it: not it.body),
)
