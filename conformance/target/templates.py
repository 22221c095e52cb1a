"""Placeholders in a target file.

`{name}` and `{name:argument}`, in lower case, are placeholders; an unknown one is a mistake. `{{name}}` stands for a
literal `{name}`. Every other brace means itself, so that JSON, YAML and nginx configurations are written as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from conformance.surface import Provider

COMMON = frozenset({"upstream", "upstream_address", "workdir", "port", "second_port", "install", "python", "here"})
SECRETS = ("client", "admin", *Provider)  # what `{secret:…}` may name: a launch needs all of them
SCOPES = frozenset({"surface", "model", "provider", "origin"})
"""What a key may be held to, where it is minted: by the harness's own names, a network as CIDR."""

_PLACEHOLDER = re.compile(r"\{\{(?P<literal>[a-z][a-z0-9_:-]*)\}\}|\{(?P<name>[a-z][a-z0-9_-]*(?::[a-z0-9_-]*)?)\}")

Values = Mapping[str, str]


def names(template: str) -> Iterator[str]:
    """The placeholders of a template, `secret:openai` among them."""
    return (match["name"] for match in _PLACEHOLDER.finditer(template) if match["name"])


def fill(template: str, values: Values) -> str:
    return _PLACEHOLDER.sub(
        lambda match: f"{{{match['literal']}}}" if match["literal"] else values[match["name"]], template
    )


def fill_all(value: Any, values: Values) -> Any:
    """The same JSON value with every string in it filled."""
    match value:
        case str():
            return fill(value, values)
        case dict():
            return {key: fill_all(item, values) for key, item in value.items()}
        case list() | tuple():
            return [fill_all(item, values) for item in value]
        case _:
            return value


def without(value: Any, unset: AbstractSet[str]) -> list[Any]:
    """The same JSON value without any string that names one of these placeholders: one, or none.

    A list or an object that this leaves empty goes as well.
    """
    match value:
        case str():
            return [value] if unset.isdisjoint(names(value)) else []
        case dict():
            members = {key: kept for key, item in value.items() for kept in without(item, unset)}
            return [members] if members or not value else []
        case list() | tuple():
            items = [kept for item in value for kept in without(item, unset)]
            return [items] if items or not value else []
        case _:
            return [value]


def strings(value: Any) -> Iterator[str]:
    """Every string inside a JSON value."""
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from strings(item)
        case list() | tuple():
            for item in value:
                yield from strings(item)
        case _:
            return
