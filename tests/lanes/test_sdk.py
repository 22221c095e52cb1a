"""An SDK in a worker is called and answers like the one of our own process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from conformance.drivers import CLIENTS, Ask, Client, ClientFailedError, Door, Mode, Tape, Tool, ToolResult, Turn
from conformance.drivers.answer import DriverLostError
from conformance.lanes import RemoteSdk, lanes
from conformance.lanes.installs import installed_lane
from conformance.lanes.protocol import Cancel
from conformance.lanes.worker import Worker
from conformance.lanes.workers import command
from conformance.surface import CORE, Surface
from conformance.upstream import Delivery, ProviderError, Raw, RedactedThinking, Reply, Thinking, ToolCall, Usage
from tests.absent import absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conformance.drivers import MessagesClient
    from conformance.upstream import Upstream
    from tests.lanes.conftest import Knock

BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
CALL = ToolCall("call_one", "weather", '{"city": "Tromsø"}')
RICH = Reply(text="Let me look.\u2028☕", tool_calls=(CALL,), usage=Usage(input=900, output=80, cache_read=700))
WORDS = ("one ", "two ", "three ")
IN_CI = frozenset({"openai-2", "anthropic-1"})

every_surface = pytest.mark.parametrize("surface", CORE)


def counted(client: Client, prompt: str) -> Ask:
    asked = client.surface == Surface.OPENAI_CHAT and client.mode.streams
    return Ask(prompt, tools=(Tool("weather"),), fields={"stream_options": {"include_usage": True}} if asked else {})


@pytest.fixture(scope="module", params=[None, *lanes()])
def lane_workers(
    request: pytest.FixtureRequest, workers_here: dict[Surface, Worker], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Surface, Worker]]:
    """By surface: the workers of our own environment, then those of each lane that is installed."""
    if request.param is None:
        yield workers_here
        return
    lane = lanes()[request.param]
    if installed_lane(lane) is None:
        reason = f"lane {lane.name} is not installed"
        absent(reason) if lane.name in IN_CI else pytest.skip(reason)
    worker = Worker(lane.name, command(lane), tmp_path_factory.mktemp(lane.name))
    yield dict.fromkeys(lane.surfaces, worker)
    worker.stop()


async def test_every_lane_answers_as_it_was_scripted(
    knock: Knock, upstream: Upstream, lane_workers: dict[Surface, Worker]
) -> None:
    for surface, worker in lane_workers.items():
        for mode in BOTH:
            client = knock(surface, mode, tape := Tape(), worker)
            script = await upstream.answers(RICH, Reply(text="Snow."), Reply(error=ProviderError(status=429)))
            first = await client.ask(counted(client, script.prompt))
            assert (first.text, first.stop, first.usage) == (RICH.text, "tool-use", RICH.usage)
            assert [(call.id, call.name) for call in first.tool_calls] == [(CALL.id, CALL.name)]
            turn = Turn(first, (ToolResult(CALL.id, "snow"),))
            assert (await client.ask(Ask(script.prompt, tools=(Tool("weather"),), turns=(turn,)))).text == "Snow."
            failure = await client.fails(script.prompt)
            assert (failure.kind, failure.status) == ("RateLimitError", 429)
            assert failure.request_id
            assert failure.header("content-type")
            sent = [call.sent for call in await script.journal()]
            assert [exchange.content for exchange in tape.exchanges] == sent


async def test_every_lane_lists_models_with_the_query(
    knock: Knock, upstream: Upstream, lane_workers: dict[Surface, Worker]
) -> None:
    for surface, worker in lane_workers.items():
        client: MessagesClient = knock(surface, Mode.ASYNC, tape := Tape(), worker)  # type: ignore[assignment]
        script = await upstream.answers()
        assert await client.models({"case": script.token})
        assert tape.last.url.endswith(f"/models?case={script.token}")


async def test_every_lane_streams_in_time_and_leaves_when_told(
    knock: Knock, upstream: Upstream, lane_workers: dict[Surface, Worker]
) -> None:
    for surface, worker in lane_workers.items():
        client = knock(surface, Mode.ASYNC_STREAM, Tape(), worker)
        script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(gated=True)))
        async with client.stream(script.prompt) as stream:
            assert await stream.next_text() == "one "
            await script.release()
            assert await stream.next_text() == "two "
        assert await script.caller_left()


async def test_every_lane_gives_up_a_call(
    knock: Knock, upstream: Upstream, lane_workers: dict[Surface, Worker]
) -> None:
    for surface, worker in lane_workers.items():
        script = await upstream.answers(Reply(text="too late", delivery=Delivery(hold_headers=True)))
        async with anyio.create_task_group() as calls:
            calls.start_soon(knock(surface, Mode.ASYNC, Tape(), worker).ask, script.prompt)
            await script.arrived()
            calls.cancel_scope.cancel()
        assert await script.caller_left()


async def test_every_lane_closes_the_stream_of_a_call_that_was_given_up_as_it_was_answered(
    knock: Knock, upstream: Upstream, lane_workers: dict[Surface, Worker]
) -> None:
    for surface, worker in lane_workers.items():
        script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(gated=True)))
        client = knock(surface, Mode.ASYNC_STREAM, Tape(), worker)
        opened = await client._opened(client._arguments(Ask(script.prompt)))
        await worker.ask(Cancel(opened._number))
        assert await script.caller_left()


@every_surface
async def test_headers_queries_and_unknown_fields_are_sent(
    knock: Knock, upstream: Upstream, workers_here: dict[Surface, Worker], surface: Surface
) -> None:
    client = knock(surface, Mode.ASYNC, tape := Tape(), workers_here[surface])
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, headers={"x-mine": "1"}, query={"a": "b c"}, fields={"new": {"n": None}}))
    received = await script.received()
    assert received.values("x-mine") == ["1"]
    assert received.params == [("a", "b c")]
    assert received.json["new"] == {"n": None}
    host = received.values("host")
    assert host == [tape.last.url.split("/")[2]], "the gateway is addressed by its own name, not by the tap's"


async def test_thinking_betas_counts_and_lists(
    knock: Knock, upstream: Upstream, workers_here: dict[Surface, Worker]
) -> None:
    surface = Surface.ANTHROPIC_MESSAGES
    claude: MessagesClient = knock(surface, Mode.ASYNC, Tape(), workers_here[surface])  # type: ignore[assignment]
    thinking = (RedactedThinking("b3BhcXVl"), Thinking("First the tides.", "c2lnbmF0dXJl"))
    script = await upstream.answers(Reply(text="42", thinking=thinking), Reply(input_tokens=31_415))
    assert (await claude.ask(Ask(script.prompt, betas=("new-2099-01-01",)))).thinking == thinking
    assert (await script.received()).tokens("anthropic-beta") == ["new-2099-01-01"]
    assert await claude.count_tokens(Ask(script.prompt)) == 31_415
    assert await claude.models()


@every_surface
async def test_the_sdk_may_retry(
    knock: Knock, upstream: Upstream, workers_here: dict[Surface, Worker], surface: Surface
) -> None:
    busy = ProviderError(status=429, headers=(("retry-after-ms", "1"),))
    script = await upstream.answers(Reply(error=busy), Reply(text="the second try"))
    client = knock(surface, Mode.ASYNC, tape := Tape(), workers_here[surface], retries=1)
    assert (await client.ask(script.prompt)).text == "the second try"
    assert [exchange.status for exchange in tape.exchanges] == [429, 200]


async def test_many_calls_share_a_worker(knock: Knock, upstream: Upstream, workers_here: dict[Surface, Worker]) -> None:
    client = knock(Surface.OPENAI_CHAT, Mode.ASYNC_STREAM, Tape(), workers_here[Surface.OPENAI_CHAT])
    answers: list[str] = []

    async def ask(text: str) -> None:
        script = await upstream.answers(Reply(text=text))
        answers.append((await client.ask(script.prompt)).text)

    async with anyio.create_task_group() as calls:
        for number in range(20):
            calls.start_soon(ask, f"text {number}")
    assert sorted(answers) == sorted(f"text {number}" for number in range(20))


async def test_text_where_an_object_was_due_is_a_failure_of_the_call(
    knock: Knock, upstream: Upstream, workers_here: dict[Surface, Worker]
) -> None:
    client = knock(Surface.OPENAI_CHAT, Mode.ASYNC, Tape(), workers_here[Surface.OPENAI_CHAT])
    page = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\n<p/>"
    script = await upstream.answers(Reply(raw=Raw(page)))
    failure = await client.fails(script.prompt)
    assert failure.kind == "TypeError"
    assert "got text" in failure.message


async def test_a_lost_worker_is_no_failure_of_the_gateways(started: Callable[..., Worker]) -> None:
    worker = started("import sys; sys.stdin.readline(); sys.exit('segmentation fault')")
    door = Door("http://127.0.0.1:1/v1", "key", "m", "m")
    sdk = RemoteSdk(worker, door, tape := Tape())
    client = CLIENTS[Surface.OPENAI_CHAT](door, Mode.ASYNC, tape, sdk=sdk)
    with pytest.raises(DriverLostError, match="segmentation fault"):
        await client.ask("hello")
    with pytest.raises(DriverLostError):
        await client.aclose()


async def test_a_gateway_that_is_gone_is_a_failure_of_the_call(workers_here: dict[Surface, Worker]) -> None:
    door = Door("http://127.0.0.1:1/v1", "key", "m", "m")
    tape = Tape()
    client = CLIENTS[Surface.OPENAI_CHAT](
        door, Mode.ASYNC, tape, sdk=RemoteSdk(workers_here[Surface.OPENAI_CHAT], door, tape)
    )
    with pytest.raises(ClientFailedError, match="APIConnectionError"):
        await client.ask("hello")
    await client.aclose()


async def test_what_the_sdk_prints_is_no_reply(started: Callable[..., Worker]) -> None:
    """The real program, with an SDK that prints."""
    program = (
        "import sys, types\n"
        "sys.modules['noisy'] = noisy = types.ModuleType('noisy')\n"
        "class Client:\n"
        "    def __init__(self, **settings): print('hello, I am an SDK')\n"
        "    async def ask(self, **arguments): print('asked'); return 'fine'\n"
        "    async def close(self): pass\n"
        "noisy.AsyncNoisy = Client\n"
        "from conformance.lanes.programs import python_worker\n"
        "python_worker.CLIENTS['noisy'] = 'AsyncNoisy'\n"
        "python_worker.asyncio.run(python_worker.main('noisy'))\n"
    )
    sdk = RemoteSdk(started(program, "noisy"), Door("http://127.0.0.1:1", "key", "m", "m"), Tape())
    assert await sdk.ask() == "fine"
    await sdk.close()
