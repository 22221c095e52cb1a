"""What relays tell of calls: the faithful one of each, once and rightly; the faulty ones as their names say."""

from __future__ import annotations

import json
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import pytest

from conformance.upstream import ProviderError, Reply, Usage
from tests.faulty.seen import CHAT, CLAUDE, Lane, Stimulus
from tests.faulty.test_behaviour import GATED, opened

if TYPE_CHECKING:
    from conformance.faulty import FaultyProcess
    from conformance.upstream import Scripted, Upstream

COUNTED = CLAUDE.but(reply=Reply(text="an answer", usage=Usage(input=1234, output=567)))
STREAMED = COUNTED.but(stream=True)
FAILED = CHAT.but(reply=Reply(error=ProviderError(status=429)))
REFUSED = CHAT.but(headers=(("authorization", "Bearer sk-nobody-s"),))
PLAIN = {"input": 1234, "output": 567, "status": 200}


class Told:
    """What the relays have told of all that is over by now; the rows are those of a call, and of nothing else."""

    def __init__(self, lane: Lane, relays: FaultyProcess) -> None:
        self._lane = lane
        self._log = relays.log
        self._trace = token_hex(16)

    async def text(self) -> str:
        """They tell of a call after its last byte, and of it before they answer another one."""
        await self._lane.http.get("/healthz")
        return self._log.read_text()

    def marked(self, stimulus: Stimulus) -> Stimulus:
        return stimulus.but(headers=(*stimulus.headers, ("traceparent", f"00-{self._trace}-{token_hex(8)}-01")))

    async def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (await self.text()).splitlines() if self._trace in line]

    async def of(self, stimulus: Stimulus, script: Scripted, fault: str = "") -> list[dict[str, Any]]:
        await self._lane.call(self.marked(stimulus), script, fault)
        return await self.rows()


@pytest.fixture
def told(lane: Lane, relays: FaultyProcess) -> Told:
    return Told(lane, relays)


@pytest.mark.parametrize("stimulus", [COUNTED, STREAMED], ids=["whole", "streamed"])
async def test_a_faithful_relay_tells_once_and_rightly(stimulus: Stimulus, told: Told, upstream: Upstream) -> None:
    [row] = await told.of(stimulus, await upstream.answers(stimulus.reply))
    assert {name: row[name] for name in PLAIN} == PLAIN
    assert "an answer" not in json.dumps(row)


async def test_it_tells_nothing_of_calls_without_a_trace(lane: Lane, told: Told, upstream: Upstream) -> None:
    before = await told.text()
    await lane.call(CHAT, await upstream.answers())
    assert await told.text() == before


@pytest.mark.parametrize(
    ("fault", "stimulus", "rows"),
    [
        ("audits-no-refusals", REFUSED, 0),
        ("audits-no-refusals", FAILED, 1),
        ("audits-no-failures", FAILED, 0),
        ("audits-no-failures", REFUSED, 1),
        ("audits-streams-twice", STREAMED, 2),
        ("audits-streams-twice", COUNTED, 1),
    ],
)
async def test_rows_are_missing_or_too_many(
    fault: str, stimulus: Stimulus, rows: int, told: Told, upstream: Upstream
) -> None:
    assert len(await told.of(stimulus, await upstream.answers(stimulus.reply), fault)) == rows


@pytest.mark.parametrize(("fault", "rows"), [("", 1), ("audits-no-departures", 0)])
async def test_a_client_that_leaves_is_told_of_or_not(
    fault: str, rows: int, told: Told, lane: Lane, upstream: Upstream
) -> None:
    script = await upstream.answers(GATED.reply)
    async with opened(lane, told.marked(GATED), script, fault) as answer:
        await anext(answer.aiter_raw())
    assert await script.caller_left()  # which is the last thing before the relay tells of it
    assert len(await told.rows()) == rows


@pytest.mark.parametrize(
    ("fault", "stimulus", "wrong"),
    [
        ("audits-every-call-as-a-success", FAILED, {"status": 200}),
        ("audits-no-usage-of-streams", STREAMED, {"status": 200, "input": 0, "output": 0}),
        ("audits-no-usage-of-streams", COUNTED, PLAIN),
        ("audits-estimated-usage", COUNTED, {"status": 200, "output": 2}),
    ],
)
async def test_rows_say_what_is_not_true(
    fault: str, stimulus: Stimulus, wrong: dict[str, int], told: Told, upstream: Upstream
) -> None:
    [row] = await told.of(stimulus, await upstream.answers(stimulus.reply), fault)
    assert {name: row[name] for name in wrong} == wrong


@pytest.mark.parametrize(
    ("fault", "said"), [("audits-prompts", "case-"), ("audits-answers", "an answer"), ("audits-headers", "Bearer ")]
)
async def test_rows_hold_what_was_said(fault: str, said: str, told: Told, upstream: Upstream) -> None:
    [row] = await told.of(COUNTED, await upstream.answers(COUNTED.reply), fault)
    assert said in json.dumps(row)


@pytest.mark.parametrize(
    ("fault", "label"),
    [
        ("", 'relay_requests_total{status_class="2xx"} 1'),
        ("counts-by-model", 'status_class="2xx",model="'),
        ("counts-by-path", 'path="/v1/chat/completions"'),
        ("counts-by-agent", 'agent="python-httpx2/'),
        ("counts-by-key", 'authorization="Bearer '),
    ],
)
async def test_calls_are_counted(fault: str, label: str, lane: Lane, upstream: Upstream) -> None:
    await lane.call(CHAT, await upstream.answers(), fault)
    counted = (await lane.http.get(f"/faults/{fault}/_metrics" if fault else "/_metrics")).text
    assert label.partition("} ")[0] in counted
    assert fault or "model=" not in counted
