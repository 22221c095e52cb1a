"""Anthropic's SDK in its two cloud forms: Bedrock's InvokeModel and Vertex AI's rawPredict.

Sources: https://docs.claude.com/en/api/claude-on-amazon-bedrock, https://docs.claude.com/en/api/claude-on-vertex-ai
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from conformance.drivers.anthropic_messages import MessagesClient
from conformance.surface import Surface

if TYPE_CHECKING:
    from conformance.drivers.ask import Ask

REGION = "us-east-1"
PROJECT = "conformance"


class CloudClient(MessagesClient):
    """What the two share: the Messages body, its version inside, the model in the path."""

    version: ClassVar[str]

    def body(self, ask: Ask | str) -> dict[str, Any]:
        body = super().body(ask) | {"anthropic_version": self.version}
        del body["model"]
        return body


class BedrockClient(CloudClient):
    """`anthropic.AnthropicBedrock(...)`, its credential sent as Bedrock's API keys are: Authorization: Bearer."""

    surface: ClassVar = Surface.BEDROCK
    path: ClassVar = "/model"
    version: ClassVar = "bedrock-2023-05-31"

    def url(self, *, stream: bool = False) -> str:
        return self.operation("invoke-with-response-stream" if stream else "invoke")

    def operation(self, name: str, model: str | None = None) -> str:
        """Where an operation of the runtime is called; the model's id is one segment, whatever is in it."""
        return f"{self.door.url}/model/{quote(model or self.door.model, safe=':')}/{name}"

    def _connect(self, **settings: Any) -> Any:
        import anthropic

        make = anthropic.AnthropicBedrock if self.mode.blocks else anthropic.AsyncAnthropicBedrock
        return make(aws_region=REGION, **settings)


class VertexClient(CloudClient):
    """`anthropic.AnthropicVertex(...)`, its credential sent as an access token."""

    surface: ClassVar = Surface.VERTEX
    path: ClassVar = f"/projects/{PROJECT}/locations/{REGION}/publishers/anthropic/models"
    version: ClassVar = "vertex-2023-10-16"

    def url(self, *, stream: bool = False) -> str:
        return f"{self.door.url}{self.path}/{self.door.model}:{'streamRawPredict' if stream else 'rawPredict'}"

    def _connect(self, **settings: Any) -> Any:
        import anthropic

        where = {"project_id": PROJECT, "region": REGION, "access_token": settings.pop("api_key")}
        make = anthropic.AnthropicVertex if self.mode.blocks else anthropic.AsyncAnthropicVertex
        return make(**where, **settings)
