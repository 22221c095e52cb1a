"""What the faults around errors do to a call, where errors are more than a status and a message."""

from __future__ import annotations

from conformance.upstream import Delivery, ProviderError, Reply, Verbatim
from tests.faulty.seen import CHAT, CLAUDE, MODELS, RESPONSES, Spoils

JSON = (("content-type", "application/json"),)
HTML = Reply(verbatim=Verbatim(502, (("content-type", "text/html"),), b"<html>"))
ERROR_IN_200 = Reply(verbatim=Verbatim(200, JSON, b'{"error": {"message": "no"}}'))
MORE = Reply(verbatim=Verbatim(400, JSON, b'{"error": {"message": "no", "advice": 1}, "documentation": "x"}'))
UNAVAILABLE = Reply(error=ProviderError(status=503, retry_after="90"))
NOVEL = ProviderError(status=429, type="tempest", code="storm", message=f"<{'x' * 200}>")
LIMITED = Reply(error=ProviderError(status=429, headers=(("anthropic-ratelimit-unified-status", "rejected"),)))
ZIPPED = Reply(error=ProviderError(status=400), delivery=Delivery(encoding="gzip"))
TOLD = CLAUDE.but(stream=True)

ERRORS_IN_DEPTH = (
    Spoils(
        "knows-few-statuses",
        CHAT.but(reply=Reply(error=ProviderError(status=418))),
        "status",
        lambda it: it.status == 500,
    ),
    Spoils(
        "chokes-on-odd-errors",
        CHAT.but(reply=HTML),
        "status, headers, body",
        lambda it: it.status == 500,
    ),
    Spoils(
        "forgets-the-coding-of-errors",
        CHAT.but(reply=ZIPPED, headers=(("accept-encoding", "gzip"),)),
        "headers",
        lambda it: "content-encoding" not in it.headers,
    ),
    Spoils("fills-in-answers", CHAT.but(reply=ERROR_IN_200), "body", lambda it: "choices" in it.json),
    Spoils(
        "cuts-error-messages",
        CHAT.but(reply=Reply(error=NOVEL)),
        "body",
        lambda it: len(it.json["error"]["message"]) == 40,
    ),
    Spoils(
        "escapes-error-messages",
        CLAUDE.but(reply=Reply(error=NOVEL)),
        "body",
        lambda it: it.json["error"]["message"].startswith("&lt;"),
    ),
    Spoils(
        "drops-error-codes", CHAT.but(reply=Reply(error=NOVEL)), "body", lambda it: it.json["error"]["code"] is None
    ),
    Spoils(
        "drops-error-codes", CLAUDE.but(reply=Reply(error=NOVEL)), "body", lambda it: "details" not in it.json["error"]
    ),
    Spoils(
        "known-error-types-only",
        CLAUDE.but(reply=Reply(error=NOVEL)),
        "body",
        lambda it: it.json["error"]["type"] == "api_error",
    ),
    Spoils(
        "drops-unknown-error-fields", CHAT.but(reply=MORE), "body", lambda it: it.json == {"error": {"message": "no"}}
    ),
    Spoils(
        "renames-retry-after",
        CHAT.but(reply=UNAVAILABLE),
        "headers",
        lambda it: it.headers.get("provider-retry-after") == "90",
    ),
    Spoils("rounds-retry-after", CHAT.but(reply=UNAVAILABLE), "headers", lambda it: it.headers["retry-after"] == "60"),
    Spoils(
        "retry-after-only-on-429", CHAT.but(reply=UNAVAILABLE), "headers", lambda it: "retry-after" not in it.headers
    ),
    Spoils(
        "knows-few-rate-limits",
        CLAUDE.but(reply=LIMITED),
        "headers",
        lambda it: "anthropic-ratelimit-unified-status" not in it.headers,
    ),
    Spoils(
        "no-models-on-errors",
        MODELS.but(reply=UNAVAILABLE),
        "status, body",
        lambda it: (it.status, it.json.get("data")) == (200, []),
    ),
    Spoils(
        "hides-stream-messages",
        TOLD.delivered(error_after=3),
        "body",
        lambda it: it.events[-1]["error"]["message"] == "upstream error",
    ),
    Spoils(
        "retypes-stream-errors",
        TOLD.delivered(error_after=3),
        "body",
        lambda it: it.events[-1]["error"]["type"] == "relay_error",
    ),
    Spoils(
        "retypes-stream-errors",
        RESPONSES.delivered(error_after=3),
        "body",
        lambda it: it.events[-1]["code"] == "relay_error",
    ),
)
