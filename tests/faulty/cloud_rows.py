"""What the faults on the clouds' own paths do to a call."""

from __future__ import annotations

from conformance.oracles import frames
from conformance.upstream import Delivery, ProviderError, Reply
from tests.faulty.seen import AZURE, BEDROCK, PATHS, VERTEX, Seen, Spoils, Stimulus

WRONG = (("authorization", "Bearer sk-wrong-0123456789abcdef"),)
BEDROCKS = BEDROCK.but(path="/model/m/invoke-with-response-stream")
BROKEN = Reply(text="One two three.", delivery=Delivery(error_after=3))
CONVERSE = BEDROCK.but(
    path="/model/m/converse", fields=(("toolConfig", {"tools": [{"toolSpec": {"name": "t"}}, {"cachePoint": {}}]}),)
)
RESPONSES = AZURE.but(path="/openai/responses?api-version=2025-04-01-preview")
ARN = BEDROCK.but(path="/model/arn:aws:x%2Fabc/invoke")
BETAS = BEDROCK.but(fields=(("anthropic_version", "2099-01-01"), ("anthropic_beta", ["never-seen"])))
FILTERED = AZURE.but(reply=Reply(error=ProviderError(status=400, code="content_filter")))
UNSEEN = "asked headers, asked query, asked body, calls, status, headers, body"


def _asked(seen: Seen) -> str:
    return seen.received[0].path


def _counting(on: Stimulus, path: str) -> Stimulus:
    return on.but(path=path, reply=Reply(input_tokens=7))


def _types(seen: Seen) -> list[str]:
    types: list[str] = []
    try:
        types.extend(frame.event["type"] for frame in frames(seen.body))
    except AssertionError:
        types.append("cut")
    return types


EDITED = BEDROCK.but(fields=(("context_management", {"edits": []}),))

CLOUDS = (
    Spoils("drops-context-management", EDITED, "asked body", lambda it: "context_management" not in it.asked),
    Spoils("drops-filter-results", AZURE, "body", lambda it: "content_filter" not in it.text),
    Spoils(
        "calls-frames-events",
        BEDROCKS,
        "headers",
        lambda it: it.headers["content-type"].startswith("text/event-stream"),
    ),
    Spoils("frames-without-sums", BEDROCKS, "body", lambda it: it.body.endswith(bytes(4))),
    Spoils("swaps-frames", BEDROCKS, "body", lambda it: _types(it)[:2] == ["content_block_start", "message_start"]),
    Spoils("cuts-the-last-frame", BEDROCKS, "body", lambda it: _types(it)[-1] == "cut"),
    Spoils(
        "swallows-exceptions-of-streams",
        BEDROCKS.but(reply=BROKEN),
        "body",
        lambda it: b":exception-type" not in it.body,
    ),
    Spoils(
        "swallows-exceptions-of-streams",
        VERTEX.but(path=PATHS[VERTEX.surface].replace("raw", "streamRaw"), reply=BROKEN, stream=True),
        "body",
        lambda it: "event: error" not in it.text,
    ),
    Spoils(
        "says-the-model-twice", BEDROCK, "asked body, status, headers, body", lambda it: it.asked.get("model") == "m"
    ),
    Spoils(
        "pins-cloud-versions", BETAS, "asked body", lambda it: it.asked["anthropic_version"] == "bedrock-2023-05-31"
    ),
    Spoils("drops-body-betas", BETAS, "asked body", lambda it: "anthropic_beta" not in it.asked),
    Spoils(
        "refuses-clouds-in-openais-envelope",
        BEDROCK.but(headers=WRONG),
        "headers, body",
        lambda it: "error" in it.json,
    ),
    Spoils("knows-no-converse", CONVERSE, UNSEEN, lambda it: it.status == 404),
    Spoils("knows-no-cloud-counting", _counting(BEDROCK, "/model/m/count-tokens"), UNSEEN, lambda it: it.status == 404),
    Spoils("knows-no-azure-responses", RESPONSES, UNSEEN, lambda it: it.status == 404),
    Spoils("moves-cache-points", CONVERSE, "asked body", lambda it: len(it.asked["toolConfig"]["tools"]) == 1),
    Spoils("decodes-model-ids", ARN, "status, headers, body", lambda it: "x/abc" in _asked(it)),
    Spoils("cuts-model-ids", ARN, "body", lambda it: _asked(it).endswith("/model/arn/invoke")),
    Spoils(
        "drops-model-dates",
        VERTEX.but(path=PATHS[VERTEX.surface].replace("m:", "m@20260514:")),
        "body",
        lambda it: _asked(it).endswith("/m:rawPredict"),
    ),
    Spoils(
        "forwards-session-tokens",
        BEDROCK.but(headers=(("x-amz-security-token", "t"),)),
        "asked headers",
        lambda it: it.sent("x-amz-security-token") == ["t"],
    ),
    Spoils("pins-api-versions", AZURE, "asked query", lambda it: "2024-10-21" in it.received[0].query),
    Spoils("hides-filter-details", FILTERED, "body", lambda it: "innererror" not in it.text),
)
