"""Streams that break: at every place of an answer an error is an error, and half an answer is no answer."""

from collections.abc import Iterator
from dataclasses import replace

from conformance.api import CHAT, RESPONSES, Client, Delivery, Mode, Reply, Tape, Upstream, check, parse
from conformance.suites.surfaces.streams import PLACES, RICH, endings

STREAM = (Mode.ASYNC_STREAM,)


@check(
    "stream/error/anywhere",
    requirement="stream-errors-surface",
    feature="errors",
    modes=STREAM,
    catches=("error-becomes-stop", "swallows-errors-in-arguments", "swallows-stream-errors"),
)
async def test_an_error_is_an_error_at_every_place_of_an_answer(client: Client, upstream: Upstream) -> None:
    replies = {place: replace(RICH, delivery=Delivery(error_after=after)) for place, after in _places(client)}
    found = [place for place, reply in replies.items() if await _succeeds(client, upstream, reply)]
    assert not found, f"the client saw success though an error came after {', '.join(found)}"


@check(
    "stream/error/failed",
    requirement="stream-errors-surface",
    feature="errors",
    surfaces=(RESPONSES,),
    modes=(Mode.ASYNC_STREAM, Mode.ASYNC_HELPER),
    catches=("failed-becomes-completed",),
)
async def test_a_response_that_failed_is_no_answer(client: Client, upstream: Upstream) -> None:
    for after in (2, 11):
        script = await upstream.answers(replace(RICH, delivery=Delivery(error_after=after, error_form="failed")))
        await client.fails(script.prompt)


@check(
    "stream/error/failed-then-error",
    requirement="stream-error-unchanged",
    feature="errors",
    surfaces=(RESPONSES,),
    modes=STREAM,
    catches=("drops-after-failed",),
)
async def test_what_comes_after_a_failed_response_arrives_too(client: Client, upstream: Upstream, tape: Tape) -> None:
    broken = Delivery(error_after=2, error_form="failed-then-error")
    script = await upstream.answers(replace(RICH, delivery=broken))
    await client.fails(script.prompt)
    kinds = [event.json["type"] for event in parse(tape.last.content).without_done]
    assert kinds[2:] == ["response.failed", "error"], f"after two events came {kinds[2:]}"


@check(
    "stream/error/beside-choices",
    requirement="errors-beside-choices",
    feature="errors",
    surfaces=(CHAT,),
    modes=STREAM,
    catches=("drops-error-beside-choices",),
)
async def test_an_error_beside_an_empty_list_of_choices_is_an_error(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(replace(RICH, delivery=Delivery(error_after=3, error_form="beside-choices")))
    await client.fails(script.prompt)


@check(
    "stream/cut/anywhere",
    requirement="cut-is-an-error",
    feature="cut",
    modes=STREAM,
    catches=("ends-cleanly-in-arguments", "cut-becomes-clean-end", "makes-up-ending"),
)
async def test_a_stream_cut_at_any_place_is_no_answer(client: Client, upstream: Upstream) -> None:
    replies = {place: replace(RICH, delivery=Delivery(cut_after=after)) for place, after in _places(client)}
    found = [place for place, reply in replies.items() if await _succeeds(client, upstream, reply)]
    assert not found, f"the client saw success though the stream was cut after {', '.join(found)}"


@check(
    "stream/truncated/anywhere",
    requirement="truncation-is-an-error",
    feature="cut",
    modes=STREAM,
    direct=False,
    catches=("ends-cleanly-in-arguments", "truncation-becomes-clean-end"),
)
async def test_a_stream_that_stops_at_any_place_is_no_answer(client: Client, upstream: Upstream) -> None:
    replies = {place: replace(RICH, delivery=Delivery(end_after=after)) for place, after in _places(client)}
    found = [place for place, reply in replies.items() if await _succeeds(client, upstream, reply)]
    assert not found, f"the client saw success though the stream just stopped after {', '.join(found)}"


@check(
    "stream/no-made-up-ending",
    requirement="no-made-up-ending",
    feature="cut",
    modes=STREAM,
    catches=("makes-up-ending",),
)
async def test_half_an_answer_is_given_no_ending(client: Client, upstream: Upstream, tape: Tape) -> None:
    found = []
    for place, after in _places(client):
        if await _succeeds(client, upstream, replace(RICH, delivery=Delivery(end_after=after))):
            found += [f"{ending} after {place}" for ending in endings(tape)]
    assert not found, f"the provider sent no ending, yet there came {', '.join(found)}"


def _places(client: Client) -> Iterator[tuple[str, int]]:
    yield from PLACES[client.surface].items()


async def _succeeds(client: Client, upstream: Upstream, reply: Reply) -> bool:
    script = await upstream.answers(reply)
    try:
        await client.ask(script.prompt)
    except AssertionError:
        return False
    return True
