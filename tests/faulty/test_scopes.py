"""What the faithful relay holds a key to, and what each faulty one forgets of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.faulty.seen import CHAT, Lane, Stimulus
from tests.faulty.test_keys import bearer

if TYPE_CHECKING:
    from conformance.upstream import Upstream

OK, FORBIDDEN, UNAUTHORIZED = 200, 403, 401
OTHER_MODEL = {"model": "another"}


@dataclass(frozen=True)
class Held:
    """A key held to `scope` makes a call for which it is not good; the `faulty` relay answers it."""

    fault: str
    scope: dict[str, str]
    fields: dict[str, Any] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    path: str = "/v1/chat/completions"
    faulty: int = OK


HELD = (
    Held("forgets-surfaces", {"surface": "openai-responses"}),
    Held("forgets-models", OTHER_MODEL),
    Held("forgets-providers", {"provider": "anthropic"}),
    Held("forgets-origins", {"origin": "203.0.113.0/24"}),
    Held("believes-forwarded-for", {"origin": "203.0.113.0/24"}, headers=(("x-forwarded-for", "203.0.113.7, ::1"),)),
    Held("lets-aliases-through", {"model": "m"}, {"model": "relay-fast"}),
    Held("holds-no-choice-to-the-provider", {"provider": "openai"}, headers=(("x-provider", "mistral"),)),
    Held("holds-models-where-answers-are-generated", OTHER_MODEL, path="/v1/responses/input_tokens"),
    Held("refuses-what-is-out-of-scope-with-401", OTHER_MODEL, faulty=UNAUTHORIZED),
)


async def minted(lane: Lane, fault: str, **scope: str) -> str:
    prefix = f"/faults/{fault}" if fault else ""
    return str((await lane.http.post(f"{prefix}/_keys", json=scope)).json()["key"])


async def status(lane: Lane, upstream: Upstream, fault: str, held: Held) -> int:
    key = await minted(lane, fault, **held.scope)
    stimulus = CHAT.but(headers=(*bearer(key), *held.headers), fields=tuple(held.fields.items()), path=held.path)
    return (await lane.call(stimulus, await upstream.answers(), fault)).status


@pytest.mark.parametrize("held", HELD, ids=lambda held: held.fault)
async def test_what_a_key_is_not_good_for(held: Held, lane: Lane, upstream: Upstream) -> None:
    assert await status(lane, upstream, "", held) == FORBIDDEN
    assert await status(lane, upstream, held.fault, held) == held.faulty


@pytest.mark.parametrize(
    "scope",
    [{"surface": "openai-chat"}, {"model": "m"}, {"provider": "openai"}, {"origin": "127.0.0.0/8"}, {}],
    ids=str,
)
async def test_what_a_key_is_good_for(scope: dict[str, str], lane: Lane, upstream: Upstream) -> None:
    assert await status(lane, upstream, "", Held("", scope)) == OK


class Twice(Stimulus):
    """A body with two models."""

    def body(self, prompt: str) -> bytes:
        return super().body(prompt)[:-1] + b', "model": "another"}'


async def test_the_first_of_two_models_is_judged(lane: Lane, upstream: Upstream) -> None:
    for fault, expected in (("", FORBIDDEN), ("judges-the-first-of-two-models", OK)):
        twice = Twice(CHAT.surface, headers=bearer(await minted(lane, fault, model="m")))
        assert (await lane.call(twice, await upstream.answers(), fault)).status == expected


async def test_the_model_in_the_query_is_asked_for(lane: Lane, upstream: Upstream) -> None:
    for fault in ("", "asks-for-the-model-in-the-query"):
        headers = bearer(await minted(lane, fault, model="m"))
        asked = CHAT.but(path="/v1/chat/completions?model=another", headers=headers)
        seen = await lane.call(asked, await upstream.answers(), fault)
        assert [json.loads(received.body)["model"] for received in seen.received] == (["another"] if fault else [])
