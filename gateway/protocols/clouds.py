"""Claude in the clouds: Messages in other envelopes. What a cloud's path or credential says is not in the body, which
names the version of the API instead of a header.

Bedrock: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
Vertex: https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gateway.eventstream import EventReader
from gateway.protocols import betas
from gateway.protocols.codec import words
from gateway.protocols.hub import Failed
from gateway.protocols.messages import MESSAGES, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from gateway.protocols.codec import Codec, Json
    from gateway.protocols.hub import Request
    from gateway.routes import Upstream
    from gateway.surfaces import Protocol

__all__ = ["BEDROCK", "CLOUDS", "VERTEX", "Cloud"]

_MODEL_ERROR = 424  # Bedrock's own, for a model that has failed


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """`version` is what the body says for the oldest version of the API; the later ones have one name everywhere."""

    version: str
    left_out: Collection[str]
    betas: Mapping[str, str]
    betas_in_body: bool

    count_url: Callable[[Upstream, str], str]
    """Where tokens are counted, by the provider and its name of the model."""

    count: Callable[[Json, str], Json]
    """A cloud's question for it, by its body for generating and its name of the model."""

    counted: str
    """Where its answer says it."""

    def body(self, messages: Json, version: str, taken: list[str]) -> Json:
        """A request of Messages in the cloud's own form, with the betas that it takes."""
        kept = {name: value for name, value in messages.items() if name not in self.left_out}
        stated = self.version if version == VERSION else version
        listed = {"anthropic_beta": taken} if taken and self.betas_in_body else {}
        return {"anthropic_version": stated, **kept, **listed}

    def headers(self, taken: list[str]) -> Mapping[str, str]:
        return {"anthropic-beta": ",".join(taken)} if taken and not self.betas_in_body else {}

    def write_request(self, request: Request) -> Json:
        return self.body(MESSAGES.write_request(request), VERSION, [])


def _model_url(upstream: Upstream, model: str, operation: str) -> str:
    return f"{upstream.base_url}/model/{quote(model, safe='')}/{operation}"


def _bedrock_url(upstream: Upstream, model: str, stream: bool) -> str:  # noqa: FBT001 - as every codec's
    return _model_url(upstream, model, "invoke-with-response-stream" if stream else "invoke")


def _bedrock_count(body: Json, model: str) -> Json:  # noqa: ARG001 - the path says it
    """The body has to be one that could generate, of which how much it would does not matter."""
    whole = json.dumps({"max_tokens": 1, **body}).encode()
    return {"input": {"invokeModel": {"body": b64encode(whole).decode()}}}


def _bedrock_error(status: int, body: Any) -> Failed:
    """Its oldest parts begin the word with a capital."""
    if isinstance(body, dict) and isinstance(body.get("Message"), str):
        body = {"message": body["Message"]}
    return Failed(500 if status == _MODEL_ERROR else status, words(body))


def _publisher_url(upstream: Upstream, method: str) -> str:
    gcp = upstream.gcp
    assert gcp is not None, "held by the configuration"
    place = f"projects/{quote(gcp.project, safe=':')}/locations/{quote(gcp.location, safe='')}"
    return f"{upstream.base_url}/v1/{place}/publishers/anthropic/models/{method}"


def _vertex_url(upstream: Upstream, model: str, stream: bool) -> str:  # noqa: FBT001 - as every codec's
    return _publisher_url(upstream, f"{quote(model, safe='@')}:{'streamRawPredict' if stream else 'rawPredict'}")


def _vertex_error(status: int, body: Any) -> Failed:
    """Google's platform may put its errors into an array."""
    return Failed(status, words(body[0] if isinstance(body, list) and body else body))


_BEDROCK = Cloud(
    version="bedrock-2023-05-31",
    left_out={"model", "stream"},
    betas=betas.BEDROCK,
    betas_in_body=True,
    count_url=lambda upstream, model: _model_url(upstream, model, "count-tokens"),
    count=_bedrock_count,
    counted="inputTokens",
)
_VERTEX = Cloud(
    version="vertex-2023-10-16",
    left_out={"model"},
    betas=betas.VERTEX,
    betas_in_body=False,
    count_url=lambda upstream, model: _publisher_url(upstream, "count-tokens:rawPredict"),  # noqa: ARG005 - the body says it
    count=lambda body, model: {**body, "model": model},
    counted="input_tokens",
)
CLOUDS: dict[Protocol, Cloud] = {"bedrock": _BEDROCK, "vertex": _VERTEX}

BEDROCK: Codec = replace(
    MESSAGES,
    url=_bedrock_url,
    headers={"Accept": "application/json"},
    write_request=_BEDROCK.write_request,
    reader=EventReader,
    read_error=_bedrock_error,
)
VERTEX: Codec = replace(
    MESSAGES, url=_vertex_url, headers={}, write_request=_VERTEX.write_request, read_error=_vertex_error
)
