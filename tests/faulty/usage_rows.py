"""What the faults in counting do to a call, row by row."""

from __future__ import annotations

from conformance.upstream import ProviderError, Reply, Usage
from tests.faulty.error_rows import REFUSED
from tests.faulty.seen import CHAT, CLAUDE, COUNT, METERED, MODELS, RESPONSES, TOLD, Spoils, asked

WRITTEN = {"cache_creation": {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 15}}
COUNTED = CLAUDE.but(reply=Reply(text="a", usage=Usage(input=100, output=50, cache_write=20, extra=WRITTEN)))
NOVEL = CHAT.but(reply=Reply(text="a", usage=Usage(extra={"tokens_of_tomorrow": 1})))
UNCOUNTED = Reply(text="a", extra={"usage": None})
CUT = Reply(text="a", stop="length")

USAGE = (
    Spoils("breaks-model-lists", MODELS, "body", lambda it: list(it.json) == ["models"]),
    Spoils("loses-usage", CHAT, "body", lambda it: "usage" not in it.json),
    Spoils("loses-usage", TOLD, "body", lambda it: "usage" not in it.text),
    Spoils("loses-cached-usage", CLAUDE, "body", lambda it: it.json["usage"]["cache_read_input_tokens"] == 0),
    Spoils(
        "loses-cached-usage", CHAT, "body", lambda it: it.json["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
    ),
    Spoils(
        "loses-reasoning-usage",
        RESPONSES,
        "body",
        lambda it: it.json["usage"]["output_tokens_details"]["reasoning_tokens"] == 0,
    ),
    Spoils("counts-twice", CHAT, "body", lambda it: it.json["usage"]["prompt_tokens"] == 200),
    Spoils("usage-only-when-whole", METERED, "body", lambda it: "prompt_tokens" not in it.text),
    Spoils("usage-only-when-whole", TOLD, "body", lambda it: '"output_tokens":50' not in it.text),
    Spoils(
        "guesses-token-count",
        COUNT,
        "body",
        lambda it: it.json["input_tokens"] != Usage().input and it.json["input_tokens"] < 100,
    ),
    Spoils(
        "guesses-when-refused",
        COUNT.but(reply=REFUSED),
        "status, body",
        lambda it: it.status == 200 and it.json["input_tokens"],
    ),
    Spoils("drops-fields-when-counting", asked(COUNT, system="s"), "asked body", lambda it: "system" not in it.asked),
    Spoils("invents-models", MODELS, "body", lambda it: [model["id"] for model in it.json["data"]] == ["relay-model"]),
    Spoils(
        "flattens-cache-writes",
        COUNTED,
        "body",
        lambda it: it.json["usage"]["cache_creation"]["ephemeral_5m_input_tokens"] == 20,
    ),
    Spoils("drops-unlisted-usage", NOVEL, "body", lambda it: "tokens_of_tomorrow" not in it.json["usage"]),
    Spoils("drops-unlisted-usage", CLAUDE, "body", lambda it: "service_tier" not in it.json["usage"]),
    Spoils(
        "zero-usage-is-lost",
        CHAT.but(reply=Reply(text="a", usage=Usage(input=1, output=0))),
        "body",
        lambda it: "completion_tokens" not in it.json["usage"],
    ),
    Spoils(
        "totals-what-is-not-cached",
        RESPONSES.but(reply=Reply(text="a", usage=Usage(input=100, output=50, cache_read=30))),
        "body",
        lambda it: it.json["usage"]["total_tokens"] == 120,
    ),
    Spoils(
        "caps-usage",
        RESPONSES.but(reply=Reply(text="a", usage=Usage(input=2**40))),
        "body",
        lambda it: it.json["usage"]["input_tokens"] == 2**31 - 1,
    ),
    Spoils("estimates-usage", CHAT.but(reply=UNCOUNTED), "body", lambda it: it.json["usage"] is not None),
    Spoils(
        "estimates-usage",
        RESPONSES.but(reply=UNCOUNTED, stream=True),
        "body",
        lambda it: it.events[-1]["response"]["usage"] is not None,
    ),
    Spoils("usage-only-when-complete", CHAT.but(reply=CUT), "body", lambda it: "usage" not in it.json),
    Spoils("usage-only-when-complete", RESPONSES.but(reply=CUT), "body", lambda it: "usage" not in it.json),
    Spoils(
        "sums-running-usage",
        CLAUDE.but(stream=True),
        "body",
        lambda it: [event["usage"]["output_tokens"] for event in it.events if "usage" in event] == [51],
    ),
    Spoils(
        "doubts-small-counts",
        COUNT.but(reply=Reply(input_tokens=0)),
        "body",
        lambda it: it.json["input_tokens"],
    ),
    Spoils(
        "count-errors-become-500",
        COUNT.but(reply=Reply(error=ProviderError(status=429))),
        "status",
        lambda it: it.status == 500,
    ),
)
