"""Oracles: pure judgement of what was seen, on either side."""

from conformance.oracles.chat_grammar import ChatGrammar
from conformance.oracles.conversation import Asked, protocol_of, understood
from conformance.oracles.difference import assert_kept, assert_unchanged, differences
from conformance.oracles.frames import Frame, frames
from conformance.oracles.grammar import Grammar
from conformance.oracles.leaks import assert_absent
from conformance.oracles.messages_grammar import MessagesGrammar
from conformance.oracles.order import GRAMMARS, assert_in_order
from conformance.oracles.responses_grammar import ResponsesGrammar
from conformance.oracles.schema import assert_own, objections
from conformance.oracles.sse import EventStream, ServerSentEvent, parse

__all__ = [
    "GRAMMARS",
    "Asked",
    "ChatGrammar",
    "EventStream",
    "Frame",
    "Grammar",
    "MessagesGrammar",
    "ResponsesGrammar",
    "ServerSentEvent",
    "assert_absent",
    "assert_in_order",
    "assert_kept",
    "assert_own",
    "assert_unchanged",
    "differences",
    "frames",
    "objections",
    "parse",
    "protocol_of",
    "understood",
]
