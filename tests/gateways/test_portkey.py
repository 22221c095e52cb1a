"""Portkey 1.15.2: routed by a header of each request, without keys of its own."""

from __future__ import annotations

from tests.gateways.sheet import ALL, CHAT, MESSAGES, OPENAI, RESPONSES, Certified, Sheet

SHEET = Sheet(
    target="portkey",
    rows={
        "betas replaced": {
            "headers/beta/known": (MESSAGES,),
            "headers/beta/never-seen": (MESSAGES,),
            "headers/beta/count-tokens": (MESSAGES,),
        },
        "version pinned to 2023-06-01": {
            "headers/version/kept": (MESSAGES,),
            "headers/version/count-tokens": (MESSAGES,),
        },
        "custom headers dropped": {"headers/custom": ALL},
        "request id of the client dropped": {"headers/client-request-id": ALL},
        "traceparent dropped": {"headers/traceparent": ALL},
        "idempotency-key dropped": {"headers/idempotency-key": ALL},
        "openai-beta dropped": {"headers/openai": OPENAI},
        "query dropped": {"headers/query": (CHAT, MESSAGES)},
        "unknown fields dropped": {"body/unknown-fields": OPENAI, "body/unknown-fields-messages": (MESSAGES,)},
        "provider added to responses": {"body/answer-unchanged": (RESPONSES,)},
        "error envelopes rewritten": {"errors/envelope": (MESSAGES,), "errors/body-unchanged": ALL},
        "the client's own key sent for a list of models": {"models/list": OPENAI, "isolation/client-key/models": ALL},
        "the provider's key repeated in an error": {"isolation/provider-key/echoed-in-error": ALL},
        "a stream that is cut ends cleanly": {"connection/cut/stream": (CHAT, MESSAGES)},
        "a client that leaves cancels nothing": {"connection/cancel/stream": ALL, "connection/cancel/whole": ALL},
    },
    confirmed={
        "headers/beta/several-lines": "none of several anthropic-beta lines arrives",
        "headers/answer-hop-by-hop": "what Connection names in an answer is passed on",
        "body/request-unchanged": "output_config of a message is dropped",
        "messages/count-tokens/request": "fields that it does not know are not counted",
        "translation/answer/stop": "an answer that filled its window says that it ended well",
        "translation/answer/tools": "a call without arguments becomes an empty text; Gemini's have index 0",
        "translation/answer/usage": "cached tokens are missing from prompt_tokens, Gemini's thoughts from output",
        "translation/cloud/betas": "betas are dropped before both clouds",
        "translation/cloud/request": "a cache mark that holds for an hour loses the hour before Converse",
        "translation/errors/envelope": "errors of a cloud come in OpenAI's envelope",
        "translation/request/agent": "Anthropic is asked without max_tokens, which it demands",
        "translation/request/one-call-only": "parallel_tool_calls is dropped",
        "translation/request/results": "Gemini is told results of a function that it never called",
        "translation/request/schema": "Anthropic is asked without max_tokens, which it demands",
        "translation/stream/error": "an error amid a stream becomes its finish_reason",
        "translation/stream/error-forms": "an error amid a stream becomes its finish_reason",
        "translation/stream/arguments-when-done": "all calls in Gemini's streams have index 0",
        "translation/stream/framing": "events with other line ends are lost",
        "translation/stream/grammar": "Vertex's streams come without a role, Mistral's thoughts in place of a text",
        "translation/stream/grammar-of-calls": "Vertex's streams come without a role, Gemini's calls all have index 0",
        "translation/stream/helper": "all calls in Gemini's streams have index 0",
        "translation/stream/parallel-calls": "all calls in Gemini's streams have index 0",
        "translation/stream/pieces": "all calls in Gemini's streams have index 0",
        "translation/tools/none": "a choice of no tool is dropped before Converse, and the tools are not",
        "body/documented-fields": "documented fields that it does not know are dropped",
        "body/unknown-types-messages": "output_config of a message is dropped",
        "body/unknown-within-messages": "documented fields that it does not know are dropped",
        "connection/answers/forms": "an answer that announces trailers hangs the call",
        "connection/answers/interim": "an interim answer that was not asked for is a 500",
        "connection/host": "a request with two hosts is passed on",
        "errors/kinds": "the details of an error are dropped",
        "errors/odd-bodies": "an error whose body is no object is a 500",
        "messages/count-tokens/documented": "fields that it does not know are not counted",
        "isolation/sweep/upstream-side": "the client's own key sent for a list of models",
        "messages/effort": "output_config of a message is dropped",
        "messages/errors/rate-limit": "the type at the top of an error is dropped",
        "stream/cut/anywhere": "a stream that is cut ends cleanly",
    },
    kept={
        "stream/incremental": ALL,
        "stream/unchanged": ALL,
        "headers/request-id": ALL,
        "headers/rate-limits": ALL,
        "errors/status": ALL,
        "errors/retry-after": ALL,
        "errors/mid-stream-unchanged": ALL,
        "thinking/signature": (RESPONSES, MESSAGES),
        "connection/no-duplicates": ALL,
        "messages/count-tokens/answer": (MESSAGES,),
        "isolation/client-key/agents": ALL,
        "isolation/client-key/calls": ALL,
    },
    unsteady=frozenset({"translation/stream/letters"}),  # of Bedrock's frames it loses those that come in pieces
)


class TestPortkey(Certified):
    sheet = SHEET
