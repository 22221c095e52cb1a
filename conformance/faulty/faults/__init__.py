"""The faults, grouped by what they spoil; importing a group declares its faults."""

from conformance.faulty.fault import FAULTS
from conformance.faulty.faults import (
    body,
    connection,
    errors,
    headers,
    isolation,
    keys,
    streaming,
    thinking,
    tools,
    translation,
    usage,
)

__all__ = [
    "FAULTS",
    "body",
    "connection",
    "errors",
    "headers",
    "isolation",
    "keys",
    "streaming",
    "thinking",
    "tools",
    "translation",
    "usage",
]
