"""The line to a worker: what it says, and what it may never do to a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from conformance.drivers.answer import DriverLostError, FailedElsewhereError
from conformance.lanes.protocol import Close, Next

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.lanes.worker import Worker

SPEAKS = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    {}
"""
ECHOES = SPEAKS.format('print(json.dumps({"id": request["id"], "value": request["stream"]}), flush=True)')
HANGS_BUT_FOR_CLOSE = SPEAKS.format(
    'print(json.dumps({"id": request["id"]}), flush=True) if request["do"] == "close" else None'
)
GIVES_UP = SPEAKS.format(
    'print(json.dumps({"id": request["id"]}), flush=True) if request["do"] in ("close", "cancel") else None'
)
DIES = "import sys; sys.stdin.readline(); sys.exit('out of memory, says the worker')"
BABBLES = "import sys; sys.stdin.readline(); print('npm notice: a new version', flush=True); sys.stdin.read()"
STOPS_TALKING = "import os, sys, time; sys.stdin.readline(); os.close(1); time.sleep(3600)"
FAILS = SPEAKS.format('print(json.dumps({"id": 1, "failure": {"kind": "Odd", "message": "so it is"}}), flush=True)')
ANSWERS_STRANGERS = SPEAKS.format(
    'print(json.dumps({"id": 99}) + "\\n" + json.dumps({"id": 1, "value": "mine"}), flush=True)'
)


async def test_replies_find_their_requests_in_any_event_loop(started: Callable[..., Worker]) -> None:
    worker = started(ECHOES)
    seen: list[int] = []

    async def ask(number: int) -> None:
        seen.append((await worker.ask(Next(number))).value)

    async with anyio.create_task_group() as calls:
        for number in range(20):
            calls.start_soon(ask, number)
    assert sorted(seen) == list(range(20))
    assert await anyio.to_thread.run_sync(lambda: anyio.run(worker.ask, Next(7)).value) == 7


async def test_what_the_sdk_raised_is_raised_here(started: Callable[..., Worker]) -> None:
    with pytest.raises(FailedElsewhereError, match="Odd: so it is"):
        await started(FAILS).ask(Next(1))


async def test_a_reply_that_nobody_waits_for_does_no_harm(started: Callable[..., Worker]) -> None:
    assert (await started(ANSWERS_STRANGERS).ask(Next(1))).value == "mine"


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (DIES, r"lane mine ended with 1\n  \| out of memory, says the worker"),
        (BABBLES, "lane mine said b'npm notice"),
        ("import sys; sys.exit(3)", "lane mine (ended with 3|takes no more requests)"),
    ],
)
async def test_a_worker_that_is_lost_is_our_error_and_says_why(
    started: Callable[..., Worker], program: str, told: str
) -> None:
    worker = started(program)
    with pytest.raises(DriverLostError, match=told):
        await worker.ask(Next(1))
    with pytest.raises(DriverLostError, match="lane mine"):
        await worker.ask(Next(2))


async def test_a_worker_that_stops_talking_is_lost(
    started: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.lanes.worker.PATIENCE", 0.05)
    with pytest.raises(DriverLostError, match="lane mine ended with None"):
        await started(STOPS_TALKING).ask(Next(1))


async def test_a_worker_that_hangs_is_told_from_a_gateway_that_does(
    started: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.lanes.worker.PATIENCE", 0.05)
    worker = started(HANGS_BUT_FOR_CLOSE)
    await worker.ask(Close(1))  # it has started
    with pytest.raises(DriverLostError, match="did not give up a call"), anyio.fail_after(0.05):
        await worker.ask(Next(1))
    assert worker.lost


async def test_a_call_can_be_given_up_and_the_worker_stays(started: Callable[..., Worker]) -> None:
    worker = started(GIVES_UP)
    await worker.ask(Close(1))
    with pytest.raises(TimeoutError), anyio.fail_after(0.05):
        await worker.ask(Next(1))
    await worker.ask(Close(2))
    assert not worker.lost


async def test_a_stopped_worker_is_gone(started: Callable[..., Worker]) -> None:
    worker = started(ECHOES)
    worker.stop()
    with pytest.raises(DriverLostError, match="was stopped"):
        await worker.ask(Next(1))


async def test_nothing_of_the_users_own_environment_reaches_a_worker(
    started: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-user")
    monkeypatch.setenv("NODE_OPTIONS", "--max-old-space-size=1")
    tells = "import os\n" + SPEAKS.format('print(json.dumps({"id": 1, "value": dict(os.environ)}), flush=True)')
    found = (await started(tells).ask(Next(1))).value
    assert set(found) <= {"PATH", "HOME", "LANG", "LC_CTYPE"}
