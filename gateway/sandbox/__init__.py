"""What an agent gets, so that it reaches the gateway, and what it must not get: the providers' credentials."""

from gateway.sandbox.agents import AGENTS, Access, Agent, AgentWithoutSettingsError, address, environment, settings_file
from gateway.sandbox.filtering import Filtered, detours, moved, without_credentials
from gateway.sandbox.forms import SHELLS, NotAnEnvironmentError, Shell, parsed, printed, unspeakable

__all__ = [
    "AGENTS",
    "SHELLS",
    "Access",
    "Agent",
    "AgentWithoutSettingsError",
    "Filtered",
    "NotAnEnvironmentError",
    "Shell",
    "address",
    "detours",
    "environment",
    "moved",
    "parsed",
    "printed",
    "settings_file",
    "unspeakable",
    "without_credentials",
]
