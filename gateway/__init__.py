"""The reference gateway."""

from gateway.app import Gateway
from gateway.config import ConfigError, Settings, load

__all__ = ["ConfigError", "Gateway", "Settings", "load"]
