"""How the harness's own clients trust a gateway that is asked by HTTPS."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def tls() -> ssl.SSLContext:
    """One context for all clients of a process: making one costs more than a call."""
    return ssl.create_default_context()
