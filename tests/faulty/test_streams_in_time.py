"""Faults that hold back a part of a stream, or one kind of stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from conformance.upstream import Reply, Thinking, ToolCall
from tests.faulty.seen import CHAT, CLAUDE, Lane, Stimulus
from tests.faulty.test_behaviour import opened, read_until

if TYPE_CHECKING:
    from conformance.upstream import Upstream

WORDS = Reply(text=("eins", "zwei"))
UNTYPED = CLAUDE.but(reply=WORDS).delivered(gated=True, content_type="")
CODED = CHAT.but(reply=WORDS, headers=(("accept-encoding", "gzip"),)).delivered(gated=True, encoding="gzip")
THOUGHT = Reply(thinking=(Thinking("a thought that takes some time to think", "c2ln"),))
CALL = Reply(tool_calls=(ToolCall("call_1", "look", '{"city": "Oslo"}'),))
BY_PIECES = [("collects-thinking", THOUGHT, "that ta"), ("collects-arguments", CALL, "ci")]
HELD_BACK = [("buffers-untyped", UNTYPED), ("buffers-coded-streams", CODED)]


HELD_BACK_SECONDS, SENT_SECONDS = 1, 30
"""How long to wait for what is held back, and for what is to come however busy the machine is."""


async def bytes_come(lane: Lane, upstream: Upstream, stimulus: Stimulus, fault: str, seconds: float) -> bool:
    """Whether the client sees as much as the upstream has sent, while the upstream waits for its first gate."""
    script = await upstream.answers(stimulus.reply)
    with anyio.move_on_after(seconds):
        async with opened(lane, stimulus, script, fault) as answer:
            async for _ in answer.aiter_raw():
                return True
    return False


@pytest.mark.parametrize(("fault", "stimulus"), HELD_BACK, ids=[fault for fault, _ in HELD_BACK])
async def test_one_kind_of_stream_is_held_back(fault: str, stimulus: Stimulus, lane: Lane, upstream: Upstream) -> None:
    assert await bytes_come(lane, upstream, stimulus, "", SENT_SECONDS)
    assert not await bytes_come(lane, upstream, stimulus, fault, HELD_BACK_SECONDS)
    assert await bytes_come(lane, upstream, CLAUDE.but(reply=WORDS).delivered(gated=True), fault, SENT_SECONDS)


KEPT_ALIVE = CLAUDE.but(reply=WORDS).delivered(gated=True, pings=True, comments=True)


async def keep_alive_comes(lane: Lane, upstream: Upstream, fault: str) -> bool:
    """Whether the client hears a ping and a comment while the upstream waits at its first gate."""
    script = await upstream.answers(KEPT_ALIVE.reply)
    with anyio.move_on_after(HELD_BACK_SECONDS if fault else SENT_SECONDS):
        async with opened(lane, KEPT_ALIVE, script, fault) as answer:
            text = ""
            async for chunk in answer.aiter_raw():
                text += chunk.decode()
                if ": keep-alive" in text.partition("eins")[2]:
                    return True
    return False


async def test_keep_alives_are_held_back(lane: Lane, upstream: Upstream) -> None:
    assert await keep_alive_comes(lane, upstream, "")
    assert not await keep_alive_comes(lane, upstream, "lags-keep-alives")
    plain = KEPT_ALIVE.delivered(pings=True, comments=True)
    script = await upstream.answers(plain.reply)
    assert (await lane.call(plain, script, "lags-keep-alives")).body == (await lane.call(plain, script)).body


async def piece_comes(  # noqa: PLR0917 -- what is asked, and for how long
    lane: Lane, upstream: Upstream, reply: Reply, piece: str, fault: str, seconds: float
) -> bool:
    """Whether the client sees the first piece while the upstream holds back the second."""
    stimulus = CLAUDE.but(reply=reply).delivered(gated=True)
    script = await upstream.answers(stimulus.reply)
    with anyio.move_on_after(seconds):
        async with opened(lane, stimulus, script, fault) as answer:
            await read_until(answer.aiter_raw(), piece)
            return True
    return False


@pytest.mark.parametrize(("fault", "reply", "piece"), BY_PIECES, ids=[fault for fault, _, _ in BY_PIECES])
async def test_pieces_are_collected(fault: str, reply: Reply, piece: str, lane: Lane, upstream: Upstream) -> None:
    assert await piece_comes(lane, upstream, reply, piece, "", SENT_SECONDS)
    assert not await piece_comes(lane, upstream, reply, piece, fault, HELD_BACK_SECONDS)
    assert await piece_comes(lane, upstream, WORDS, "eins", fault, SENT_SECONDS)
