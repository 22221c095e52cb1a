"""Whether the events of a whole stream come in the order of its surface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.oracles.chat_grammar import ChatGrammar
from conformance.oracles.messages_grammar import MessagesGrammar
from conformance.oracles.responses_grammar import ResponsesGrammar
from conformance.oracles.sse import parse
from conformance.surface import Surface

if TYPE_CHECKING:
    from conformance.oracles.grammar import Grammar

GRAMMARS: dict[Surface, type[Grammar]] = {
    Surface.OPENAI_CHAT: ChatGrammar,
    Surface.OPENAI_RESPONSES: ResponsesGrammar,
    Surface.ANTHROPIC_MESSAGES: MessagesGrammar,
}


def assert_in_order(surface: Surface, stream: bytes) -> None:
    """The body is one whole stream of the surface; where `[DONE]` is unknown, it is a harmless addition."""
    knows_done = surface == Surface.OPENAI_CHAT
    GRAMMARS[surface]().check(event for event in parse(stream).events if knows_done or event.data != "[DONE]")
