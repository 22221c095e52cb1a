"""Edits that reach into JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.faulty.sse import Json

_ANSWERS = {"message", "chat.completion", "chat.completion.chunk", "response"}
_HOLDERS = {"message_start": "message"}


def everywhere(value: Json, edit: Callable[[Json], Json]) -> Json:
    """An object with every object in it edited, the innermost first, itself last."""

    def inside(member: Any) -> Any:
        if isinstance(member, list):
            return [inside(one) for one in member]
        return everywhere(member, edit) if isinstance(member, dict) else member

    return edit({name: inside(member) for name, member in value.items()})


def leaves(value: Json, edit: Callable[[Any], Any]) -> Json:
    """An object with everything in it edited that is neither object nor list."""

    def inside(member: Any) -> Any:
        if isinstance(member, list):
            return [inside(one) for one in member]
        return leaves(member, edit) if isinstance(member, dict) else edit(member)

    return {name: inside(member) for name, member in value.items()}


def dropping(value: Json, *names: str) -> Json:
    return {name: member for name, member in value.items() if name not in names}


def changed(value: Json, name: str, edit: Callable[[Any], Any]) -> Json:
    """The object with one member edited, if it has it and it is not null."""
    return value if value.get(name) is None else {**value, name: edit(value[name])}


def in_answer(payload: Json, edit: Callable[[Json], Json]) -> Json:
    """Edits what a provider calls its answer: a whole body, a chunk, or the object that an event of a stream holds."""
    if payload.get("object", payload.get("type")) in _ANSWERS:
        return edit(payload)
    holder = _HOLDERS.get(str(payload.get("type")), "response")
    return changed(payload, holder, edit)


def objects(value: Any) -> list[Json]:
    """The objects in a list; none in anything else."""
    return [member for member in value if isinstance(member, dict)] if isinstance(value, list) else []
