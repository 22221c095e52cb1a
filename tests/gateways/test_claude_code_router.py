"""claude-code-router 2.0.0 with a key, in front of Anthropic and OpenAI."""

from __future__ import annotations

from tests.gateways.sheet import MESSAGES, Certified, Sheet

SHEET = Sheet(
    target="claude-code-router",
    rows={
        "query dropped": {"headers/query": (MESSAGES,)},
        "request ids lost": {"headers/request-id": (MESSAGES,), "errors/request-id": (MESSAGES,)},
        "rate-limit headers lost": {"headers/rate-limits": (MESSAGES,), "errors/rate-limits": (MESSAGES,)},
        "retry-after lost on 429": {"errors/retry-after": (MESSAGES,)},
        "errors in an envelope of its own": {"errors/envelope": (MESSAGES,), "errors/body-unchanged": (MESSAGES,)},
        "the provider's key repeated in an error": {"isolation/provider-key/echoed-in-error": (MESSAGES,)},
        "a wrong key is refused in plain text": {"keys/refused/envelope": (MESSAGES,)},
        "a client that leaves early cancels nothing": {"connection/cancel/whole": (MESSAGES,)},
        "tokens guessed": {"messages/count-tokens/answer": (MESSAGES,), "messages/count-tokens/error": (MESSAGES,)},
        "an empty list of annotations becomes a search": {"translation/answer/made-up": (MESSAGES,)},
    },
    confirmed={
        "headers/hop-by-hop": "a Connection header that names another is a 500",
        "keys/carrier/scheme-case": "a scheme in lower case is refused",
        "translation/answer/usage": "a streamed answer reports no tokens",
        "translation/request/schema": "cache_control of a Messages client is sent to a provider of Chat",
        "translation/errors/envelope": "errors in an envelope of its own",
        "translation/errors/retry-after": "retry-after lost",
        "translation/request/one-call-only": "disable_parallel_tool_use is dropped",
        "translation/request/tool-choice": "the choice any is passed on, which Chat Completions does not know",
        "translation/stream/pieces": "a delta without partial_json",
        "translation/stream/truncated": "a stream that broke off ends with end_turn",
        "connection/answers/interim": "an interim answer that was not asked for is a 500",
        "connection/chunked-request": "a request body in chunks is a 500",
        "connection/expect-continue": "a request that waits for 100 is a 500",
        "connection/host": "a request with two hosts is passed on",
        "errors/kinds": "errors in an envelope of its own",
        "errors/retry-after/any-status": "retry-after lost",
        "messages/errors/rate-limit": "errors in an envelope of its own",
        "translation/request/agent": "reasoning, which Chat Completions does not know, is sent",
        "translation/request/result-parts": "a result in parts becomes their JSON",
        "translation/tools/long-name": "a name of 90 letters goes to a provider that takes 64",
    },
    kept={
        "headers/beta/known": (MESSAGES,),
        "headers/beta/never-seen": (MESSAGES,),
        "headers/version/kept": (MESSAGES,),
        "headers/custom": (MESSAGES,),
        "body/unknown-fields-messages": (MESSAGES,),
        "stream/incremental": (MESSAGES,),
        "stream/unchanged": (MESSAGES,),
        "errors/status": (MESSAGES,),
        "connection/cut/stream": (MESSAGES,),
        "connection/cancel/stream": (MESSAGES,),
        "keys/refused/wrong": (MESSAGES,),
        "isolation/client-key/calls": (MESSAGES,),
    },
)


class TestClaudeCodeRouter(Certified):
    sheet = SHEET
