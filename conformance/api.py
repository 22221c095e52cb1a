"""All that a check may use: the declaration, what it asks for, what it judges with."""

from collections.abc import Callable

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
    Door,
    Exchange,
    Failure,
    Http,
    MessagesClient,
    Mode,
    Tape,
    Tool,
    ToolResult,
    Turn,
)
from conformance.oracles import (
    GRAMMARS,
    Asked,
    ServerSentEvent,
    assert_absent,
    assert_unchanged,
    differences,
    parse,
    understood,
)
from conformance.run.stage import Subject
from conformance.secrets import Secret, mint
from conformance.surface import Surface
from conformance.target import Hooks
from conformance.upstream import (
    Delivery,
    ProviderError,
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
    "Received",
    "RedactedThinking",
    "Reply",
    "Secret",
    "ServerSentEvent",
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
    "assert_absent",
    "assert_unchanged",
    "check",
    "differences",
    "mint",
    "parse",
    "understood",
]
