"""Whether the events of a whole stream come in the order of its surface."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from conformance.oracles.chat_grammar import ChatGrammar
from conformance.oracles.converse_grammar import ConverseGrammar
from conformance.oracles.frames import frames
from conformance.oracles.gemini_grammar import GeminiGrammar
from conformance.oracles.messages_grammar import MessagesGrammar
from conformance.oracles.responses_grammar import ResponsesGrammar
from conformance.oracles.sse import ServerSentEvent, parse
from conformance.surface import Surface

if TYPE_CHECKING:
    from conformance.oracles.frames import Frame
    from conformance.oracles.grammar import Grammar

GRAMMARS: dict[Surface, type[Grammar]] = {
    Surface.OPENAI_CHAT: ChatGrammar,
    Surface.OPENAI_RESPONSES: ResponsesGrammar,
    Surface.ANTHROPIC_MESSAGES: MessagesGrammar,
    Surface.GEMINI: GeminiGrammar,
}
_PAST_WHICH_SDKS_READ = (Surface.OPENAI_RESPONSES, Surface.ANTHROPIC_MESSAGES)


def assert_in_order(surface: Surface, stream: bytes) -> None:
    """The body is one whole stream of the surface; where `[DONE]` does no harm, it is an addition."""
    if surface is Surface.BEDROCK:
        _assert_frames_in_order(stream)
        return
    read = parse(stream)
    GRAMMARS[surface]().check(read.without_done if surface in _PAST_WHICH_SDKS_READ else read.events)


def _assert_frames_in_order(stream: bytes) -> None:
    """Chunks hold Anthropic's events; frames of any other name are Converse's."""
    held = list(frames(stream))
    chunked = any(frame.kind == "chunk" for frame in held)
    grammar = MessagesGrammar() if chunked else ConverseGrammar()
    grammar.check(_told(frame) if chunked else ServerSentEvent(frame.kind, json.dumps(frame.payload)) for frame in held)


def _told(frame: Frame) -> ServerSentEvent:
    """As Anthropic itself would send it: what Amazon calls an exception is an error."""
    event = frame.event if frame.kind == "chunk" else {"type": "error", **frame.payload}
    return ServerSentEvent(event.get("type"), json.dumps(event))
