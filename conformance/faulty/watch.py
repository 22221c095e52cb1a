"""Reading along with a stream: has it said that it is finished?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.faulty.exchange import UpstreamCutError
from conformance.faulty.sse import Event, Splitter
from conformance.surface import Surface

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_TERMINAL = {
    Surface.ANTHROPIC_MESSAGES: {"message_stop", "error"},
    Surface.OPENAI_RESPONSES: {"response.completed", "response.incomplete", "response.failed", "error"},
}


def _finishes(event: Event) -> bool:
    """Whether a chunk of Chat Completions or Gemini says why the answer ended: what may follow adds nothing to it."""
    choices = any(choice.get("finish_reason") for choice in event.json.get("choices", []))
    candidates = any(candidate.get("finishReason") for candidate in event.json.get("candidates", []))
    return choices or candidates or "blockReason" in event.json.get("promptFeedback", {})


def breaks(event: Event) -> bool:
    """Whether an event says that the answer failed."""
    return event.type in {"error", "response.failed"} or bool(event.json.get("error"))


def terminal(surface: Surface, event: Event) -> bool:
    """Whether nothing may follow this event: the protocol's last one, or its error."""
    if surface is Surface.OPENAI_CHAT:
        return event.data == "[DONE]" or "error" in event.json
    return event.type in _TERMINAL.get(surface, ()) or "error" in event.json


async def watched(surface: Surface, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes untouched; an end before the terminal event, however it comes, is an UpstreamCutError."""
    splitter, finished, count, truncated = Splitter(), False, 0, True
    try:
        async for chunk in chunks:
            for event in splitter.feed(chunk):
                finished = finished or _finishes(event) or terminal(surface, event)
                count = max(count, 1 + int(event.json.get("sequence_number", -1)))
            yield chunk
    except UpstreamCutError:
        truncated = False
    finished = finished or any(terminal(surface, event) for event in splitter.close())
    if not finished:
        raise UpstreamCutError(
            "the upstream ended the stream too early", truncated=truncated, clean=not splitter.rest, events=count
        )
