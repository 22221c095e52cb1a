"""Drivers: what stands on the client's side of the gateway."""

from conformance.drivers.answer import Answer, ClientFailedError, Failure
from conformance.drivers.anthropic_messages import MessagesClient
from conformance.drivers.ask import Ask, Tool, ToolResult, Turn
from conformance.drivers.azure_openai import AzureClient, AzureV1Client
from conformance.drivers.client import BARE, EVERY_MODE, PLAIN, STREAMED, WHOLE, Client, Door, Mode, Stream
from conformance.drivers.clouds import BedrockClient, VertexClient
from conformance.drivers.gemini import GeminiClient
from conformance.drivers.http import Http
from conformance.drivers.mistral_chat import MistralClient
from conformance.drivers.openai_chat import ChatClient
from conformance.drivers.openai_responses import ResponsesClient
from conformance.drivers.tape import Exchange, Tape
from conformance.drivers.wire import Spoken, Wire, dialled
from conformance.surface import Surface

CLIENTS: dict[Surface, type[Client]] = {
    client.surface: client
    for client in (
        ChatClient,
        ResponsesClient,
        MessagesClient,
        GeminiClient,
        AzureClient,
        BedrockClient,
        VertexClient,
    )
}
OTHERS: dict[Mode, type[Client]] = {
    Mode.MISTRALAI: MistralClient,
    Mode.MISTRALAI_STREAM: MistralClient,
    Mode.OPENAI_V1: AzureV1Client,
    Mode.OPENAI_V1_STREAM: AzureV1Client,
}


def client_of(surface: Surface, mode: Mode) -> type[Client] | None:
    """The SDK that is called in this way on this surface; None where there is none."""
    client = OTHERS.get(mode, CLIENTS[surface])
    return client if client.surface is surface and mode in client.modes else None


__all__ = [
    "BARE",
    "CLIENTS",
    "EVERY_MODE",
    "PLAIN",
    "STREAMED",
    "WHOLE",
    "Answer",
    "Ask",
    "BedrockClient",
    "ChatClient",
    "Client",
    "ClientFailedError",
    "Door",
    "Exchange",
    "Failure",
    "GeminiClient",
    "Http",
    "MessagesClient",
    "Mode",
    "ResponsesClient",
    "Spoken",
    "Stream",
    "Tape",
    "Tool",
    "ToolResult",
    "Turn",
    "VertexClient",
    "Wire",
    "client_of",
    "dialled",
]
