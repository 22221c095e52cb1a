"""An environment as text: for a shell, for a dotenv file, as JSON; and back."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Shell = Literal["sh", "json", "dotenv"]

SHELLS: tuple[Shell, ...] = get_args(Shell)
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]*")


class NotAnEnvironmentError(Exception):
    """What was given is no environment, and where it ceases to be one."""


def printed(environment: Mapping[str, str], shell: Shell, unset: Iterable[str] = ()) -> str:
    """In lines. Only JSON can say names that are not identifiers; only a shell has something to unset."""
    if shell == "json":
        return json.dumps(environment, indent=2) + "\n"
    named = {name: value for name, value in environment.items() if IDENTIFIER.fullmatch(name)}
    if shell == "dotenv":
        return "".join(f"{name}={dotenv_value(value)}\n" for name, value in named.items())
    gone = "".join(f"unset {name}\n" for name in unset if IDENTIFIER.fullmatch(name))
    return gone + "".join(f"export {name}={shlex.quote(value)}\n" for name, value in named.items())


def unspeakable(environment: Mapping[str, str], shell: Shell) -> list[str]:
    """Names that the shell cannot say."""
    return [] if shell == "json" else [name for name in environment if not IDENTIFIER.fullmatch(name)]


def dotenv_value(value: str) -> str:
    """Bare where every reader agrees, `docker run --env-file` too; else quoted as python-dotenv reads it."""
    if PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def parsed(text: str) -> dict[str, str]:
    """A JSON object of strings, `NAME=VALUE` lines, or what `env -0` says."""
    if text.lstrip().startswith("{"):
        return from_json(text)
    entries = text.split("\0") if "\0" in text else text.split("\n")
    return dict(entry(each, number) for number, each in enumerate(entries, 1) if each.strip())


def entry(text: str, number: int) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise NotAnEnvironmentError(
            f"entry {number} is not NAME=VALUE; values with line breaks come as JSON or from `env -0`"
        )
    return name, value


def from_json(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise NotAnEnvironmentError(f"not valid JSON: {error}") from None
    for name, value in found.items():
        if not name or "=" in name or not isinstance(value, str) or "\0" in name + value:
            raise NotAnEnvironmentError(f"{name!r} is not a variable with a string for its value")
    return dict(found)
