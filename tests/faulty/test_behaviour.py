"""Faults that show over several calls, in time, or in what the process prints."""

from __future__ import annotations

import gzip
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from conformance.surface import Surface
from conformance.upstream import Delivery, ProviderError, Reply, Verbatim
from tests.faulty.seen import CHAT, CLAUDE, RESPONSES, Lane, Stimulus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from conformance.faulty import FaultyProcess
    from conformance.secrets import Secret
    from conformance.upstream import Scripted, Upstream

WORDS = ("one", "two", "three")
GATED = CLAUDE.but(reply=Reply(text=WORDS)).delivered(gated=True)
HELD = CHAT.but(reply=Reply(text="late", delivery=Delivery(hold_headers=True)))


@asynccontextmanager
async def opened(lane: Lane, stimulus: Stimulus, script: Scripted, fault: str = "") -> AsyncIterator[httpx2.Response]:
    async with lane.http.stream(
        "POST",
        lane.url(stimulus, fault),
        headers=lane.headers(stimulus),
        content=stimulus.body(script.prompt),
    ) as answer:
        yield answer


async def read_until(chunks: AsyncIterator[bytes], word: str) -> str:
    text = ""
    while word not in text:
        text += (await anext(chunks)).decode()
    return text


async def arrives_before_the_next(word: str, lane: Lane, upstream: Upstream, fault: str) -> bool:
    """Whether a word reaches the client while the upstream holds back what follows it."""
    script = await upstream.answers(GATED.reply)
    with anyio.move_on_after(1 if fault else 30):
        async with opened(lane, GATED, script, fault) as answer:
            await read_until(answer.aiter_raw(), word)
            return True
    return False


async def test_events_are_handed_on_as_they_come(lane: Lane, upstream: Upstream) -> None:
    assert await arrives_before_the_next("one", lane, upstream, "")


@pytest.mark.parametrize("fault", ["buffers", "lags-one-event", "loses-last-delta"])
async def test_events_are_held_back(fault: str, lane: Lane, upstream: Upstream) -> None:
    assert not await arrives_before_the_next("one", lane, upstream, fault)


@pytest.mark.parametrize("fault", ["buffers", "lags-one-event"])
async def test_what_is_held_back_is_not_lost(fault: str, lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers(CLAUDE.reply)
    stream = CLAUDE.but(stream=True)
    assert (await lane.call(stream, script)).body == (await lane.call(stream, script, fault)).body


async def test_a_silence_of_a_second_is_too_long(lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers(HELD.reply)
    assert (await lane.call(HELD, script, "gives-up-after-a-second")).status == 504
    script = await upstream.answers(GATED.reply)
    seen = await lane.call(GATED, script, "gives-up-after-a-second")
    assert "takes too long" in seen.text or not seen.whole


async def test_a_silence_of_a_second_is_taken_for_success(lane: Lane, upstream: Upstream) -> None:
    late = Reply(error=ProviderError(status=429, message="too many"), delivery=Delivery(hold_headers=True))
    script = await upstream.answers(late)
    async with opened(lane, CHAT.but(stream=True), script, "promises-success-after-a-second") as answer:
        assert answer.status_code == 200
        chunks = answer.aiter_raw()
        await read_until(chunks, ": keep-alive")
        await script.release()
        await read_until(chunks, "too many")


async def taken_unread(lane: Lane, upstream: Upstream, fault: str) -> int:
    """How many megabytes of a stream leave the upstream whose client reads none of it."""
    script, other = await upstream.answers(Reply(text=("x" * 2**16,), repeats=640)), await upstream.answers()
    taken = [0]
    async with opened(lane, CHAT.but(stream=True), script, fault):
        while len(taken) < 5 or taken[-1] != taken[-5]:
            await lane.call(CHAT, other, fault)
            taken.append(await script.progress())
    return taken[-1] // 2**20


async def test_what_is_not_read_is_left_with_the_upstream(lane: Lane, upstream: Upstream) -> None:
    assert await taken_unread(lane, upstream, "") < 32
    assert await taken_unread(lane, upstream, "hoards-what-nobody-reads") >= 40


async def hang_up_on(stimulus: Stimulus, lane: Lane, upstream: Upstream, fault: str) -> Scripted:
    """Leave when the upstream has the request; then let the upstream go on."""
    script = await upstream.answers(stimulus.reply)
    async with anyio.create_task_group() as group:
        group.start_soon(lane.call, stimulus, script, fault)
        await script.arrived()
        group.cancel_scope.cancel()
    return script


@pytest.mark.parametrize("stimulus", [GATED, HELD], ids=["stream", "whole"])
async def test_a_client_that_leaves_cancels_the_upstream(stimulus: Stimulus, lane: Lane, upstream: Upstream) -> None:
    script = await hang_up_on(stimulus, lane, upstream, "")
    assert await script.caller_left()


@pytest.mark.parametrize(("stimulus", "fault"), [(GATED, "never-cancels"), (HELD, "never-cancels-whole")])
async def test_a_client_that_leaves_cancels_nothing(
    stimulus: Stimulus, fault: str, lane: Lane, upstream: Upstream
) -> None:
    script = await hang_up_on(stimulus, lane, upstream, fault)
    await lane.call(CHAT, await upstream.answers(), fault)
    await script.release(20)
    assert (await script.received()).client_left_at is None


@pytest.mark.parametrize(("stimulus", "fault"), [(HELD, "never-cancels"), (GATED, "never-cancels-whole")])
async def test_the_other_kind_of_call_is_still_cancelled(
    stimulus: Stimulus, fault: str, lane: Lane, upstream: Upstream
) -> None:
    script = await hang_up_on(stimulus, lane, upstream, fault)
    assert await script.caller_left()


REDIRECT = Reply(verbatim=Verbatim(307, (("location", "/openai/v1/elsewhere"),), b""))


async def test_redirects_are_followed(lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers(REDIRECT, Reply(text="followed"))
    clean = await lane.call(CHAT, script)
    assert (clean.status, len(clean.received)) == (502, 1)
    assert clean.json["error"]["type"] == "server_error"
    faulty = await lane.call(CHAT, await upstream.answers(REDIRECT), "follows-redirects")
    assert [call.path for call in faulty.received][1:] == ["/openai/v1/elsewhere"]


async def test_the_call_after_an_error_is_refused(lane: Lane, upstream: Upstream) -> None:
    broken, fine = await upstream.answers(Reply(error=ProviderError(500))), await upstream.answers()
    assert [(await lane.call(CHAT, script)).status for script in (broken, fine)] == [500, 200]
    statuses = [(await lane.call(CHAT, script, "poisoned-by-errors")).status for script in (broken, fine, fine)]
    assert statuses == [500, 429, 200]


async def test_large_bodies_are_refused(lane: Lane, upstream: Upstream) -> None:
    large = CLAUDE.but(turns=({"role": "user", "content": "x" * 2**20},))
    script = await upstream.answers()
    assert (await lane.call(large, script)).status == 200
    refused = await lane.call(large, script, "cuts-large-bodies")
    assert (refused.status, refused.json["error"]["type"], refused.received) == (413, "request_too_large", [])


async def test_parameters_are_refused_by_a_map_of_models(lane: Lane, upstream: Upstream) -> None:
    thinking = CHAT.but(fields=(("reasoning_effort", "high"),))
    script = await upstream.answers()
    assert (await lane.call(thinking, script)).status == 200
    refused = await lane.call(thinking, script, "rejects-by-own-model-map")
    assert (refused.status, refused.received) == (400, [])


async def second_is_answered_while_the_first_waits(lane: Lane, upstream: Upstream, fault: str) -> bool:
    first, second = await upstream.answers(HELD.reply), await upstream.answers()
    answered = False
    async with anyio.create_task_group() as group:
        group.start_soon(lane.call, HELD, first, fault)
        await first.arrived()
        with anyio.move_on_after(1 if fault else 30):
            answered = (await lane.call(CHAT, second, fault)).status == 200
        await first.release()
    return answered


async def test_calls_wait_for_each_other(lane: Lane, upstream: Upstream) -> None:
    assert await second_is_answered_while_the_first_waits(lane, upstream, "")
    assert not await second_is_answered_while_the_first_waits(lane, upstream, "one-at-a-time")


async def together(lane: Lane, upstream: Upstream, fault: str) -> str:
    """What a second stream brings while a first one, of other words, is under way."""
    first = await upstream.answers(GATED.reply)
    second = await upstream.answers(Reply(text=("un", "deux", "trois")))
    async with opened(lane, GATED, first, fault) as answer:
        chunks = answer.aiter_raw()
        await read_until(chunks, "one")
        seen = await lane.call(CLAUDE.but(stream=True), second, fault)
        await first.release(20)
        async for _ in chunks:
            pass
    return seen.text


async def test_streams_get_mixed_up(lane: Lane, upstream: Upstream) -> None:
    clean, faulty = await together(lane, upstream, ""), await together(lane, upstream, "crosses-streams")
    assert ("one" in clean, "one" in faulty) == (False, True)
    assert ("deux" in clean, "deux" in faulty) == (True, False)


@pytest.mark.parametrize("stimulus", [CHAT, CLAUDE, RESPONSES.but(stream=True)], ids=["chat", "messages", "responses"])
async def test_the_provider_key_is_handed_on(
    stimulus: Stimulus, lane: Lane, upstream: Upstream, run_secrets: dict[str, Secret]
) -> None:
    key = run_secrets["anthropic" if stimulus.surface is Surface.ANTHROPIC_MESSAGES else "openai"].value
    echo = ProviderError(401, message=f"wrong key: {key}", headers=(("x-echo", key),))
    script = await upstream.answers(Reply(error=echo))
    clean, in_body, in_headers = [
        await lane.call(stimulus, script, fault)
        for fault in ("", "leaks-provider-key-in-errors", "leaks-provider-key-in-headers")
    ]
    assert clean.status == 401
    assert (key in clean.text, key in clean.headers["x-echo"]) == (False, False)
    assert (key in in_body.text, key in in_body.headers["x-echo"]) == (True, False)
    assert (key in in_headers.text, key in in_headers.headers["x-echo"]) == (False, True)


async def test_keys_are_printed(
    lane: Lane, upstream: Upstream, relays: FaultyProcess, run_secrets: dict[str, Secret]
) -> None:
    keys = run_secrets["openai"].value, run_secrets["client"].value
    before = len(relays.log.read_text())  # the faults share a process, and so a log
    await lane.call(CHAT, await upstream.answers())
    assert not [key for key in keys if key in relays.log.read_text()[before:]]
    await lane.call(CHAT, await upstream.answers(), "logs-keys")
    assert [key for key in keys if key in relays.log.read_text()[before:]] == list(keys)


async def test_nothing_that_clients_do_is_an_error_of_the_relays(
    lane: Lane, upstream: Upstream, relays: FaultyProcess
) -> None:
    for stimulus in (GATED, HELD):
        await hang_up_on(stimulus, lane, upstream, "")
    assert "Traceback" not in relays.log.read_text()


@pytest.mark.parametrize(("fault", "after"), [("closes-each-connection", CHAT), ("closes-after-streams", GATED)])
async def test_the_connection_ends_with_the_answer(fault: str, after: Stimulus, lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers(replace(after.reply, delivery=Delivery()))
    clean, faulty = await lane.call(after, script), await lane.call(after, script, fault)
    assert ("connection" in clean.headers, faulty.headers["connection"]) == (False, "close")


async def test_a_coded_request_is_decoded_under_its_header(lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers()
    body = gzip.compress(CHAT.body(script.prompt))
    for fault in ("", "decodes-requests-only"):
        headers = [*lane.headers(CHAT), ("content-encoding", "gzip")]
        await lane.http.post(lane.url(CHAT, fault), headers=headers, content=body)
    clean, faulty = await script.journal()
    assert (clean.body, faulty.body) == (body, CHAT.body(script.prompt))
    assert faulty.values("content-encoding") == ["gzip"]


async def test_redirects_to_another_host_are_followed(lane: Lane, upstream: Upstream) -> None:
    lured = await upstream.answers()
    elsewhere = f"{upstream.url}/openai/v1/{lured.token}"
    script = await upstream.answers(Reply(verbatim=Verbatim(307, (("location", elsewhere),), b"")))
    assert (await lane.call(CHAT, script)).status == 502
    assert await lured.journal() == []
    assert (await lane.call(CHAT, script, "follows-redirects-elsewhere")).status == 200
    assert [call.path for call in await lured.journal()] == [f"/openai/v1/{lured.token}"]


async def test_a_stream_that_has_not_begun_is_not_cancelled(lane: Lane, upstream: Upstream) -> None:
    held = GATED.delivered(hold_headers=True)
    left = await hang_up_on(held, lane, upstream, "")
    assert await left.caller_left()
    kept = await hang_up_on(held, lane, upstream, "cancels-only-begun-streams")
    await lane.call(CHAT, await upstream.answers(), "cancels-only-begun-streams")
    await kept.release(20)
    assert (await kept.received()).client_left_at is None


@pytest.mark.parametrize(
    ("fault", "most", "status"), [("keeps-slots-of-the-gone", 20, 503), ("serves-a-hundred", 100, 429)]
)
async def test_there_are_only_so_many_slots(fault: str, most: int, status: int, lane: Lane, upstream: Upstream) -> None:
    stimulus = HELD if fault == "keeps-slots-of-the-gone" else GATED
    script = await upstream.answers(stimulus.reply)
    async with anyio.create_task_group() as group:
        for _ in range(most):
            group.start_soon(lane.call, stimulus, script, fault)
        await script.arrived(most)
        assert (await lane.call(CHAT, await upstream.answers(), fault)).status == status
        group.cancel_scope.cancel()
    after = (await lane.call(CHAT, await upstream.answers(), fault)).status
    assert after == (503 if fault == "keeps-slots-of-the-gone" else 200)
