"""What a test wants to know of a bare connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket


def is_over(connection: socket.socket) -> bool:
    """Whether the other side has ended it; waits as long as the socket's timeout says."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
