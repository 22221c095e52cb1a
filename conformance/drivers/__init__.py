"""Drivers: what stands on the client's side of the gateway."""

from conformance.drivers.answer import Answer, ClientFailedError, Failure
from conformance.drivers.anthropic_messages import MessagesClient
from conformance.drivers.ask import Ask, Tool, ToolResult, Turn
from conformance.drivers.client import EVERY_MODE, PLAIN, STREAMED, WHOLE, Client, Door, Mode, Stream
from conformance.drivers.http import Http
from conformance.drivers.openai_chat import ChatClient
from conformance.drivers.openai_responses import ResponsesClient
from conformance.drivers.tape import Exchange, Tape
from conformance.drivers.wire import Spoken, Wire, dialled

CLIENTS: dict[str, type[Client]] = {client.surface: client for client in (ChatClient, ResponsesClient, MessagesClient)}

__all__ = [
    "CLIENTS",
    "EVERY_MODE",
    "PLAIN",
    "STREAMED",
    "WHOLE",
    "Answer",
    "Ask",
    "ChatClient",
    "Client",
    "ClientFailedError",
    "Door",
    "Exchange",
    "Failure",
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
    "Wire",
    "dialled",
]
