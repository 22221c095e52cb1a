"""An environment without the providers' credentials. Names and shapes of keys are data (`credentials.toml`)."""

from __future__ import annotations

import base64
import binascii
import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from gateway.sandbox.agents import Access, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.sandbox.agents import Agent

BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}")
MOST_WRAPPINGS = 3
"""Such as JSON in base64 in a URL."""


@dataclass(frozen=True)
class Filtered:
    """`removed` says why, by name. It holds no values."""

    kept: dict[str, str]
    removed: dict[str, str]


@dataclass(frozen=True)
class Credentials:
    """By names without separators; words of `before` and `after`, and numbers, do not matter."""

    names: dict[str, str]
    before: frozenset[str]
    after: frozenset[str]
    makers: frozenset[str]
    endings: frozenset[str]
    shapes: dict[re.Pattern[str], str]
    detours: dict[str, str]


@cache
def credentials() -> Credentials:
    table = tomllib.loads(Path(__file__).with_name("credentials.toml").read_text())
    return Credentials(
        {squeezed(name): whose for name, whose in table["names"].items()},
        frozenset(table["around"]["before"]),
        frozenset(table["around"]["after"]),
        frozenset(table["makers"]["words"]),
        frozenset(table["makers"]["credentials"]),
        {re.compile(f"(?<![A-Za-z0-9]){each['is']}", re.ASCII): each["whose"] for each in table["shapes"].values()},
        table["detours"],
    )


def without_credentials(given: Mapping[str, str]) -> Filtered:
    """What stays is as it was."""
    removed = {name: why for name, value in given.items() if (why := reason(name, value))}
    return Filtered({name: value for name, value in given.items() if name not in removed}, removed)


def moved(given: Mapping[str, str], access: Access, agent: Agent | None = None) -> Filtered:
    """All traffic to the gateway: its variables in the place of the providers' credentials and base URLs."""
    filtered = without_credentials(given)
    ways = detours(filtered.kept)
    kept = {name: value for name, value in filtered.kept.items() if name not in ways}
    return Filtered(kept | environment(access, agent), filtered.removed | ways)


def detours(given: Mapping[str, str]) -> dict[str, str]:
    """Variables that lead a client past the gateway, and why."""
    known = credentials().detours
    return {name: known[name.upper()] for name in given if name.upper() in known}


def reason(name: str, value: str) -> str | None:
    """Why this must not be in a sandbox."""
    if not value:
        return None
    return named_credential(name) or next((why for text in readings(value) if (why := held(text))), None)


def held(text: str) -> str | None:
    """What kind of credential stands in the text: by its shape, or by its name in a JSON object."""
    for pattern, whose in credentials().shapes.items():
        if pattern.search(text):
            return f"a value of this shape: {whose}"
    named = (named_credential(name) for name, value in members(text) if value)
    return next((f"a member of this name: {whose}" for whose in named if whose), None)


def named_credential(name: str) -> str | None:
    known = credentials()
    words = [word.upper() for word in re.findall(r"[A-Za-z]+|[0-9]+", name)]
    while words and "".join(words) not in known.names and words[0] in known.before:
        words.pop(0)
    while words and "".join(words) not in known.names and (words[-1] in known.after or words[-1].isdigit()):
        words.pop()
    if whose := known.names.get("".join(words)):
        return whose
    if words and words[-1] in known.endings and not known.makers.isdisjoint(words):
        return "a credential by its name"
    return None


def squeezed(name: str) -> str:
    return name.replace("_", "")


def readings(text: str, wrappings: int = MOST_WRAPPINGS) -> Iterator[str]:
    """The text, and what stands in it as JSON, percent-encoded or in base64."""
    yield text
    if wrappings:
        for inner in unwrapped(text):
            yield from readings(inner, wrappings - 1)


def unwrapped(text: str) -> Iterator[str]:
    if "%" in text and (plain := unquote(text)) != text:
        yield plain
    for name, value in members(text):
        yield name
        yield value
    for run in BASE64.findall(text):
        if (decoded := from_base64(run)) is not None:
            yield decoded


def members(text: str) -> Iterator[tuple[str, str]]:
    """All strings of a JSON document, with their names; what has none of its own has that of what it is in."""
    if text.lstrip()[:1] not in {"{", "[", '"'}:
        return
    try:
        stack: list[tuple[str, Any]] = [("", json.loads(text))]
    except (ValueError, RecursionError):
        return
    while stack:
        name, item = stack.pop()
        if isinstance(item, str):
            yield name, item
        elif isinstance(item, dict):
            stack += item.items()
        elif isinstance(item, list):
            stack += ((name, each) for each in item)


def from_base64(run: str) -> str | None:
    """Of text only: what decodes to other bytes holds no key. Both alphabets, with or without padding."""
    whole = run[:-1] if len(run) % 4 == 1 else run
    standard = whole.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(standard + "=" * (-len(whole) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
