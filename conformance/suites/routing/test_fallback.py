"""Who stands in for a provider that fails: on what, in which order, and never too late."""

from collections.abc import Iterable
from contextlib import suppress

from conformance.api import (
    CHAT,
    Client,
    ClientFailedError,
    Connect,
    Delivery,
    Mode,
    ProviderError,
    Received,
    Reply,
    Routing,
    Upstream,
    check,
)

BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
OFTEN = (401, 404, 429, 500, 503)
FAULTS_OF_THE_REQUEST = (400, 413, 422)
REFUSED_KEY, SERVERS = 401, 500
STOOD_IN = Reply(text="Another one answers.")


def _who(calls: Iterable[Received]) -> list[tuple[str, str]]:
    return [(call.provider, call.json["model"]) for call in calls]


def _legs(routing: Routing, count: int) -> list[tuple[str, str]]:
    return [(leg.provider.value, leg.model) for leg in routing.fallback.legs[:count]]


@check(
    "routing/fallback/statuses",
    requirement="fallback-on-each-status",
    feature="fallback",
    surfaces=(CHAT,),
    modes=BOTH,
    direct=False,
    catches=("never-falls-back", "falls-back-on-429-only", "stays-with-who-refuses", "sends-the-first-key"),
)
async def test_the_next_provider_answers_on_each_status_that_asks_for_it(
    connect: Connect, upstream: Upstream, routing: Routing
) -> None:
    client = connect(model=routing.fallback.model)
    for status in routing.fallback.statuses:
        script = await upstream.answers(Reply(error=ProviderError(status=status)), STOOD_IN)
        answer = await client.ask(script.prompt)
        assert answer.text == STOOD_IN.text
        asked = _who(await script.arrived(2))
        assert asked == _legs(routing, 2), f"on {status} were asked {asked}"


@check(
    "routing/fallback/other-errors",
    requirement="fallback-on-no-other-status",
    feature="fallback",
    surfaces=(CHAT,),
    modes=BOTH,
    direct=False,
    catches=("falls-back-on-all-errors",),
)
async def test_what_is_wrong_with_the_request_is_not_tried_elsewhere(
    connect: Connect, upstream: Upstream, routing: Routing
) -> None:
    client = connect(model=routing.fallback.model)
    for status in set(FAULTS_OF_THE_REQUEST) - set(routing.fallback.statuses):
        script = await upstream.answers(Reply(error=ProviderError(status=status)), STOOD_IN)
        assert (await client.fails(script.prompt)).status == status
        asked = _who(await script.journal())
        assert asked == _legs(routing, 1), f"on {status} were asked {asked}"


@check(
    "routing/fallback/order",
    requirement="fallback-in-order",
    feature="fallback",
    surfaces=(CHAT,),
    direct=False,
    catches=("falls-back-backwards", "stays-with-who-refuses"),
)
async def test_those_who_stand_in_are_asked_once_each_and_in_their_order(
    connect: Connect, upstream: Upstream, routing: Routing
) -> None:
    status, legs = routing.fallback.statuses[-1], len(routing.fallback.legs)
    script = await upstream.answers(*[Reply(error=ProviderError(status=status))] * legs, STOOD_IN)
    await connect(model=routing.fallback.model).fails(script.prompt)
    assert _who(await script.journal()) == _legs(routing, legs)


@check(
    "routing/fallback/all-fail",
    requirement="fallback-one-error",
    feature="fallback",
    surfaces=(CHAT,),
    direct=False,
    catches=("mixes-the-errors",),
)
async def test_where_all_fail_the_client_gets_one_providers_error_and_no_mixture(
    connect: Connect, upstream: Upstream, routing: Routing
) -> None:
    statuses = [each for each in routing.fallback.statuses if each != REFUSED_KEY]
    errors = [
        ProviderError(status=statuses[at % len(statuses)], message=f"refused by leg {at}", retry_after=str(11 + at))
        for at in range(len(routing.fallback.legs))
    ]
    script = await upstream.answers(*[Reply(error=error) for error in errors])
    failure = await connect(model=routing.fallback.model).fails(script.prompt)
    told = (failure.status, failure.header("retry-after"))
    own = (failure.status or 0) >= SERVERS and told[1] is None
    assert own or told in [(e.status, e.retry_after) for e in errors], (
        f"status and retry-after {told} are of no one call"
    )


@check(
    "routing/fallback/mid-stream",
    requirement="no-fallback-after-first-byte",
    feature="fallback",
    surfaces=(CHAT,),
    modes=(Mode.ASYNC_STREAM,),
    direct=False,
    catches=("falls-back-in-mid-stream",),
)
async def test_a_stream_that_has_begun_is_never_gone_on_with_by_another(
    connect: Connect, upstream: Upstream, routing: Routing
) -> None:
    for broken in (Delivery(cut_after=3), Delivery(end_after=3), Delivery(error_after=3)):
        script = await upstream.answers(Reply(text=("One ", "two ", "three."), delivery=broken), STOOD_IN)
        with suppress(ClientFailedError):  # which other checks demand
            await connect(model=routing.fallback.model).ask(script.prompt)
        asked = _who(await script.journal())
        assert asked == _legs(routing, 1), f"after the first byte were asked {asked}"


@check(
    "routing/fallback/empty-stream",
    requirement="empty-stream-is-no-answer",
    feature="fallback",
    surfaces=(CHAT,),
    modes=(Mode.ASYNC_STREAM,),
    direct=False,
    catches=("truncation-becomes-clean-end",),
)
async def test_a_stream_without_an_answer_is_an_error_or_another_providers_turn(
    connect: Connect, upstream: Upstream, routing: Routing
) -> None:
    script = await upstream.answers(Reply(text="lost", delivery=Delivery(end_after=1)), STOOD_IN)
    try:
        answer = await connect(model=routing.fallback.model).ask(script.prompt)
    except ClientFailedError:
        return
    assert answer.text == STOOD_IN.text, f"an empty stream became the answer {answer.text!r}"


@check(
    "routing/no-fallback",
    requirement="nothing-tried-unasked",
    feature="fallback",
    surfaces=(CHAT,),
    catches=("falls-back-for-all-models",),
)
async def test_for_a_model_without_stand_ins_nobody_else_is_asked(client: Client, upstream: Upstream) -> None:
    for status in OFTEN:
        script = await upstream.answers(Reply(error=ProviderError(status=status)), STOOD_IN)
        await client.fails(script.prompt)
        assert len(await script.journal()) == 1, f"{status} was tried elsewhere: {_who(await script.journal())}"
