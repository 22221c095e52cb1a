"""Where the relays look for the keys of Google's and Azure's SDKs, and what they send on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faulty.gemini_rows import BY_HEADER, REFUSED
from tests.faulty.seen import AZURE, GEMINI, Lane

if TYPE_CHECKING:
    from conformance.upstream import Upstream


async def _status(lane: Lane, upstream: Upstream, carrier: str, fault: str = "") -> int:
    in_query = GEMINI.but(path=f"/v1beta/models/m:generateContent?key={lane.key}", headers=(("authorization", ""),))
    in_header = GEMINI.but(headers=((BY_HEADER, lane.key),))
    stimulus = in_query if carrier == "query" else in_header
    return (await lane.call(stimulus, await upstream.answers(), fault)).status


@pytest.mark.parametrize(
    ("fault", "overlooked"), [("ignores-goog-keys", "header"), ("ignores-keys-in-the-query", "query")]
)
async def test_a_key_is_overlooked_where_google_lets_it_stand(
    fault: str, overlooked: str, lane: Lane, upstream: Upstream
) -> None:
    for carrier in ("header", "query"):
        assert await _status(lane, upstream, carrier) == 200
        assert await _status(lane, upstream, carrier, fault) == (401 if carrier == overlooked else 200)


async def test_any_key_is_accepted_where_google_lets_it_stand(lane: Lane, upstream: Upstream) -> None:
    assert (await lane.call(REFUSED, await upstream.answers())).status == 401
    assert (await lane.call(REFUSED, await upstream.answers(), "accepts-any-goog-key")).status == 200


async def test_the_query_is_forwarded_with_the_key_in_it(lane: Lane, upstream: Upstream) -> None:
    stimulus = GEMINI.but(path=f"/v1beta/models/m:generateContent?key={lane.key}", headers=(("authorization", ""),))
    clean = await lane.call(stimulus, await upstream.answers())
    faulty = await lane.call(stimulus, await upstream.answers(), "forwards-keys-in-the-query")
    assert lane.key not in clean.received[0].query
    assert lane.key in faulty.received[0].query


async def test_a_key_is_overlooked_where_azure_lets_it_stand(lane: Lane, upstream: Upstream) -> None:
    stimulus = AZURE.but(headers=(("api-key", lane.key), ("authorization", "")))
    assert (await lane.call(stimulus, await upstream.answers())).status == 200
    assert (await lane.call(stimulus, await upstream.answers(), "ignores-azures-keys")).status == 401
