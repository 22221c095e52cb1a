"""Custom tools, whose input is any text, as functions with one string: elsewhere there are only functions.

https://platform.openai.com/docs/guides/function-calling#custom-tools
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from gateway.protocols import hub
from gateway.protocols.codec import compact

if TYPE_CHECKING:
    from gateway.protocols.codec import Json

_BEGINNING = re.compile(r'\s*{\s*"input"\s*:\s*"')
_WHOLE_CHARACTERS = re.compile(
    r'(?:[^"\\]|\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u(?![dD][89abAB])[0-9a-fA-F]{4})*'
)


def read_custom(tool: Json, namespace: str = "") -> hub.Tool:
    """The grammar that its input has to follow is told in words: no provider would hold the model to it."""
    form = tool.get("format") or {}
    text: Json = {"type": "string"}
    if form.get("type") == "grammar":
        text["description"] = f"Follows this grammar ({form['syntax']}):\n{form['definition']}"
    parameters = {"type": "object", "properties": {"input": text}, "required": ["input"], "additionalProperties": False}
    return hub.Tool(tool["name"], tool.get("description"), parameters, custom=True, namespace=namespace)


def wrapped(text: str) -> str:
    """A custom tool's input as the arguments of a function."""
    return compact({"input": text})


def unwrapped(arguments: str) -> str:
    """Whatever the model wrote, where it is not what it was asked for."""
    try:
        value: Any = json.loads(arguments)
    except ValueError:
        return arguments
    text = value.get("input") if isinstance(value, dict) else None
    return text if isinstance(text, str) else arguments


class Unwrapping:
    """The input out of arguments that come in pieces: each piece of it as soon as its characters are whole."""

    def __init__(self) -> None:
        self._all = ""
        self._at: int | None = None

    def feed(self, fragment: str) -> str:
        self._all += fragment
        if self._at is None and (beginning := _BEGINNING.match(self._all)):
            self._at = beginning.end()
        if self._at is None:
            return ""
        whole = _WHOLE_CHARACTERS.match(self._all, self._at)
        assert whole is not None, "it matches nothing at all too"
        self._at = whole.end()
        text: str = json.loads(f'"{whole[0]}"', strict=False)
        return text

    def end(self) -> str:
        """What was written in another form."""
        return unwrapped(self._all) if self._at is None else ""
