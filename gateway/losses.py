"""What translation keeps: each field of a client's request, at each provider of another protocol.

The table is data (`losses.toml`); tests hold it equal to what the codecs do, and docs/translation.md shows it.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from gateway.surfaces import Protocol, Surface

Outcome = Literal["mapped", "dropped", "rejected"]
OUTCOMES: dict[Outcome, str] = {
    "mapped": "the provider gets it, in its own words",
    "dropped": "left out and named in `x-gateway-dropped` and the audit; refused with 400 where the gateway is strict",
    "rejected": "refused with 400 that names it",
}
PASSES: dict[Surface, tuple[Protocol, ...]] = {
    "openai-chat": ("openai-chat", "azure-openai"),
    "openai-responses": ("openai-responses", "azure-openai"),
    "anthropic-messages": ("anthropic-messages", "bedrock", "vertex"),
    "gemini": ("gemini",),
}
"""Where the client's own body passes, so that nothing of it is translated."""

PROVIDERS: dict[Surface, tuple[Protocol, ...]] = {
    client: tuple(protocol for protocol in ("mistral", *get_args(Surface)) if protocol not in passed)
    for client, passed in PASSES.items()
}


@cache
def losses() -> dict[Surface, dict[str, dict[Protocol, Outcome]]]:
    """By the client's protocol, the field and the provider's protocol."""
    table = tomllib.loads(Path(__file__).with_name("losses.toml").read_text())
    return {
        client: {name: _row(exceptions, providers) for name, exceptions in table[client].items()}
        for client, providers in PROVIDERS.items()
    }


def _row(exceptions: dict[Outcome, list[str]], providers: tuple[Protocol, ...]) -> dict[Protocol, Outcome]:
    row: dict[Protocol, Outcome] = dict.fromkeys(providers, "mapped")
    for outcome, named in exceptions.items():
        row |= dict.fromkeys(providers if named == ["*"] else [name for name in providers if name in named], outcome)
    return row
