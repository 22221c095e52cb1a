"""Faults in putting the pieces of a stream together, and in what only streams lose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.faulty.arguments import chat_calls, fragment, with_chat_calls
from conformance.faulty.exchange import UpstreamCutError
from conformance.faulty.fault import fault, on_events, on_json
from conformance.faulty.faults.body import flattens_stop_reason, loses_refusal
from conformance.faulty.sse import Event
from conformance.faulty.tree import changed, dropping, everywhere
from conformance.surface import Surface

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.faulty.exchange import Answer
    from conformance.faulty.sse import Json

_TEXT_DELTAS = {"response.output_text.delta", "text_delta"}


@fault.event("skips-opening-arguments", "overlooks arguments that come together with the name of a tool")
def skips_opening_arguments(event: Event) -> Event:
    calls = chat_calls(event)
    return with_chat_calls(event, [_without_opening(call) for call in calls]) if calls else event


def _without_opening(call: Json) -> Json:
    return changed(call, "function", lambda it: it | {"arguments": ""}) if call.get("id") else call


def _text(event: Event) -> str | None:
    """The text in an event; None where it brings none, or opens the answer."""
    payload = event.json
    deltas = [choice.get("delta") or {} for choice in payload.get("choices", [])]
    if deltas:
        return None if "role" in deltas[0] else deltas[0].get("content")
    delta = payload.get("delta")
    if payload.get("type") in _TEXT_DELTAS:
        return str(delta)
    return delta.get("text") if isinstance(delta, dict) and delta.get("type") in _TEXT_DELTAS else None


@fault.events("ends-at-an-empty-delta", "takes an empty piece of text for the last one")
async def ends_at_an_empty_delta(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    ended = False
    async for event in events:
        text = _text(event)
        ended = ended or text == ""
        if text is None or not ended:
            yield event


@fault.event("drops-short-deltas", "hands on no piece of text that is a single space")
def drops_short_deltas(event: Event) -> Event | None:
    return None if _text(event) == " " else event


@fault.events("mixes-interleaved-calls", "adds every fragment of arguments to the tool call that was opened last")
async def mixes_interleaved_calls(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    last = 0
    async for event in events:
        calls = chat_calls(event)
        last = max([last, *(call["index"] for call in calls if call.get("id"))])
        yield with_chat_calls(event, [{**call, "index": last} for call in calls]) if calls else event


@fault.events("needs-argument-deltas", "makes arguments of their deltas alone, whatever the done event says")
async def needs_argument_deltas(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    streamed: dict[int, str] = {}
    async for event in events:
        if piece := fragment(event):
            streamed[piece.call] = streamed.get(piece.call, "") + piece.text
        yield event.with_json(_of_deltas(event.json, streamed)) if event.type.startswith("response.") else event


def _of_deltas(payload: Json, streamed: dict[int, str]) -> Json:
    index = payload.get("output_index", -1)
    if payload["type"].endswith(".done"):
        payload = changed(payload, "arguments", lambda _: streamed.get(index, ""))
        payload = changed(payload, "item", lambda item: changed(item, "arguments", lambda _: streamed.get(index, "")))
    return changed(payload, "response", lambda it: changed(it, "output", lambda items: _items(items, streamed)))


def _items(items: list[Json], streamed: dict[int, str]) -> list[Json]:
    return [
        {**item, "arguments": streamed.get(at, "")} if "arguments" in item else item for at, item in enumerate(items)
    ]


@fault.answer("needs-done", "takes a chat without [DONE] for one that broke off")
async def needs_done(answer: Answer) -> Answer:
    return on_events(answer, _with_done) if answer.call.surface is Surface.OPENAI_CHAT else answer


async def _with_done(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    done = False
    async for event in events:
        done = done or event.data == "[DONE]"
        yield event
    if not done:
        yield Event.of('{"error":{"message":"the upstream broke off","type":"server_error","code":null}}')


@fault.answer("chokes-on-done", "gives up a stream of Responses at a [DONE]")
async def chokes_on_done(answer: Answer) -> Answer:
    return on_events(answer, _without_done) if answer.call.surface is Surface.OPENAI_RESPONSES else answer


async def _without_done(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    async for event in events:
        if event.data == "[DONE]":
            raise UpstreamCutError("what the upstream sends makes no sense")
        yield event


@fault.event("usage-in-its-own-chunk-only", "overlooks usage in a chunk that has choices")
def usage_in_its_own_chunk_only(event: Event) -> Event:
    payload = event.json
    return event.with_json(dropping(payload, "usage")) if payload.get("choices") and payload.get("usage") else event


@fault.answer("flattens-stop-in-streams", "says of every stream that it ended by itself")
async def flattens_stop_in_streams(answer: Answer) -> Answer:
    return await on_json(answer, flattens_stop_reason) if answer.streams else answer


@fault.answer("loses-refusal-in-streams", "hands on no refusal in streams")
async def loses_refusal_in_streams(answer: Answer) -> Answer:
    return await on_json(answer, loses_refusal) if answer.streams else answer


@fault.answer("zeroes-usage-in-streams", "counts nothing but the sum of input and output in streams")
async def zeroes_usage_in_streams(answer: Answer) -> Answer:
    return await on_json(answer, lambda it: everywhere(it, _plainly)) if answer.streams else answer


def _plainly(value: Json) -> Json:
    return {name: 0 if _is_detail(name) and member else member for name, member in value.items()}


def _is_detail(name: str) -> Any:
    return name.endswith("_tokens") and name.startswith(("cache", "reasoning", "thinking"))
