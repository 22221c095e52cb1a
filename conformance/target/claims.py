"""What a target may claim: the names are data, and the checks are held against them."""

from __future__ import annotations

from conformance.ledger import added_features, added_profiles

PROFILES = {
    "openai-chat": "OpenAI Chat Completions",
    "openai-responses": "OpenAI Responses",
    "anthropic-messages": "Anthropic Messages",
    "gemini": "Gemini generateContent",
    "headers": "headers and query that clients and providers exchange",
    "keys": "credentials of clients: carriers, refusals, life",
    "limits": "what a key may use: requests, tokens, calls at once, money",
    "isolation": "keys stay where they belong, clients never mix",
    "observability": "audit and metrics: every call is told of, and nothing of what it said",
    "connection": "cancelled, cut and repeated calls",
    "cloud": "Claude on Bedrock and Vertex AI, OpenAI's models on Azure, each in the cloud's own protocol",
    "routing": "aliases, choices and stand-ins: the right provider, with its own key, for the right model",
    "translation": "one protocol at the client, another at the provider",
}

FEATURES = {
    "streaming": "answers arrive as they are made",
    "tools": "tool calls and their results",
    "thinking": "thinking and reasoning, there and back",
    "usage": "token counts as the provider gave them",
    "errors": "provider errors keep status, envelope and headers",
    "body": "fields known, unknown and never seen before pass both ways",
    "count-tokens": "counting tokens ahead of a call",
    "models": "model lists",
    "betas": "anthropic-beta",
    "versions": "anthropic-version, every generation",
    "request-ids": "request ids of both sides",
    "custom-headers": "headers that only the client and the provider know",
    "hop-by-hop": "headers that end at the gateway",
    "query": "query strings",
    "key-carriers": "x-api-key and Authorization: Bearer",
    "key-refusal": "wrong keys are refused in the surface's own envelope",
    "key-lifecycle": "keys are minted, revoked and expire",
    "key-expiry": "keys end by themselves, when their time has come",
    "key-deletion": "keys are deleted",
    "key-surfaces": "keys may be held to a surface",
    "key-models": "keys may be held to a model",
    "key-providers": "keys may be held to a provider",
    "key-origins": "keys may be held to the network that calls come from",
    "request-limits": "keys are held to requests a minute",
    "token-limits": "keys are held to tokens a minute",
    "stream-limits": "keys are held to calls that run at once",
    "budgets": "keys are held to an amount of money",
    "replicas": "what one replica is told of keys, all know",
    "shared-requests": "all replicas count a key's requests together",
    "shared-streams": "all replicas count a key's running calls together",
    "shared-budgets": "all replicas charge the same budget",
    "isolation": "no key crosses the gateway",
    "egress": "clients contact the gateway and nothing else",
    "stored-answers": "answers that the provider keeps are their own client's",
    "stored-files": "files and batches at the provider are their own client's",
    "cancel": "a client that leaves ends the upstream call",
    "cut": "an upstream that breaks off is an error for the client",
    "aliases": "names of models that the gateway alone knows",
    "provider-choice": "clients choose who answers by a header",
    "fallback": "other providers stand in for one that fails",
    "fallback-elsewhere": "they stand in on Responses and Messages as well",
    "audit": "a row for each call, with what it used",
    "metrics": "counts of calls by what the configuration knows",
    "retries": "one call of the client is one call upstream",
}

OF_REPLICAS = ("replicas", "shared-requests", "shared-streams", "shared-budgets")


def known_profiles() -> dict[str, str]:
    """All profiles, those of installed packages that add suites among them."""
    return PROFILES | added_profiles()


def known_features() -> dict[str, str]:
    """All features, those of installed packages that add suites among them."""
    return FEATURES | added_features()
