"""What the faults in keeping credentials apart do to a call, row by row."""

from __future__ import annotations

from tests.faulty.error_rows import REFUSED
from tests.faulty.seen import CHAT, CLAUDE, MODELS, Spoils, with_header

ISOLATION = (
    Spoils("adds-provider-key-to-errors", CHAT.but(reply=REFUSED), "body", lambda it: "(called with sk-" in it.text),
    Spoils("leaks-client-key", CLAUDE, "asked headers", lambda it: it.sent("authorization")),
    Spoils("leaks-client-key", CHAT, "asked headers", lambda it: it.sent("x-api-key")),
    Spoils("leaks-client-key-on-models", MODELS, "asked headers", lambda it: it.sent("x-api-key")),
    Spoils(
        "leaks-client-key-to-agents",
        with_header("user-agent", "claude-cli/2.1"),
        "asked headers",
        lambda it: it.sent("authorization"),
    ),
    Spoils("leaks-client-key-in-query", CHAT, "asked query", lambda it: "key=sk-" in it.received[0].query),
    Spoils("crosses-provider-keys", CHAT, "asked headers", lambda it: it.sent("x-api-key")),
    Spoils("leaks-provider-key-in-answers", CLAUDE, "body", lambda it: '"api_key":"sk-' in it.text),
    Spoils("leaks-provider-key-encoded", CHAT, "headers", lambda it: "x-relay-upstream" in it.headers),
    Spoils(
        "forwards-other-carriers",
        CHAT.but(headers=(("api-key", "k"), ("x-goog-api-key", "g"))),
        "asked headers",
        lambda it: (it.sent("api-key"), it.sent("x-goog-api-key")) == (["k"], ["g"]),
    ),
    Spoils(
        "carries-the-provider-key-twice",
        CLAUDE,
        "asked headers",
        lambda it: "Bearer sk-" in str(it.sent("authorization")),
    ),
    Spoils("leaves-an-empty-bearer", CLAUDE, "asked headers", lambda it: it.sent("authorization") == ["Bearer"]),
)
