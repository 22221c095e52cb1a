"""The places at which streams are broken are those that they are called."""

from __future__ import annotations

import pytest

from conformance.api import CHAT, MESSAGES, RESPONSES, Surface, parse
from conformance.suites.surfaces.streams import PLACES, RICH, piece_of
from conformance.upstream import anthropic_messages, openai_chat, openai_responses
from conformance.upstream.framing import encoded
from conformance.upstream.rendering import Call

RENDERERS = {CHAT: openai_chat, RESPONSES: openai_responses, MESSAGES: anthropic_messages}
LAST = {
    "the role": '"role"',
    "the start": '"model"',
    "text": "Let me",
    "a tool's name": '"weather"',
    "reasoning": "summary_text.delta",
    "thinking": "thinking_delta",
    "an item": "output_item.done",
    "a block": "content_block_stop",
    "finished arguments": "arguments.done",
    "all arguments": '}"}}]',
    "all blocks": "content_block_stop",
    "all items": "output_item.done",
}


@pytest.mark.parametrize("surface", PLACES)
def test_each_place_is_what_it_is_called(surface: Surface) -> None:
    events = list(RENDERERS[surface].events(RICH, Call("case-0123456789ab", 1, {"model": "m"})))
    for place, after in PLACES[surface].items():
        last = events[after - 1].data
        if place == "arguments":
            assert piece_of(parse(encoded(events[after - 1])).events[0].json)
        else:
            assert LAST[place] in last, f"{surface}, {place}: {last}"
