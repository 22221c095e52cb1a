"""What the faults on the Gemini surface do to a call."""

from __future__ import annotations

import json
from typing import Any

from conformance.upstream import Reply, Thinking, ToolCall, Usage
from tests.faulty.seen import GEMINI, Seen, Spoils

CALLS = (ToolCall("c1", "tide", "{}"), ToolCall("c2", "wind", "{}"))
SAID = GEMINI.but(
    reply=Reply(
        text="High tide.",
        thinking=(Thinking("First the moon.", "c2lnbmVk"),),
        tool_calls=CALLS,
        usage=Usage(100, 50, reasoning=10),
        extra={"neverSeen": 1},
    )
)
STREAM = SAID.but(path="/v1beta/models/m:streamGenerateContent", stream=True)
EVENTS = SAID.but(path="/v1beta/models/m:streamGenerateContent?alt=sse", stream=True)
RESULTS = [{"functionResponse": {"id": call.id, "name": call.name, "response": {"output": "x"}}} for call in CALLS]
SIGNED = {"functionCall": {"id": "c1", "name": "tide", "args": {}}, "thoughtSignature": "c2lnbmVk"}
GIVEN_BACK = GEMINI.but(turns=({"role": "model", "parts": [SIGNED]}, {"role": "user", "parts": RESULTS}))
REFUSED = GEMINI.but(headers=(("x-goog-api-key", "sk-wrong-0123456789abcdef"),))
BY_HEADER = "x-goog-api-key"


def _parts(seen: Seen) -> Any:
    return seen.json["candidates"][0]["content"]["parts"]


GEMINIS = (
    Spoils(
        "says-every-gemini-answer-stopped",
        GEMINI.but(reply=Reply(text="cut", stop="length")),
        "body",
        lambda it: it.json["candidates"][0]["finishReason"] == "STOP",
    ),
    Spoils(
        "drops-function-call-ids",
        SAID,
        "body",
        lambda it: [part["functionCall"].get("id") for part in _parts(it) if "functionCall" in part] == [None, None],
    ),
    Spoils(
        "names-results-by-id",
        GIVEN_BACK,
        "asked body",
        lambda it: it.asked["contents"][2]["parts"][0]["functionResponse"]["name"] == "c1",
    ),
    Spoils("one-function-call-a-turn", GIVEN_BACK, "asked body", lambda it: len(it.asked["contents"][2]["parts"]) == 1),
    Spoils("drops-thought-signatures", SAID, "body", lambda it: "thoughtSignature" not in it.text),
    Spoils(
        "drops-thought-signatures-upstream",
        GIVEN_BACK,
        "asked body",
        lambda it: "thoughtSignature" not in json.dumps(it.asked),
    ),
    Spoils("moves-thought-signatures", GIVEN_BACK, "asked body", lambda it: len(it.asked["contents"][1]["parts"]) == 2),
    Spoils("counts-thoughts-as-said", SAID, "body", lambda it: it.json["usageMetadata"]["candidatesTokenCount"] == 50),
    Spoils("loses-gemini-usage", SAID, "body", lambda it: "usageMetadata" not in it.json),
    Spoils("knows-few-gemini-fields", SAID, "body", lambda it: "neverSeen" not in it.json),
    Spoils(
        "forwards-known-gemini-fields",
        GEMINI.but(fields=(("labels", {"team": "fjord"}),)),
        "asked body",
        lambda it: "labels" not in it.asked,
    ),
    Spoils("keeps-alive-by-comments", EVENTS, "body", lambda it: it.text.startswith(": keep-alive")),
    Spoils("names-gemini-events", EVENTS, "body", lambda it: it.text.startswith("event: chunk")),
    Spoils("asks-for-events", STREAM, "asked query, headers, body", lambda it: it.text.startswith("data: ")),
    Spoils("answers-arrays-as-objects", STREAM, "body", lambda it: "candidates" in it.json),
    Spoils(
        "refuses-gemini-in-openais-envelope",
        REFUSED,
        "headers, body",
        lambda it: it.json["error"].get("param", 1) is None,
    ),
    Spoils(
        "guesses-gemini-tokens",
        GEMINI.but(path="/v1beta/models/m:countTokens"),
        "body",
        lambda it: it.json["totalTokens"] == 42,
    ),
    Spoils(
        "lists-gemini-models-as-openai",
        GEMINI.but(path="/v1beta/models", method="GET"),
        "body",
        lambda it: it.json.get("object") == "list",
    ),
    Spoils(
        "serves-v1beta-only",
        GEMINI.but(path="/v1/models/m:generateContent"),
        "asked headers, asked query, asked body, calls, status, headers, body",
        lambda it: it.status == 404,
    ),
)
