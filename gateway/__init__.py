"""The reference gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.config import ConfigError, Settings, load

if TYPE_CHECKING:
    from gateway.app import Gateway

__all__ = ["ConfigError", "Gateway", "Settings", "load"]


def __getattr__(name: str) -> Any:
    """The server is imported by those who serve: `gateway keys` starts in half the time without it."""
    if name != "Gateway":
        raise AttributeError(name)
    from gateway.app import Gateway  # noqa: PLC0415

    return Gateway
