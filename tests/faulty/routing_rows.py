"""What the faults of routing do to a call: who is asked, in which order, for what, and with whose key."""

from __future__ import annotations

from conformance.faulty.router import HEADER
from conformance.upstream import Delivery, ProviderError, Reply
from tests.faulty.seen import CHAT, CLAUDE, RESPONSES, Seen, Spoils, Stimulus


def _providers(seen: Seen) -> list[str]:
    return [call.provider for call in seen.received]


def _chosen(value: str) -> Stimulus:
    return CHAT.but(headers=((HEADER, value),))


def asked_for(model: str, reply: Reply = CHAT.reply) -> Stimulus:
    return CHAT.but(fields=(("model", model),), reply=reply)


def _failing(status: int) -> Stimulus:
    return asked_for("relay-sure", Reply(error=ProviderError(status=status, retry_after="7")))


_MISTRALS = "asked headers, body, headers"
_CUT = Reply(text=("One ", "two."), delivery=Delivery(cut_after=2))

ROUTING = (
    Spoils("ignores-the-choice", _chosen("mistral"), _MISTRALS, lambda it: _providers(it) == ["openai"]),
    Spoils("chooses-by-the-letter", _chosen("Mistral"), _MISTRALS, lambda it: _providers(it) == ["openai"]),
    Spoils("chooses-by-the-beginning", _chosen("mistral-2"), _MISTRALS, lambda it: _providers(it) == ["mistral"]),
    Spoils(
        "forwards-the-alias", asked_for("relay-fast"), "asked body, body", lambda it: it.asked["model"] == "relay-fast"
    ),
    Spoils(
        "answers-for-unknown-models",
        asked_for("nobodys"),
        "asked body, body",
        lambda it: it.asked["model"] == "gpt-5-mini",
    ),
    Spoils(
        "routes-chat-alone",
        RESPONSES.but(fields=(("model", "relay-sure"),), reply=_failing(503).reply),
        "calls, headers, body",
        lambda it: _providers(it) == ["openai"],
    ),
    Spoils("never-falls-back", _failing(503), "calls, body, headers", lambda it: _providers(it) == ["openai"]),
    Spoils("falls-back-on-429-only", _failing(503), "calls, body, headers", lambda it: _providers(it) == ["openai"]),
    Spoils("falls-back-on-all-errors", _failing(400), "calls, headers", lambda it: len(it.received) == 3),
    Spoils("stays-with-who-refuses", _failing(503), "body, headers", lambda it: _providers(it) == ["openai"] * 3),
    Spoils(
        "falls-back-backwards", _failing(503), "asked headers, body, headers", lambda it: _providers(it)[0] == "azure"
    ),
    Spoils(
        "falls-back-for-all-models",
        CHAT.but(reply=Reply(error=ProviderError(status=503))),
        "calls, body, headers",
        lambda it: _providers(it) == ["openai", "mistral"],
    ),
    Spoils(
        "falls-back-in-mid-stream",
        asked_for("relay-sure", _CUT).but(stream=True),
        "calls, body",
        lambda it: len(it.received) == 2,
    ),
    Spoils("sends-every-key", CHAT, "asked headers", lambda it: it.sent("x-keys")),
    Spoils(
        "sends-the-first-key", _chosen("mistral"), "asked headers, status, headers, body", lambda it: it.status == 401
    ),
    Spoils(
        "names-the-model-in-streams",
        CLAUDE.but(stream=True),
        "body",
        lambda it: it.events[0]["message"]["model"] == "relay-large",
    ),
    Spoils(
        "names-the-model-in-streams", CHAT.but(stream=True), "body", lambda it: it.events[0]["model"] == "relay-large"
    ),
)
