"""Whether the events of a whole stream come in the order of its surface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.oracles.chat_grammar import ChatGrammar
from conformance.oracles.gemini_grammar import GeminiGrammar
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
    Surface.GEMINI: GeminiGrammar,
}
_PAST_WHICH_SDKS_READ = (Surface.OPENAI_RESPONSES, Surface.ANTHROPIC_MESSAGES)


def assert_in_order(surface: Surface, stream: bytes) -> None:
    """The body is one whole stream of the surface; where `[DONE]` does no harm, it is an addition."""
    harmless = surface in _PAST_WHICH_SDKS_READ
    GRAMMARS[surface]().check(event for event in parse(stream).events if not harmless or event.data != "[DONE]")
