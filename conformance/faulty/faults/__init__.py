"""The faults, grouped by what they spoil; importing a group declares its faults."""

from conformance.faulty.fault import FAULTS
from conformance.faulty.faults import (
    body,
    connection,
    definitions,
    errors,
    framing,
    headers,
    isolation,
    keys,
    pieces,
    pipes,
    rewriting,
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
    "definitions",
    "errors",
    "framing",
    "headers",
    "isolation",
    "keys",
    "pieces",
    "pipes",
    "rewriting",
    "streaming",
    "thinking",
    "tools",
    "translation",
    "usage",
]
