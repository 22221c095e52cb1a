"""What differs between two JSON values, said by path."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 12
_LEADING_DOT = re.compile(r"^(lost|added|changed) \.")


def differences(got: Any, expected: Any, path: str = "") -> Iterator[str]:
    """One line for each place: lost, added or changed.

    true and 1 differ. 1.0 may become 1, as JavaScript writes it, but 1 not 1.0, which fields of whole numbers refuse.
    """
    match got, expected:
        case dict(), dict():
            for key in expected.keys() - got.keys():
                yield f"lost {path}.{key}"
            for key in got.keys() - expected.keys():
                yield f"added {path}.{key} = {_short(got[key])}"
            for key in (key for key in expected if key in got):
                yield from differences(got[key], expected[key], f"{path}.{key}")
        case list(), list():
            for index, (mine, theirs) in enumerate(zip(got, expected, strict=False)):
                yield from differences(mine, theirs, f"{path}[{index}]")
            if len(got) != len(expected):
                yield f"{path or 'the list'} has {len(got)} entries in place of {len(expected)}"
        case _:
            if got != expected or type(got) not in {type(expected), *([int] if type(expected) is float else [])}:
                yield f"changed {path or 'the value'}: {_short(got)} in place of {_short(expected)}"


def assert_unchanged(got: Any, expected: Any, *, where: str, aside: tuple[str, ...] = ()) -> None:
    """Both sides must hold the same JSON; top-level keys `aside` are not compared."""
    found = sorted(differences(_without(got, aside), _without(expected, aside)))
    assert not found, f"{where}: {_listed(found)}"


def assert_kept(got: Any, expected: Any, *, where: str, aside: tuple[str, ...] = ()) -> None:
    """Like `assert_unchanged`, but what was added does not count: no `must` forbids it."""
    lines = differences(_without(got, aside), _without(expected, aside))
    found = sorted(line for line in lines if not line.startswith("added "))
    assert not found, f"{where}: {_listed(found)}"


def _without(value: Any, keys: tuple[str, ...]) -> Any:
    return {key: item for key, item in value.items() if key not in keys} if isinstance(value, dict) else value


def _listed(found: list[str]) -> str:
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(_LEADING_DOT.sub(r"\1 ", line) for line in found[:_SHOWN]) + more


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - one line of a message
