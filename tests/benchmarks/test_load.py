from __future__ import annotations

import asyncio

import pytest

from benchmarks.exchanges import SURFACES, head, provided
from benchmarks.load import Connection, Window, WrongAnswerError, measure
from conformance.surface import Surface
from tests.benchmarks.serving import job, sent, serving

WHOLE = provided(Surface.OPENAI_CHAT, streamed=False)
STREAMED = provided(Surface.OPENAI_CHAT, streamed=True)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("surface", SURFACES)
async def test_every_call_that_is_made_is_one_request(surface: Surface, *, streamed: bool) -> None:
    seen: list[bytes] = []
    async with serving(sent(provided(surface, streamed=streamed)), seen) as url:
        outcome = await measure(job(url, surface=surface, streamed=streamed, connections=3))
    assert outcome.made == len(seen)
    assert 12 <= outcome.calls <= outcome.made - 3  # each connection's first call is not counted
    assert outcome.first_byte > 0


async def test_the_key_and_the_model_are_those_of_the_lane() -> None:
    seen: list[bytes] = []
    async with serving(sent(WHOLE), seen) as url:
        await measure(job(f"{url}/v1"))
    assert seen[0].startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer sk-client\r\n" in seen[0]


def truncated() -> bytes:
    return head("HTTP/1.1 200 OK", {"Content-Length": "10"}) + WHOLE.body[:10]


@pytest.mark.parametrize(
    ("answer", "streamed"),
    [
        (head("HTTP/1.1 500 Oh", {"Content-Length": str(len(WHOLE.body))}) + WHOLE.body, False),
        (truncated(), False),
        (sent(WHOLE).replace(b"word07", b"word70"), False),
        (STREAMED.head + b"".join(STREAMED.pieces[:-1]) + b"0\r\n\r\n", True),  # no [DONE]
        (STREAMED.head + b"".join((*STREAMED.pieces[:7], *STREAMED.pieces[8:])), True),  # one event lost
        (b"HTTP/1.1 200 OK\r\n\r\n" + WHOLE.body, False),  # nothing says where it ends
        (STREAMED.head + b"what is this\r\n", True),
    ],
)
async def test_a_wrong_answer_ends_the_measurement(answer: bytes, *, streamed: bool) -> None:
    async with serving(answer) as url:
        with pytest.RaisesGroup(WrongAnswerError):
            await measure(job(url, streamed=streamed))


async def test_a_connection_that_is_closed_in_the_middle_of_a_call_is_wrong() -> None:
    async with serving(sent(WHOLE)[:-5], hang_up=True) as url:
        with pytest.RaisesGroup(pytest.RaisesExc(WrongAnswerError, match="middle of a call")):
            await measure(job(url))


async def test_an_answer_that_goes_on_after_its_end_is_wrong() -> None:
    connection = Connection(job("http://127.0.0.1:1"))
    waiting = connection._waiting = asyncio.get_running_loop().create_future()
    connection.data_received(sent(WHOLE) + b"more")
    with pytest.raises(WrongAnswerError, match="more bytes"):
        await waiting


def test_a_window_opens_when_each_connection_has_had_its_first_answer() -> None:
    window = Window(connections=2, seconds=1.0)
    window.warmed(0.0)
    window.count(0.5, 0.1)  # the first connection again, while the second one still waits
    assert window.is_open(0.5)
    window.warmed(1.0)
    for number in range(8):
        window.count(1.1 + number / 10, 0.1)
    assert not window.is_open(2.5)
    outcome = window.outcome()
    assert (outcome.calls, outcome.made) == (8, 11)
    assert outcome.per_second == pytest.approx(10)


def test_a_slow_gateway_gets_the_time_for_some_rounds_of_all_connections() -> None:
    window = Window(connections=1, seconds=1.0)
    window.warmed(0.0)
    for now in (2.0, 4.0, 6.0):
        window.count(now, 0.1)
        assert window.is_open(now)
    window.count(8.0, 0.1)
    assert not window.is_open(8.0)
    assert window.outcome().per_second == pytest.approx(0.5)
