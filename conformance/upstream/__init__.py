"""The scripted upstream: plays every provider, answers by script, remembers what it received."""

from conformance.upstream.control import (
    PATIENCE,
    Scripted,
    Upstream,
    UpstreamAddress,
    UpstreamUnreachableError,
)
from conformance.upstream.journal import Received
from conformance.upstream.process import UpstreamDidNotStartError, UpstreamProcess
from conformance.upstream.reply import (
    Delivery,
    ProviderError,
    Raw,
    RedactedThinking,
    Reply,
    Script,
    Thinking,
    ToolCall,
    Usage,
    Verbatim,
)

__all__ = [
    "PATIENCE",
    "Delivery",
    "ProviderError",
    "Raw",
    "Received",
    "RedactedThinking",
    "Reply",
    "Script",
    "Scripted",
    "Thinking",
    "ToolCall",
    "Upstream",
    "UpstreamAddress",
    "UpstreamDidNotStartError",
    "UpstreamProcess",
    "UpstreamUnreachableError",
    "Usage",
    "Verbatim",
]
