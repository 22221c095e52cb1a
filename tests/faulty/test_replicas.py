"""A relay at its second door: the same keys, but where the fault is that they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faulty.test_keys import OK, REFUSED, bearer, minted

if TYPE_CHECKING:
    from conformance.upstream import Upstream
    from tests.faulty.seen import Lane

KEEPS, LEARNS_NOTHING = "replicas-keep-what-they-saw", "replicas-learn-no-new-keys"


async def statuses(lane: Lane, upstream: Upstream, key: str, fault: str) -> list[int]:
    """At its first door, and at its replica."""
    found = []
    for place in ("", "/replica"):
        prefix = (f"/faults/{fault}" if fault else "") + place
        script = await upstream.answers()
        answer = await lane.http.post(
            f"{prefix}/v1/chat/completions",
            headers=dict(bearer(key)),
            json={"model": "gpt-5-mini", "messages": [{"role": "user", "content": script.prompt}]},
        )
        found.append(answer.status_code)
    return found


@pytest.mark.parametrize("fault", ["", KEEPS])
@pytest.mark.parametrize("end", ["revoke", "expire"])
async def test_what_ends_at_one_door(fault: str, end: str, lane: Lane, upstream: Upstream) -> None:
    key, unseen = await minted(lane, fault), await minted(lane, fault)
    assert await statuses(lane, upstream, key, fault) == [OK, OK]
    prefix = f"/faults/{fault}" if fault else ""
    for each in (key, unseen):
        path = f"{prefix}/_keys/{each}"
        await (lane.http.delete(path) if end == "revoke" else lane.http.post(f"{path}/expire"))
    assert await statuses(lane, upstream, key, fault) == [REFUSED, OK if fault else REFUSED]
    assert await statuses(lane, upstream, unseen, fault) == [REFUSED, REFUSED]


@pytest.mark.parametrize(("fault", "there"), [("", OK), (LEARNS_NOTHING, REFUSED)])
async def test_what_begins_at_one_door(fault: str, there: int, lane: Lane, upstream: Upstream) -> None:
    assert await statuses(lane, upstream, await minted(lane, fault), fault) == [OK, there]
    assert await statuses(lane, upstream, lane.key, fault) == [OK, OK]
