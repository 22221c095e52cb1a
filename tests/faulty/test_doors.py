"""Relays with a door that stands open, or that tells too much; and the faithful one beside them."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from conformance.upstream import Reply
from tests.faulty.seen import CHAT, CLAUDE, COUNT, MODELS, Lane, Stimulus

if TYPE_CHECKING:
    from conformance.faulty import FaultyProcess
    from conformance.upstream import Upstream

WRONG = (("authorization", "Bearer sk-nobody-has-this-one"),)
OPEN = {
    "guards-known-paths-only": COUNT.but(headers=WRONG),
    "guards-post-only": MODELS.but(headers=WRONG),
    "guards-plain-paths-only": CLAUDE.but(headers=WRONG, path="/v1//messages"),
    "trusts-forwarded-headers": CHAT.but(headers=(*WRONG, ("x-forwarded-user", "admin"))),
}


@pytest.mark.parametrize("fault", OPEN)
async def test_a_door_that_stands_open(fault: str, lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers()
    clean, faulty = await lane.call(OPEN[fault], script), await lane.call(OPEN[fault], script, fault)
    assert (clean.status, clean.received) == (401, [])
    assert len(faulty.received) == 1


@pytest.mark.parametrize("fault", OPEN)
@pytest.mark.parametrize("stimulus", [CLAUDE.but(headers=WRONG), CHAT.but(headers=WRONG)], ids=["messages", "chat"])
async def test_the_front_door_is_locked(fault: str, stimulus: Stimulus, lane: Lane, upstream: Upstream) -> None:
    assert (await lane.call(stimulus, await upstream.answers(), fault)).status == 401


async def test_odd_keys_are_choked_on(lane: Lane, upstream: Upstream) -> None:
    odd = CHAT.but(headers=(("authorization", "Bearer ' OR '1'='1"),))
    script = await upstream.answers()
    assert (await lane.call(odd, script)).status == 401
    assert (await lane.call(odd, script, "chokes-on-odd-keys")).status == 500


@pytest.mark.parametrize(
    ("fault", "told"),
    [("tells-the-hash", sha256(b"sk-nobody-has-this-one").hexdigest()), ("shows-its-insides", "TokenTable")],
)
async def test_a_refusal_that_tells_too_much(fault: str, told: str, lane: Lane, upstream: Upstream) -> None:
    refused, script = CLAUDE.but(headers=WRONG), await upstream.answers()
    assert told not in (await lane.call(refused, script)).text
    assert told in (await lane.call(refused, script, fault)).text


async def test_the_second_carrier_is_forwarded(lane: Lane, upstream: Upstream) -> None:
    both = CHAT.but(headers=(("authorization", f"Bearer {lane.key}"), ("x-api-key", "another")))
    assert not (await lane.call(both, await upstream.answers())).sent("x-api-key")
    assert (await lane.call(both, await upstream.answers(), "forwards-the-second-carrier")).sent("x-api-key")


async def test_a_key_in_the_query_stays(lane: Lane, upstream: Upstream) -> None:
    asked = CHAT.but(path=f"/v1/chat/completions?key={lane.key}&beta=true&again")
    (received,) = (await lane.call(asked, await upstream.answers())).received
    assert received.query.startswith("beta=true&again")


async def test_answers_are_kept(lane: Lane, upstream: Upstream) -> None:
    replies = Reply(text="first"), Reply(text="second")
    for fault, second in (("", "second"), ("keeps-answers", "first")):
        script = await upstream.answers(*replies)
        assert "first" in (await lane.call(CHAT, script, fault)).text
        assert second in (await lane.call(CHAT, script, fault)).text


@pytest.mark.parametrize("headers", [WRONG, ()], ids=["refused", "passed"])
async def test_the_answer_to_head_has_no_body(
    headers: tuple[tuple[str, str], ...], lane: Lane, upstream: Upstream
) -> None:
    asked, script = MODELS.but(method="HEAD", headers=headers), await upstream.answers()
    first, second = await lane.call(asked, script), await lane.call(MODELS, script)
    assert (first.body, first.whole, second.status) == (b"", True, 200)


async def test_refused_keys_are_printed(lane: Lane, upstream: Upstream, relays: FaultyProcess) -> None:
    wrong = CHAT.but(headers=(("authorization", "Bearer sk-to-be-printed-or-not"),))
    for fault, printed in (("", False), ("logs-refused-keys", True)):
        await lane.call(wrong, await upstream.answers(), fault)
        assert ("sk-to-be-printed-or-not" in relays.log.read_text()) == printed
