"""What limited keys may do at the faithful relay, and at each faulty one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from conformance.faulty import FAULTS, Answer
from conformance.faulty.exchange import Call, UpstreamCutError, first, once
from conformance.faulty.fault import CLEAN
from conformance.faulty.keys import Keys
from conformance.faulty.limits import Limits
from conformance.surface import Provider

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conformance.faulty.exchange import Headers

OK, REFUSED = 200, 429
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
USED = {"prompt_tokens": 1000, "completion_tokens": 500, "prompt_tokens_details": {"cached_tokens": 800}}
COST = 0.00128  # 200 fresh ones, 800 from a cache, 500 said


class Relayed:
    """Calls with limited keys, answered at once."""

    def __init__(self, fault: str) -> None:
        self._limiter = (FAULTS[fault] if fault else CLEAN).limiter()
        self._keys = Keys("sk-fixed")

    def key(self, **limits: float) -> str:
        return self._keys.mint(None, limits=Limits.of(limits))

    async def begin(
        self,
        key: str,
        path: str = CHAT,
        query: str = "",
        headers: Headers = (),
        status: int = OK,
        *,
        at_replica: bool = False,
        **said: Any,
    ) -> Answer:
        """What is `said` stands in the body."""

        async def ask(call: Call) -> Answer:
            return Answer(call, status, (), once(json.dumps({"usage": USED}).encode()))

        body = json.dumps(said).encode()
        call = Call(
            *("POST", path, query, headers, body, key, dict.fromkeys(Provider, "sk"), self._keys), at_replica=at_replica
        )
        return await self._limiter.answered(call, ask)

    async def call(self, key: str, path: str = CHAT, **asked: Any) -> int:
        """To its end; the status."""
        answer = await self.begin(key, path, **asked)
        await answer.body()
        answer.close()
        return answer.status

    async def leave(self, key: str) -> None:
        """In the middle of the answer."""
        answer = await self.begin(key, stream=True)
        await anext(answer.chunks)
        answer.close()


async def three_in_a_row(relayed: Relayed) -> list[int]:
    key = relayed.key(requests_per_minute=2)
    return [await relayed.call(key) for _ in range(3)]


async def without_limits(relayed: Relayed) -> list[int]:
    return [await relayed.call("sk-fixed") for _ in range(6)]


async def three_at_once(relayed: Relayed) -> list[int]:
    key = relayed.key(requests_per_minute=2)
    return [(await relayed.begin(key)).status for _ in range(3)]


async def told(relayed: Relayed) -> tuple[int, str, bool]:
    key = relayed.key(requests_per_minute=1)
    await relayed.call(key)
    refused = await relayed.begin(key)
    return refused.status, first(refused.headers, "retry-after"), b"error" in await refused.body()


async def other_ways(relayed: Relayed) -> list[int]:
    key = relayed.key(requests_per_minute=1)
    await relayed.call(key)
    return [
        await relayed.call(key, "/v1/responses"),
        await relayed.call(key, query="a=b"),
        await relayed.call(key, headers=(("x-forwarded-for", "203.0.113.7"),)),
    ]


async def another_replica(relayed: Relayed) -> list[int]:
    key = relayed.key(requests_per_minute=1)
    return [await relayed.call(key), await relayed.call(key, at_replica=True)]


async def another_model(relayed: Relayed) -> list[int]:
    key = relayed.key(requests_per_minute=1)
    return [await relayed.call(key, model=model) for model in ("m", "M")]


async def two_keys(relayed: Relayed) -> list[int]:
    return [await relayed.call(relayed.key(requests_per_minute=1)) for _ in range(2)]


async def tokens(relayed: Relayed) -> list[int]:
    key = relayed.key(tokens_per_minute=1200)
    return [await relayed.call(key) for _ in range(2)]


async def budget(relayed: Relayed) -> list[int]:
    key = relayed.key(budget_usd=2 * COST)
    return [await relayed.call(key) for _ in range(3)]


async def barely_budget(relayed: Relayed) -> list[int]:
    key = relayed.key(budget_usd=2 * COST + 0.000001)
    return [await relayed.call(key) for _ in range(3)]


async def streamed_budget(relayed: Relayed) -> list[int]:
    key = relayed.key(budget_usd=COST)
    return [await relayed.call(key, stream=True) for _ in range(2)]


async def left_budget(relayed: Relayed) -> int:
    key = relayed.key(budget_usd=COST)
    await relayed.leave(key)
    return await relayed.call(key)


async def budget_elsewhere(relayed: Relayed) -> int:
    key = relayed.key(budget_usd=COST)
    await relayed.call(key)
    return await relayed.call(key, "/v1/responses")


async def advice_without_budget(relayed: Relayed) -> str:
    return first((await relayed.begin(relayed.key(budget_usd=0))).headers, "x-should-retry")


async def at_once(relayed: Relayed) -> int:
    key = relayed.key(streams=1)
    await relayed.begin(key)
    return await relayed.call(key)


async def one_after_the_other(relayed: Relayed) -> list[int]:
    key = relayed.key(streams=1)
    return [await relayed.call(key) for _ in range(2)]


async def after_leaving(relayed: Relayed) -> int:
    key = relayed.key(streams=1)
    await relayed.leave(key)
    return await relayed.call(key)


async def after_failing(relayed: Relayed) -> list[int]:
    key = relayed.key(streams=1)
    return [await relayed.call(key, status=400), await relayed.call(key)]


@dataclass(frozen=True)
class Breach:
    """What happens at the faithful relay and at the faulty one."""

    fault: str
    act: Callable[[Relayed], Awaitable[object]]
    faithful: object
    faulty: object


BREACHES = (
    Breach("counts-requests-late", three_at_once, [OK, OK, REFUSED], [OK, OK, OK]),
    Breach("limits-one-too-many", three_in_a_row, [OK, OK, REFUSED], [OK, OK, OK]),
    Breach("limits-one-too-few", three_in_a_row, [OK, OK, REFUSED], [OK, REFUSED, REFUSED]),
    Breach("forgets-limits-of-known-keys", three_in_a_row, [OK, OK, REFUSED], [OK, OK, OK]),
    Breach("limits-everybody", without_limits, [OK] * 6, [OK, OK, OK, OK, OK, REFUSED]),
    Breach("limits-without-retry-after", told, (429, "60", True), (429, "", True)),
    Breach("limits-with-503", told, (429, "60", True), (503, "60", True)),
    Breach("limits-in-foreign-envelope", told, (429, "60", True), (429, "60", False)),
    Breach("limits-by-path", other_ways, [REFUSED, REFUSED, REFUSED], [OK, REFUSED, REFUSED]),
    Breach("limits-by-query", other_ways, [REFUSED, REFUSED, REFUSED], [REFUSED, OK, REFUSED]),
    Breach("limits-by-replica", another_replica, [OK, REFUSED], [OK, OK]),
    Breach("limits-by-model", another_model, [OK, REFUSED], [OK, OK]),
    Breach("limits-by-forwarded-address", other_ways, [REFUSED, REFUSED, REFUSED], [REFUSED, REFUSED, OK]),
    Breach("limits-all-keys-together", two_keys, [OK, OK], [OK, REFUSED]),
    Breach("charges-nothing", tokens, [OK, REFUSED], [OK, OK]),
    Breach("charges-the-question-only", tokens, [OK, REFUSED], [OK, OK]),
    Breach("charges-no-streams", streamed_budget, [OK, REFUSED], [OK, OK]),
    Breach("charges-in-cents", budget, [OK, OK, REFUSED], [OK, OK, OK]),
    Breach("charges-a-fee", barely_budget, [OK, OK, OK], [OK, OK, REFUSED]),
    Breach("charges-cached-twice", barely_budget, [OK, OK, OK], [OK, OK, REFUSED]),
    Breach("charges-only-whole-calls", left_budget, REFUSED, OK),
    Breach("asks-to-retry-spent-budgets", advice_without_budget, "false", ""),
    Breach("budgets-one-surface", budget_elsewhere, REFUSED, OK),
    Breach("counts-no-streams", at_once, REFUSED, OK),
    Breach("never-frees-places", one_after_the_other, [OK, OK], [OK, REFUSED]),
    Breach("keeps-places-of-leavers", after_leaving, OK, REFUSED),
    Breach("keeps-places-of-failures", after_failing, [400, OK], [400, REFUSED]),
)


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.fault)
async def test_a_limit_that_is_kept_in_another_way(breach: Breach) -> None:
    assert await breach.act(Relayed("")) == breach.faithful
    assert await breach.act(Relayed(breach.fault)) == breach.faulty


async def test_a_call_that_no_provider_answered_leaves_its_place() -> None:
    relayed = Relayed("")
    key = relayed.key(streams=1)

    async def cut(_: Call) -> Answer:
        raise UpstreamCutError("the upstream does not answer")

    call = Call("POST", CHAT, "", (), b"{}", key, {}, relayed._keys)
    with pytest.raises(UpstreamCutError):
        await relayed._limiter.answered(call, cut)
    assert await relayed.call(key) == OK


async def test_a_key_without_limits_has_none() -> None:
    relayed = Relayed("")
    assert [await relayed.call("sk-fixed") for _ in range(50)] == [OK] * 50
