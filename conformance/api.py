"""All that a check may use: the declaration, what it asks for, what it judges with."""

from collections.abc import Callable

from conformance import documented
from conformance.check import check
from conformance.drivers import (
    EVERY_MODE,
    PLAIN,
    STREAMED,
    WHOLE,
    Answer,
    Ask,
    ChatClient,
    Client,
    ClientFailedError,
    Door,
    Exchange,
    Failure,
    Http,
    MessagesClient,
    Mode,
    Spoken,
    Tape,
    Tool,
    ToolResult,
    Turn,
    Wire,
    dialled,
)
from conformance.oracles import (
    GRAMMARS,
    Asked,
    ServerSentEvent,
    assert_absent,
    assert_kept,
    assert_unchanged,
    differences,
    parse,
    protocol_of,
    understood,
)
from conformance.run.stage import Subject
from conformance.secrets import Secret, mint
from conformance.surface import Surface
from conformance.target import Hooks
from conformance.upstream import (
    Delivery,
    ProviderError,
    Raw,
    Received,
    RedactedThinking,
    Reply,
    Thinking,
    ToolCall,
    Upstream,
    Usage,
    Verbatim,
)

CHAT, RESPONSES, MESSAGES = Surface.OPENAI_CHAT, Surface.OPENAI_RESPONSES, Surface.ANTHROPIC_MESSAGES
OPENAI = (CHAT, RESPONSES)

Connect = Callable[..., Client]
"""Makes a further client of the surface in hand: `connect(key=…, mode=…, retries=…)`."""

__all__ = [
    "CHAT",
    "EVERY_MODE",
    "GRAMMARS",
    "MESSAGES",
    "OPENAI",
    "PLAIN",
    "RESPONSES",
    "STREAMED",
    "WHOLE",
    "Answer",
    "Ask",
    "Asked",
    "ChatClient",
    "Client",
    "ClientFailedError",
    "Connect",
    "Delivery",
    "Door",
    "Exchange",
    "Failure",
    "Hooks",
    "Http",
    "MessagesClient",
    "Mode",
    "ProviderError",
    "Raw",
    "Received",
    "RedactedThinking",
    "Reply",
    "Secret",
    "ServerSentEvent",
    "Spoken",
    "Subject",
    "Surface",
    "Tape",
    "Thinking",
    "Tool",
    "ToolCall",
    "ToolResult",
    "Turn",
    "Upstream",
    "Usage",
    "Verbatim",
    "Wire",
    "assert_absent",
    "assert_kept",
    "assert_unchanged",
    "check",
    "dialled",
    "differences",
    "documented",
    "mint",
    "parse",
    "protocol_of",
    "understood",
]
