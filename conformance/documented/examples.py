"""Example values of any type that an SDK declares: typed dicts of requests, models of answers.

The examples of a type cover it: the first has every field, the others have what else each field may hold.
"""

from __future__ import annotations

import datetime as dt
import os
import types
import typing
from typing import IO, Any, Literal, NotRequired, Required, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import is_typeddict

if typing.TYPE_CHECKING:
    from collections.abc import Container, Iterator

_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
_CALL = "call_documented"
_BY_NAME: dict[str, Any] = {
    "call_id": _CALL,
    "created_at": 1767225600,
    "completed_at": 1767225601,
    "data": _PIXEL,
    "file_data": f"data:image/png;base64,{_PIXEL}",
    "id": _CALL,
    "image_url": f"data:image/png;base64,{_PIXEL}",
    "max_tokens": 16384,
    "max_completion_tokens": 8192,
    "max_output_tokens": 8192,
    "model": "a-model",
    "budget_tokens": 2048,
    "input_schema": _SCHEMA,
    "parameters": _SCHEMA,
    "schema": _SCHEMA,
    "logit_bias": {"50256": -100},
    "tool_call_id": _CALL,
    "tool_use_id": _CALL,
    "url": "https://example.com/documented.png",
}
"""What a field of that name holds, where any text, number or map would do."""


class Documented(dict[str, Any]):
    """An object whose fields the provider names, unlike a map whose keys are the user's."""


_UNION = (Union, types.UnionType)
_LISTS = ("list", "Iterable", "Sequence", "SequenceNotStr")
_WRAPPERS = (typing.Annotated, Required, NotRequired, typing.Required, typing.NotRequired)


def examples(kind: Any, name: str = "text", *, within: tuple[Any, ...] = ()) -> list[Any]:
    """JSON values of a type, at the field of that name; a type inside itself has none."""
    kind = _bare(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if is_typeddict(kind) or _is_model(kind):
        return [] if kind in within else _objects(kind, (*within, kind))
    if name == "model":
        return [_BY_NAME[name]]
    if origin is Literal:
        return list(arguments)
    if origin in _UNION:
        return _alternatives(arguments, name, within)
    if getattr(origin, "__name__", "") in _LISTS:
        return [examples(arguments[0], name, within=within)]
    return [_BY_NAME.get(name, _plain(kind, origin, arguments, name))] if kind is not bool else [True, False]


def fields(kind: Any) -> dict[str, Any]:
    """The fields of an object on the wire, with their types."""
    if _is_model(kind):
        return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
    hints = typing.get_type_hints(kind, include_extras=True)
    return {_alias(hint) or name: hint for name, hint in hints.items()}


def together(alternatives: dict[str, list[Any]], required: Container[str] = ()) -> list[dict[str, Any]]:
    """Objects with those fields: the first holds all of them, later ones what is required and what is new."""
    given = {name: found for name, found in alternatives.items() if found}
    most = max((len(found) for found in given.values()), default=1)
    return [
        Documented(
            {name: found[turn % len(found)] for name, found in given.items() if turn < len(found) or name in required}
        )
        for turn in range(most)
    ]


def with_field_everywhere(value: Any, name: str, held: Any) -> Any:
    """The same value with one more field in each documented object."""
    if isinstance(value, list):
        return [with_field_everywhere(member, name, held) for member in value]
    if not isinstance(value, Documented):
        return value
    return {key: with_field_everywhere(member, name, held) for key, member in value.items()} | {name: held}


def _objects(kind: Any, within: tuple[Any, ...]) -> list[dict[str, Any]]:
    found = {name: examples(hint, name, within=within) for name, hint in fields(kind).items()}
    return together(found, _required(kind))


def _required(kind: Any) -> frozenset[str]:
    if _is_model(kind):
        return frozenset(field.alias or name for name, field in kind.model_fields.items() if field.is_required())
    hints = typing.get_type_hints(kind, include_extras=True)
    left = (NotRequired, typing.NotRequired) if kind.__total__ else ()
    return frozenset(
        _alias(hint) or name
        for name, hint in hints.items()
        if get_origin(hint) in (Required, typing.Required) or (kind.__total__ and get_origin(hint) not in left)
    )


def _alternatives(kinds: tuple[Any, ...], name: str, within: tuple[Any, ...]) -> list[Any]:
    """Null only where nothing else is allowed; in a request the models of answers are the SDK's own convenience."""
    kinds = tuple(kind for kind in _flat(kinds) if kind is not type(None)) or (type(None),)
    if any(is_typeddict(kind) for kind in kinds):
        kinds = tuple(kind for kind in kinds if not _is_model(kind))
    found: list[Any] = []
    for kind in kinds:
        found += [one for one in examples(kind, name, within=within) if one not in found]
    return found


def _flat(kinds: tuple[Any, ...]) -> Iterator[Any]:
    for kind in map(_bare, kinds):
        yield from _flat(get_args(kind)) if get_origin(kind) in _UNION else (kind,)


def _plain(kind: Any, origin: Any, arguments: tuple[Any, ...], name: str) -> Any:
    if origin in (dict, typing.Mapping) or getattr(origin, "__name__", "") in ("Mapping", "dict"):
        return {"team": examples(arguments[1], name)[0]}
    match kind:
        case _ if kind is type(None):
            return None
        case _ if kind is int:
            return 3
        case _ if kind is float:
            return 0.25
        case _ if kind in (object, Any):
            return {"city": "Tromsø", "n": 12}
        case _ if kind in (str, bytes, dt.datetime, os.PathLike) or origin is IO:
            return "2026-11-20T12:00:00Z" if kind is dt.datetime else f"a_{name}"
    raise TypeError(f"{name}: no example of {kind}")


def _bare(kind: Any) -> Any:
    """The type without what only says how it is used."""
    if isinstance(kind, TypeVar):
        return kind.__bound__ or object
    if get_origin(kind) in _WRAPPERS:
        return _bare(get_args(kind)[0])
    alias = getattr(kind, "__value__", None)
    return kind if alias is None else _bare(alias)


def _alias(hint: Any) -> str | None:
    """The name on the wire, where the SDK's own differs."""
    if get_origin(hint) in (Required, NotRequired, typing.Required, typing.NotRequired):
        return _alias(get_args(hint)[0])
    notes = getattr(hint, "__metadata__", ())
    return next((note.alias for note in notes if getattr(note, "alias", None)), None)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
