"""What the faults do that send more credentials than one."""

from __future__ import annotations

from tests.faulty.seen import CHAT, CLAUDE, Spoils

ISOLATION_IN_DEPTH = (
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
