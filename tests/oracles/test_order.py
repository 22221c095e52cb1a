"""A whole stream is held to the order of its surface; `[DONE]` matters only where it is known."""

from __future__ import annotations

import pytest

from conformance.oracles import GRAMMARS, assert_in_order
from conformance.surface import Surface
from conformance.upstream.framing import encoded
from tests.oracles.test_grammars import CALL, RENDERERS, RICH

DONE = b"data: [DONE]\n\n"


def body(surface: Surface) -> bytes:
    return b"".join(encoded(event) for event in RENDERERS[surface].events(RICH, CALL))


@pytest.mark.parametrize("surface", GRAMMARS)
def test_a_whole_stream_is_in_order_and_half_of_it_is_not(surface: Surface) -> None:
    whole = body(surface)
    assert_in_order(surface, whole)
    with pytest.raises(AssertionError):
        assert_in_order(surface, whole[: len(whole) // 2])


def test_done_belongs_to_chat_completions_alone_and_harms_no_other_stream() -> None:
    for surface in (Surface.OPENAI_RESPONSES, Surface.ANTHROPIC_MESSAGES):
        assert_in_order(surface, body(surface) + DONE)
    with pytest.raises(AssertionError, match=r"without \[DONE\]"):
        assert_in_order(Surface.OPENAI_CHAT, body(Surface.OPENAI_CHAT).removesuffix(DONE))
