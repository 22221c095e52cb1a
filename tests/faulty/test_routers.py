"""Who is asked for a model with stand-ins, call by call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.upstream import ProviderError, Reply
from tests.faulty.routing_rows import asked_for
from tests.faulty.seen import CLAUDE, RESPONSES

if TYPE_CHECKING:
    from conformance.upstream import Upstream
    from tests.faulty.seen import Lane, Stimulus

ERRORS = [Reply(error=ProviderError(status=status, retry_after=wait)) for status, wait in ((429, "7"), (503, "8"))]


async def test_a_faithful_relay_asks_one_after_the_other(lane: Lane, upstream: Upstream) -> None:
    seen = await lane.call(asked_for("relay-sure"), await upstream.answers(*ERRORS, Reply(text="fine")))
    assert (seen.status, [call.provider for call in seen.received]) == (200, ["openai", "mistral", "azure"])
    assert [call.json["model"] for call in seen.received] == ["gpt-5-mini", "mistral-large-latest", "gpt-5-mini"]


async def test_errors_are_mixed(lane: Lane, upstream: Upstream) -> None:
    replies = [*ERRORS, Reply(error=ProviderError(status=500, retry_after="9"))]
    clean = await lane.call(asked_for("relay-sure"), await upstream.answers(*replies))
    mixed = await lane.call(asked_for("relay-sure"), await upstream.answers(*replies), "mixes-the-errors")
    assert [(seen.status, seen.headers["retry-after"]) for seen in (clean, mixed)] == [(500, "9"), (500, "7")]


@pytest.mark.parametrize(
    ("stimulus", "legs"),
    [
        (RESPONSES, [("openai", "gpt-5-mini"), ("azure", "gpt-5-mini")]),
        (CLAUDE, [("anthropic", "claude-sonnet-5-5"), ("anthropic", "claude-opus-5-5")]),
    ],
    ids=str,
)
async def test_others_stand_in_on_other_surfaces_too(
    lane: Lane, upstream: Upstream, stimulus: Stimulus, legs: list[tuple[str, str]]
) -> None:
    asked = stimulus.but(fields=(("model", "relay-sure"),))
    seen = await lane.call(asked, await upstream.answers(ERRORS[0], Reply(text="fine")))
    assert (seen.status, [(call.provider, call.json["model"]) for call in seen.received]) == (200, legs)
