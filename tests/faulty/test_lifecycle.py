"""Keys that outlive their end in one relay, and not in the faithful one; and what keys look like."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import anyio
import pytest

from conformance.upstream import Delivery, Reply
from tests.faulty.seen import CHAT, CHATTED, MODELS, Lane, Stimulus
from tests.faulty.test_keys import OK, REFUSED, bearer, x_api_key
from tests.faulty.test_scopes import minted

if TYPE_CHECKING:
    from conformance.upstream import Upstream

GATED = CHATTED.delivered(gated=True)
HELD = CHAT.but(reply=Reply(text="ok", delivery=Delivery(hold_headers=True)))


def below(fault: str) -> str:
    return f"/faults/{fault}" if fault else ""


async def revoke(lane: Lane, fault: str, key: str) -> None:
    assert (await lane.http.delete(f"{below(fault)}/_keys/{key}")).status_code == 204


async def status(lane: Lane, upstream: Upstream, fault: str, stimulus: Stimulus) -> int:
    return (await lane.call(stimulus, await upstream.answers(), fault)).status


@pytest.mark.parametrize(("fault", "after"), [("", REFUSED), ("keeps-keys-in-use", OK)])
async def test_a_key_is_revoked_while_a_stream_runs(fault: str, after: int, lane: Lane, upstream: Upstream) -> None:
    key = await minted(lane, fault)
    gated = GATED.but(headers=bearer(key))
    script = await upstream.answers(gated.reply)
    async with anyio.create_task_group() as calls:
        calls.start_soon(lane.call, gated, script, fault)
        await script.arrived()
        await script.release()
        await revoke(lane, fault, key)
        assert await status(lane, upstream, fault, CHAT.but(headers=bearer(key))) == after
        await script.release(20)


@pytest.mark.parametrize("fault", ["", "lets-streams-outlive-keys"])
async def test_a_stream_ends_with_its_key(fault: str, lane: Lane, upstream: Upstream) -> None:
    key = await minted(lane, fault)
    gated = GATED.but(headers=bearer(key))
    script = await upstream.answers(gated.reply)
    sent = lane.http.stream(
        "POST", lane.url(gated, fault, script.token), headers=lane.headers(gated), content=gated.body(script.prompt)
    )
    async with sent as answer:
        pieces = answer.aiter_raw()
        await script.release()
        await anext(pieces)
        await revoke(lane, fault, key)
        if fault:
            await script.release(20)
            assert b"".join([piece async for piece in pieces]).endswith(b"data: [DONE]\n\n")
            assert (await script.received()).finished
        else:
            assert await script.caller_left()
            assert not (await script.arrived())[0].finished


@pytest.mark.parametrize(("fault", "after"), [("", REFUSED), ("revives-keys-in-use", OK)])
async def test_a_running_call_brings_its_key_back(fault: str, after: int, lane: Lane, upstream: Upstream) -> None:
    key = await minted(lane, fault)
    held = HELD.but(headers=bearer(key))
    script = await upstream.answers(held.reply)
    async with anyio.create_task_group() as calls:
        calls.start_soon(lane.call, held, script, fault)
        await script.arrived()
        await revoke(lane, fault, key)
        await script.release()
    assert await status(lane, upstream, fault, CHAT.but(headers=bearer(key))) == after


@pytest.mark.parametrize(("fault", "after"), [("", REFUSED), ("remembers-deleted-keys", OK)])
async def test_a_deleted_key(fault: str, after: int, lane: Lane, upstream: Upstream) -> None:
    used = CHAT.but(headers=bearer(key := await minted(lane, fault)))
    assert await status(lane, upstream, fault, used) == OK
    assert (await lane.http.post(f"{below(fault)}/_keys/{key}/delete")).status_code == 204
    assert await status(lane, upstream, fault, used) == after


@pytest.mark.parametrize("fault", ["", "forgets-revocation-on-lists", "keeps-keys-by-carrier"])
async def test_a_revoked_key_is_good_in_some_places(fault: str, lane: Lane, upstream: Upstream) -> None:
    key = await minted(lane, fault)
    uses = [CHAT.but(headers=bearer(key)), MODELS.but(headers=bearer(key)), CHAT.but(headers=x_api_key(key))]
    assert [await status(lane, upstream, fault, use) for use in uses] == [OK, OK, OK]
    await revoke(lane, fault, key)
    open_to = {"": (), "forgets-revocation-on-lists": (1,), "keeps-keys-by-carrier": (2,)}[fault]
    expected = [OK if at in open_to else REFUSED for at in range(3)]
    assert [await status(lane, upstream, fault, use) for use in uses] == expected


@pytest.mark.parametrize(
    ("fault", "shape"),
    [
        ("", r"sk-relay-[0-9a-f]{32}"),
        ("mints-keys-that-are-no-tokens", r"sk:relay\|[0-9a-f]{32}"),
        ("mints-keys-by-counting", r"sk-relay-0{30}\d\d"),
    ],
)
async def test_what_a_key_looks_like(fault: str, shape: str, lane: Lane) -> None:
    keys = {await minted(lane, fault) for _ in range(3)}
    assert len(keys) == 3
    assert all(re.fullmatch(shape, key) for key in keys)


async def test_two_keys_are_given_up_on(lane: Lane, upstream: Upstream) -> None:
    wrong = CHAT.but(headers=(*bearer("sk-whoever"), *x_api_key("sk-whoever-else")))
    assert await status(lane, upstream, "", wrong) == REFUSED
    assert await status(lane, upstream, "gives-up-on-two-keys", wrong) == OK
