"""What the faults in headers and queries do to a call, row by row."""

from __future__ import annotations

from conformance.upstream import Delivery, ProviderError, Reply
from tests.faulty.seen import CHAT, CLAUDE, COUNT, Spoils, with_header

BETAS = CLAUDE.but(headers=(("anthropic-beta", "never-seen-2099-01-01, effort-2025-11-24"), ("anthropic-beta", "b2")))
COUNT_BETAS = COUNT.but(headers=BETAS.headers)
VENDOR = (("acme-trace", "T-1"),)
LINES = (("x-lines", "one"), ("x-lines", "two"))
ZIPPED = Reply(text="a", delivery=Delivery(encoding="gzip"))
AGENT = CLAUDE.but(headers=(("user-agent", "claude-cli/2.1"),), fields=(("metadata", {"user_id": "u"}),))

HEADERS = (
    Spoils(
        "sorts-betas",
        with_header("anthropic-beta", "b2,a1"),
        "asked headers",
        lambda it: [token.strip() for line in it.sent("anthropic-beta") for token in line.split(",")] == ["a1", "b2"],
    ),
    Spoils("drops-beta", BETAS, "asked headers", lambda it: not it.sent("anthropic-beta")),
    Spoils(
        "first-beta-only",
        BETAS,
        "asked headers",
        lambda it: it.sent("anthropic-beta") == ["never-seen-2099-01-01", "b2"],
    ),
    Spoils("known-betas-only", BETAS, "asked headers", lambda it: it.sent("anthropic-beta") == ["effort-2025-11-24"]),
    Spoils("merges-no-repeats", BETAS, "asked headers", lambda it: "b2" not in it.sent("anthropic-beta")),
    Spoils("no-beta-on-count-tokens", COUNT_BETAS, "asked headers", lambda it: not it.sent("anthropic-beta")),
    Spoils("pins-version", CLAUDE, "asked headers", lambda it: it.sent("anthropic-version") == ["2023-06-01"]),
    Spoils("pins-new-version", CLAUDE, "asked headers", lambda it: it.sent("anthropic-version") == ["2026-10-21"]),
    Spoils(
        "version-pinned-on-count-tokens",
        COUNT,
        "asked headers",
        lambda it: it.sent("anthropic-version") == ["2023-06-01"],
    ),
    Spoils("drops-query", CHAT, "asked query", lambda it: not it.received[0].query),
    Spoils("drops-custom-headers", with_header("x-mine"), "asked headers", lambda it: not it.sent("x-mine")),
    Spoils("drops-traceparent", with_header("traceparent"), "asked headers", lambda it: not it.sent("traceparent")),
    Spoils(
        "drops-idempotency-key",
        with_header("idempotency-key"),
        "asked headers",
        lambda it: not it.sent("idempotency-key"),
    ),
    Spoils(
        "drops-openai-headers",
        with_header("openai-beta", on=CHAT),
        "asked headers",
        lambda it: not it.sent("openai-beta"),
    ),
    Spoils("hides-user-agent", CHAT, "asked headers", lambda it: it.sent("user-agent") == ["relay/1.0"]),
    Spoils(
        "drops-session-id",
        with_header("x-claude-code-session-id"),
        "asked headers",
        lambda it: not it.sent("x-claude-code-session-id"),
    ),
    Spoils("forwards-cookies", with_header("cookie", "a=b"), "asked headers", lambda it: it.sent("cookie") == ["a=b"]),
    Spoils(
        "forwards-hop-by-hop",
        CHAT.but(headers=(("connection", "x-hop"), ("x-hop", "1"))),
        "asked headers",
        lambda it: it.sent("x-hop") == ["1"],
    ),
    Spoils("answers-own-headers-only", CHAT, "headers", lambda it: "openai-version" not in it.headers),
    Spoils("loses-request-id", CLAUDE, "headers", lambda it: "request-id" not in it.headers),
    Spoils("loses-request-id", CHAT, "headers", lambda it: "x-request-id" not in it.headers),
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
