"""The names in OpenTelemetry spans. They still move: https://github.com/open-telemetry/semantic-conventions-genai

`released` are those of semantic conventions 1.41, which the constants of Python and most dashboards know; `latest` are
those that the conventions' main branch has since given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gateway.surfaces import Endpoint, Protocol

Release = Literal["released", "latest"]

METHOD, OTHER_METHOD = "http.request.method", "_OTHER"
ROUTE, PATH, SCHEME = "http.route", "url.path", "url.scheme"
STATUS_CODE, SERVER_ADDRESS, ERROR_TYPE = "http.response.status_code", "server.address", "error.type"

OPERATION, PROVIDER = "gen_ai.operation.name", "gen_ai.provider.name"
REQUEST_MODEL, REQUEST_STREAM = "gen_ai.request.model", "gen_ai.request.stream"
RESPONSE_MODEL, FINISH_REASONS = "gen_ai.response.model", "gen_ai.response.finish_reasons"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS, OUTPUT_TOKENS = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"

REQUEST_ID, KEY, RUN = "llm_gateway.request.id", "llm_gateway.key.fingerprint", "llm_gateway.run.id"
UPSTREAM, DECISION, RULE = "llm_gateway.provider", "llm_gateway.decision", "llm_gateway.rule"
COST = "llm_gateway.cost_usd"

METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
PROVIDERS: dict[Protocol, str] = {
    "openai-chat": "openai",
    "openai-responses": "openai",
    "anthropic-messages": "anthropic",
    "gemini": "gcp.gemini",
    "azure-openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "vertex": "gcp.vertex_ai",
    "mistral": "mistral_ai",
}


@dataclass(frozen=True)
class Moving:
    """The names that differ between the two."""

    cache_write_tokens: str


MOVING: dict[Release, Moving] = {
    "released": Moving(cache_write_tokens="gen_ai.usage.cache_creation.input_tokens"),
    "latest": Moving(cache_write_tokens="gen_ai.usage.cache_write.input_tokens"),
}


def operation(endpoint: Endpoint) -> str | None:
    """What of this is a model's work; all else is HTTP only."""
    if endpoint.further == "embeddings":
        return "embeddings"
    if endpoint.operation != "generate":
        return None
    return "generate_content" if endpoint.surface == "gemini" else "chat"


def method(said: str) -> str:
    return said if said in METHODS else OTHER_METHOD
