"""The OpenAI SDK on Azure OpenAI: by deployment and dated version, and on the v1 path.

Source: https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote

from conformance.drivers.client import Mode
from conformance.drivers.openai_chat import ChatClient
from conformance.surface import Surface

API_VERSION = "2025-04-01-preview"


class AzureClient(ChatClient):
    """`openai.AzureOpenAI(...).chat.completions`: the deployment and a dated version in the URL, `api-key`."""

    surface: ClassVar = Surface.AZURE_OPENAI
    path: ClassVar = "/openai"

    def url(self, *, stream: bool = False) -> str:  # noqa: ARG002 - the body says whether it streams
        deployment = quote(self.door.model, safe="")
        return f"{self.door.url}/openai/deployments/{deployment}/chat/completions?api-version={API_VERSION}"

    def _connect(self, **settings: Any) -> Any:
        import openai

        make = openai.AzureOpenAI if self.mode.blocks else openai.AsyncAzureOpenAI
        return make(azure_endpoint=settings.pop("base_url"), api_version=API_VERSION, **settings)


class AzureV1Client(ChatClient):
    """`openai.OpenAI(...)` on the v1 path, which has no version and takes the deployment from the body."""

    surface: ClassVar = Surface.AZURE_OPENAI
    path: ClassVar = "/openai/v1/chat/completions"
    modes: ClassVar = (Mode.OPENAI_V1, Mode.OPENAI_V1_STREAM)

    def _connect(self, **settings: Any) -> Any:
        return super()._connect(**settings | {"base_url": f"{settings['base_url']}/openai/v1"})
