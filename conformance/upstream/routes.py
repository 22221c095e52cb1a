"""The providers' routes: what lies at each path, and what the path itself says of a request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from conformance.upstream import (
    anthropic_messages,
    azure_openai,
    azure_responses,
    bedrock,
    converse,
    gemini,
    mistral,
    openai_chat,
    openai_responses,
    vertex,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.upstream.rendering import Call, Renderer
    from conformance.upstream.reply import LineEnd, Reply

Wire = Literal["events", "array", "frames"]
"""How a stream is written: as server-sent events, as the members of one JSON array, as AWS's frames."""


@dataclass(frozen=True)
class Route:
    """What is done with a POST to a path: an answer is rendered, or one JSON object is made of the reply.

    A group `model` in the path is the model that it names; `streams` is what the path says, None where the body does.
    """

    provider: str
    target: re.Pattern[str]
    does: Renderer | Callable[[Reply, Call], dict[str, Any]]
    streams: bool | None = None
    wire: Wire = "events"
    line_end: LineEnd = "\n"

    def model(self, path: str, query: str) -> str | None:
        found = self.target.fullmatch(_target(path, query))
        named = found["model"] if found and "model" in self.target.groupindex else None
        return unquote(named) if named else None


def route(provider: str, path: str, query: str) -> Route | None:
    """The route of a path below a provider's prefix."""
    target = _target(path, query)
    return next((each for each in ROUTES if each.provider == provider and each.target.fullmatch(target)), None)


def _target(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _route(provider: str, path: str, does: Any, *, streams: bool | None = None, **written: Any) -> Route:
    """A path that says nothing of its query takes any."""
    anything = "" if r"\?" in path else r"(?:\?.*)?"
    return Route(provider, re.compile(path + anything), does, streams, **written)


def _claude_count(reply: Reply, _: Call) -> dict[str, Any]:
    return {"input_tokens": reply.input_tokens}


def _responses_count(reply: Reply, _: Call) -> dict[str, Any]:
    return {"object": "response.input_tokens", "input_tokens": reply.input_tokens}


_GEMINI = r"/v1(?:beta)?/(?:models/|tunedModels/)(?P<model>[^/:?]+)"
_AZURE = r"/openai/(?:v1|deployments/(?P<model>[^/?]+))"
_BEDROCK = r"/model/(?P<model>[^/?]+)"
_VERTEX = r"/v1(?:beta1)?/projects/[^/?]+/locations/[^/?]+/publishers/anthropic/models"
_VERTEX_MODEL = rf"{_VERTEX}/(?!count-tokens:)(?P<model>[^/:?]+)"

ROUTES = (
    _route("openai", "/v1/chat/completions", openai_chat),
    _route("openai", "/v1/responses", openai_responses),
    _route("openai", "/v1/responses/input_tokens", _responses_count),
    _route("openai", "/v1/responses/compact", openai_responses.compacted),
    _route("anthropic", "/v1/messages", anthropic_messages),
    _route("anthropic", "/v1/messages/count_tokens", _claude_count),
    _route("gemini", f"{_GEMINI}:generateContent", gemini, streams=False),
    _route(
        "gemini", rf"{_GEMINI}:streamGenerateContent\?(?:.*&)?alt=sse(?:&.*)?", gemini, streams=True, line_end="\r\n"
    ),
    _route("gemini", f"{_GEMINI}:streamGenerateContent", gemini, streams=True, wire="array"),
    _route("gemini", f"{_GEMINI}:countTokens", gemini.count_tokens, streams=False),
    _route("mistral", "/v1/chat/completions", mistral),
    _route("azure", f"{_AZURE}/chat/completions", azure_openai),
    _route("azure", "/openai/(?:v1/)?responses", azure_responses),
    _route("azure", "/openai/(?:v1/)?responses/input_tokens", _responses_count),
    _route("azure", "/openai/(?:v1/)?responses/compact", openai_responses.compacted),
    _route("bedrock", f"{_BEDROCK}/invoke", bedrock, streams=False),
    _route("bedrock", f"{_BEDROCK}/invoke-with-response-stream", bedrock, streams=True, wire="frames"),
    _route("bedrock", f"{_BEDROCK}/converse", converse, streams=False),
    _route("bedrock", f"{_BEDROCK}/converse-stream", converse, streams=True, wire="frames"),
    _route("bedrock", f"{_BEDROCK}/count-tokens", converse.count_tokens, streams=False),
    _route("vertex", f"{_VERTEX_MODEL}:rawPredict", vertex, streams=False),
    _route("vertex", f"{_VERTEX_MODEL}:streamRawPredict", vertex, streams=True),
    _route("vertex", f"{_VERTEX}/count-tokens:rawPredict", _claude_count, streams=False),
)
