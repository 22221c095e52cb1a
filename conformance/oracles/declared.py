"""What the official SDKs declare of a request of each protocol."""

from __future__ import annotations

from typing import Any

from anthropic.types.beta.message_create_params import MessageCreateParamsNonStreaming
from google.genai import types
from mistralai.client.models import ChatCompletionRequest
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from conformance.surface import Surface


class GenerateContent(BaseModel):
    """What is sent for `models.generate_content`: the SDK has a type for each field, and none for the whole."""

    model_config = ConfigDict(alias_generator=to_camel)

    contents: list[types.Content]
    system_instruction: types.Content | None = None
    tools: list[types.Tool] | None = None
    tool_config: types.ToolConfig | None = None
    safety_settings: list[types.SafetySetting] | None = None
    generation_config: types.GenerationConfig | None = None
    cached_content: str | None = None
    model: str | None = None  # which the path says as well
    labels: dict[str, str] | None = None
    service_tier: str | None = None
    store: bool | None = None


DECLARED: dict[Surface, Any] = {
    Surface.OPENAI_CHAT: CompletionCreateParamsNonStreaming,
    Surface.AZURE_OPENAI: CompletionCreateParamsNonStreaming,
    Surface.OPENAI_RESPONSES: ResponseCreateParamsNonStreaming,
    Surface.ANTHROPIC_MESSAGES: MessageCreateParamsNonStreaming,
    Surface.BEDROCK: MessageCreateParamsNonStreaming,
    Surface.VERTEX: MessageCreateParamsNonStreaming,
    Surface.GEMINI: GenerateContent,
    Surface.MISTRAL: ChatCompletionRequest,
}
