"""What the faults around errors do to one, row by row."""

from __future__ import annotations

from conformance.upstream import Delivery, ProviderError, Reply, Verbatim
from tests.faulty.seen import CHAT, CLAUDE, MODELS, RESPONSES, TOLD, Spoils

LIMITED = ProviderError(status=429, message="slow down", retry_after="7", headers=(("x-should-retry", "true"),))
REFUSED = Reply(error=LIMITED)
OVERLOADED = CLAUDE.but(reply=Reply(error=ProviderError(status=529)))
TOO_LARGE = CLAUDE.but(reply=Reply(error=ProviderError(status=413)))
JSON = (("content-type", "application/json"),)
HTML = Reply(verbatim=Verbatim(502, (("content-type", "text/html"),), b"<html>"))
ERROR_IN_200 = Reply(verbatim=Verbatim(200, JSON, b'{"error": {"message": "no"}}'))
MORE = Reply(verbatim=Verbatim(400, JSON, b'{"error": {"message": "no", "advice": 1}, "documentation": "x"}'))
UNAVAILABLE = Reply(error=ProviderError(status=503, retry_after="90"))
NOVEL = ProviderError(status=429, type="tempest", code="storm", message=f"<{'x' * 200}>")
UNIFIED = Reply(error=ProviderError(status=429, headers=(("anthropic-ratelimit-unified-status", "rejected"),)))
ZIPPED = Reply(error=ProviderError(status=400), delivery=Delivery(encoding="gzip"))

ERRORS = (
    Spoils("hides-the-message", CHAT.but(reply=REFUSED), "body", lambda it: "slow down" not in it.text),
    Spoils("flattens-status", CHAT.but(reply=REFUSED), "status", lambda it: it.status == 400),
    Spoils("flattens-status", OVERLOADED, "status", lambda it: it.status == 500),
    Spoils("413-becomes-400", TOO_LARGE, "status", lambda it: it.status == 400),
    Spoils("529-becomes-500", OVERLOADED, "status", lambda it: it.status == 500),
    Spoils("foreign-envelope", CHAT.but(reply=REFUSED), "body", lambda it: it.json == {"detail": "slow down"}),
    Spoils(
        "rewords-errors",
        CHAT.but(reply=REFUSED),
        "body",
        lambda it: it.json["error"]["message"] == "RelayException: slow down",
    ),
    Spoils("retypes-errors", CLAUDE.but(reply=REFUSED), "body", lambda it: it.json["error"]["type"] == "relay_error"),
    Spoils("loses-retry-after", CHAT.but(reply=REFUSED), "headers", lambda it: "retry-after" not in it.headers),
    Spoils("loses-rate-limits", CHAT, "headers", lambda it: "x-ratelimit-limit-requests" not in it.headers),
    Spoils("loses-retry-hints", CHAT.but(reply=REFUSED), "headers", lambda it: "x-should-retry" not in it.headers),
    Spoils(
        "loses-error-request-id", CLAUDE.but(reply=REFUSED), "headers, body", lambda it: "request_id" not in it.json
    ),
    Spoils(
        "errors-as-200",
        TOLD.but(reply=REFUSED),
        "status, headers, body",
        lambda it: it.status == 200 and it.events[0]["error"]["message"] == "slow down",
    ),
    Spoils("swallows-stream-errors", TOLD.delivered(error_after=3), "body", lambda it: "error" not in it.types),
    Spoils(
        "rewords-stream-errors",
        TOLD.delivered(error_after=3),
        "body",
        lambda it: it.events[-1]["error"]["message"].startswith("RelayException"),
    ),
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
        CLAUDE.but(reply=UNIFIED),
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
