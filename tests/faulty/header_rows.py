"""What the faults in headers and queries do to a call, where no header is one that anybody knows."""

from __future__ import annotations

from conformance.upstream import Delivery, ProviderError, Reply
from tests.faulty.seen import CHAT, CLAUDE, COUNT, Spoils

VENDOR = (("acme-trace", "T-1"),)
LINES = (("x-lines", "one"), ("x-lines", "two"))
ZIPPED = Reply(text="a", delivery=Delivery(encoding="gzip"))
AGENT = CLAUDE.but(headers=(("user-agent", "claude-cli/2.1"),), fields=(("metadata", {"user_id": "u"}),))

HEADERS_IN_DEPTH = (
    Spoils("known-headers-only", CHAT.but(headers=VENDOR), "asked headers", lambda it: not it.sent("acme-trace")),
    Spoils(
        "custom-headers-on-generation-only",
        COUNT.but(headers=VENDOR),
        "asked headers",
        lambda it: not it.sent("acme-trace"),
    ),
    Spoils(
        "cuts-header-values",
        CHAT.but(headers=(("x-long", "y" * 2000),)),
        "asked headers",
        lambda it: len(it.sent("x-long")[0]) == 1024,
    ),
    Spoils(
        "lowers-header-values",
        CHAT.but(headers=(("x-value", "Ab"),)),
        "asked headers",
        lambda it: it.sent("x-value") == ["ab"],
    ),
    Spoils("last-line-only", CHAT.but(headers=LINES), "asked headers", lambda it: it.sent("x-lines") == ["two"]),
    Spoils(
        "last-answer-line-only",
        CHAT.but(reply=Reply(text="a", headers=LINES)),
        "headers",
        lambda it: it.headers.get_list("x-lines") == ["two"],
    ),
    Spoils(
        "merges-query",
        CHAT.but(path="/v1/chat/completions?b=&a=1"),
        "asked query",
        lambda it: "b=" not in it.received[0].query,
    ),
    Spoils(
        "query-names-the-model",
        CHAT.but(path="/v1/chat/completions?model=other"),
        "asked body, body",
        lambda it: it.asked["model"].startswith("other"),
    ),
    Spoils(
        "asks-for-gzip-itself",
        CHAT.but(headers=(("accept-encoding", "identity"),)),
        "asked headers",
        lambda it: it.sent("accept-encoding") == ["gzip"],
    ),
    Spoils("rewrites-for-agents", AGENT, "asked body", lambda it: "metadata" not in it.asked),
    Spoils(
        "own-headers-only-in-streams",
        CHAT.but(stream=True),
        "headers",
        lambda it: "openai-version" not in it.headers,
    ),
    Spoils(
        "own-headers-only-on-errors",
        CHAT.but(reply=Reply(error=ProviderError(status=400))),
        "headers",
        lambda it: "openai-version" not in it.headers,
    ),
    Spoils(
        "own-headers-only-on-counts",
        COUNT,
        "headers",
        lambda it: "request-id" not in it.headers,
    ),
    Spoils(
        "forgets-the-coding",
        CHAT.but(reply=ZIPPED, headers=(("accept-encoding", "gzip"),)),
        "headers",
        lambda it: "content-encoding" not in it.headers,
    ),
)
