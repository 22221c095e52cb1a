"""What tells an agent, or an SDK, where the gateway is and which key to show there. The variables are data."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from gateway.config import Listen

Agent = Literal["claude-code", "codex", "openai", "anthropic"]

AGENTS: tuple[Agent, ...] = get_args(Agent)
GROUPS: dict[Agent, tuple[str, ...]] = {
    "claude-code": ("gateway", "anthropic", "claude-code"),
    "codex": ("gateway", "openai", "codex"),
    "openai": ("gateway", "openai"),
    "anthropic": ("gateway", "anthropic"),
}
KEY_VARIABLE = "LLM_GATEWAY_KEY"
PRINTS_THE_KEY = f"printenv {KEY_VARIABLE}"


class AgentWithoutSettingsError(Exception):
    """The agent reads variables only."""


@dataclass(frozen=True)
class Access:
    """`url` is the gateway's root: no `/v1`, no slash at its end. Small tasks go to `model` by default.

    Of all clients only Claude Code can be led to a Unix socket; it asks `url` there.
    """

    url: str
    key: str | None = None
    model: str | None = None
    small_model: str | None = None
    socket: str | None = None


@cache
def variables() -> dict[str, dict[str, tuple[str, str]]]:
    """By group and name: the value's template, and who reads it."""
    table = tomllib.loads(Path(__file__).with_name("clients.toml").read_text())
    return {
        group: {name: (template, readers) for name, (template, readers) in rows.items()}
        for group, rows in table.items()
    }


def environment(access: Access, agent: Agent | None = None) -> dict[str, str]:
    """For one agent, or for all clients. What is not given has no variables."""
    small_model = access.small_model or access.model
    values = {
        "{url}": access.url,
        "{key}": access.key,
        "{model}": access.model,
        "{small_model}": small_model,
        "{socket}": access.socket,
    }
    groups = GROUPS[agent] if agent else tuple(variables())
    filled = {name: fill(template, values) for group in groups for name, (template, _) in variables()[group].items()}
    return {name: value for name, value in filled.items() if value is not None}


def fill(template: str, values: dict[str, str | None]) -> str | None:
    """None if it names what is not given."""
    if not template.startswith("{"):
        return template
    name, brace, rest = template.partition("}")
    value = values[name + brace]
    return None if value is None else value + rest


def address(listen: Listen) -> str:
    """Where clients on the same machine reach the gateway. Raises ValueError where only the user can know."""
    if listen.uds is not None:
        raise ValueError("it listens on a Unix socket, to which no client's base URL leads")
    if listen.host in {"", "0.0.0.0", "::"} or listen.port == 0:  # noqa: S104 -- what is listened on is no address
        raise ValueError(f"{listen.host}:{listen.port} is no address for clients")
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    return f"{'https' if listen.certificate else 'http'}://{host}:{listen.port}"


def settings_file(access: Access, agent: Agent | None) -> str:
    """The agent's own settings file. It holds no key: it says where the agent finds the one in LLM_GATEWAY_KEY."""
    if agent == "codex":
        return codex_config(access)
    if agent == "claude-code":
        return claude_code_settings(access)
    raise AgentWithoutSettingsError("only codex (config.toml) and claude-code (settings.json) have a settings file")


def codex_config(access: Access) -> str:
    """Codex heeds no variable for the base URL. Its built-in provider is sent to the gateway as well."""
    url = toml_string(f"{access.url}/v1")
    lines = [
        *([f"model = {toml_string(access.model)}"] if access.model else []),
        'model_provider = "gateway"',
        f"openai_base_url = {url}",
        "check_for_update_on_startup = false",
        "[features]",
        "plugins = false",
        "[analytics]",
        "enabled = false",
        "[model_providers.gateway]",
        'name = "gateway"',
        f"base_url = {url}",
        f'env_key = "{KEY_VARIABLE}"',
        'wire_api = "responses"',
    ]
    return "\n".join(lines) + "\n"


def claude_code_settings(access: Access) -> str:
    """The helper's key goes out in both headers; keys in variables would go beside it, so they are emptied.

    The way to a Unix socket is not here: it counts in the agent's own environment only.
    """
    told = environment(replace(access, key=None, socket=None), "claude-code")
    emptied = {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": ""}
    return json.dumps({"apiKeyHelper": PRINTS_THE_KEY, "env": told | emptied}, indent=2) + "\n"


def toml_string(text: str) -> str:
    """JSON's strings are TOML's, but for DEL, and surrogates written as pairs."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
