"""A whole stream is held to the order of its surface; `[DONE]` matters only where it is known."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from conformance.oracles import GRAMMARS, assert_in_order, frames
from conformance.surface import Surface
from conformance.upstream import Delivery, Reply, bedrock, converse
from conformance.upstream.delivery import streamed
from conformance.upstream.framing import encoded
from tests.absent import recordings_directory
from tests.oracles.test_grammars import CALL, RENDERERS, RICH
from tests.upstream.replies import REPLIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.rendering import Renderer

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


def framed(renderer: Renderer, reply: Reply = RICH) -> list[bytes]:
    delivery = reply.delivery
    return [frame.data for frame in streamed(200, (), renderer.events(reply, CALL), delivery, "frames").frames]


@pytest.mark.parametrize("renderer", [bedrock, converse], ids=["invoke", "converse"])
@pytest.mark.parametrize("name", REPLIES)
def test_frames_of_the_upstream_are_in_order(renderer: Renderer, name: str) -> None:
    reply = replace(REPLIES[name], delivery=Delivery(unknown_event=True))
    assert_in_order(Surface.BEDROCK, b"".join(framed(renderer, reply)))


def test_frames_that_were_recorded_are_in_order() -> None:
    recorded = [
        json.loads(path.read_text()) for path in sorted((recordings_directory() / "bedrock").glob("*-stream-*.json"))
    ]
    streams = [
        b64decode(each["response"]["body_base64"]) for each in recorded if "prompt" not in each["request"]["body"]
    ]
    assert len(streams) >= 10
    for stream in streams:
        assert_in_order(Surface.BEDROCK, stream)


HARMLESS = {
    ("drop", "contentBlockDelta"),
    ("repeat", "contentBlockDelta"),
    ("swap", "contentBlockDelta", "contentBlockDelta"),
}


def mutations(whole: list[bytes]) -> Iterator[tuple[tuple[str, ...], list[bytes]]]:
    """Each frame dropped, repeated, and swapped with the next."""
    kinds = [frame.kind for each in whole for frame in frames(each)]
    for at, kind in enumerate(kinds):
        yield ("drop", kind), whole[:at] + whole[at + 1 :]
        yield ("repeat", kind), [*whole[: at + 1], *whole[at:]]
        yield ("swap", *kinds[at : at + 2]), [*whole[:at], *reversed(whole[at : at + 2]), *whole[at + 2 :]]


def test_every_mutation_of_converse_that_breaks_its_order_is_refused() -> None:
    whole = framed(converse)
    for change, mutant in mutations(whole):
        if change not in HARMLESS and mutant != whole:
            with pytest.raises(AssertionError):
                assert_in_order(Surface.BEDROCK, b"".join(mutant))


@pytest.mark.parametrize("renderer", [bedrock, converse], ids=["invoke", "converse"])
def test_an_exception_ends_frames_anywhere_and_nothing_follows(renderer: Renderer) -> None:
    for after in range(6):
        broken = framed(renderer, replace(RICH, delivery=Delivery(error_after=after)))
        assert_in_order(Surface.BEDROCK, b"".join(broken))
    with pytest.raises(AssertionError, match="nothing after"):
        assert_in_order(Surface.BEDROCK, b"".join([*broken, broken[0]]))


def test_frames_that_are_cut_or_changed_are_refused() -> None:
    whole = b"".join(framed(converse))
    for spoiled in (whole[:-1], whole.replace(b"messageStop", b"messageStap"), b"data: {}\n\n"):
        with pytest.raises(AssertionError):
            assert_in_order(Surface.BEDROCK, spoiled)
