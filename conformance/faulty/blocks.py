"""Taking whole content blocks or output items out of an answer, so that the rest stays well-formed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.faulty.exchange import edited_object
from conformance.faulty.fault import on_events, on_whole
from conformance.faulty.tree import changed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from conformance.faulty.exchange import Answer
    from conformance.faulty.sse import Event, Json

_LISTS = ("content", "output", "tool_calls")


async def without_blocks(answer: Answer, unwanted: Callable[[Json], bool]) -> Answer:
    """The answer without those blocks, whole or streamed; `unwanted` is asked once for each, in order."""
    if answer.failed:
        return answer
    if answer.streams:
        return on_events(answer, lambda events: _without_events(events, unwanted))
    return await on_whole(answer, lambda body: edited_object(body, lambda it: _without_members(it, unwanted)))


def _without_members(value: Any, unwanted: Callable[[Json], bool]) -> Any:
    if isinstance(value, list):
        return [_without_members(member, unwanted) for member in value]
    if not isinstance(value, dict):
        return value
    for name in _LISTS:
        if isinstance(value.get(name), list):
            value = changed(
                value, name, lambda members: [it for it in members if not (isinstance(it, dict) and unwanted(it))]
            )
    return {name: _without_members(member, unwanted) for name, member in value.items()}


async def _without_events(events: AsyncIterator[Event], unwanted: Callable[[Json], bool]) -> AsyncIterator[Event]:
    gone: set[int] = set()
    dropped = 0
    async for event in events:
        payload = event.json
        index: Any = payload.get("index", payload.get("output_index"))
        if event.type in {"content_block_start", "response.output_item.added"} and unwanted(_block(payload)):
            gone.add(index)
        if index in gone:
            dropped += 1
        else:
            yield event.with_json(_renumbered(payload, gone, dropped)) if payload else event


def _block(payload: Json) -> Json:
    block: Json = payload.get("content_block") or payload.get("item") or {}
    return block


def _renumbered(payload: Json, gone: set[int], dropped: int) -> Json:
    for place in ("index", "output_index"):
        payload = changed(payload, place, lambda index: index - len([it for it in gone if it < index]))
    return _final(changed(payload, "sequence_number", lambda number: number - dropped), gone)


def _final(payload: Json, gone: set[int]) -> Json:
    """The closing event of a Responses stream repeats all items."""
    return changed(payload, "response", lambda it: changed(it, "output", lambda items: _kept(items, gone)))


def _kept(items: list[Json], gone: set[int]) -> list[Json]:
    return [item for index, item in enumerate(items) if index not in gone]
