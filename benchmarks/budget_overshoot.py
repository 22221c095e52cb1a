"""`python -m benchmarks.budget_overshoot`: a budget of $1.00 under 200 concurrent streams, through two replicas.

Each client streams until it is told that the budget is spent. The upstream decides what a stream costs, up to what the
call allows. Afterwards the ledger is held against what the upstream has said: the overshoot stays below one call, and
what clients have got in full is charged, also where a replica is killed in the middle (`--kill`).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING

import aiohttp
import click
from aiohttp import web

from gateway.keys import KeyStore
from gateway.limits import Limit, dollars
from gateway.spend import SpendStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MODEL, INPUT_PRICE, OUTPUT_PRICE = "claude-sonnet-4-5", Decimal("0.000003"), Decimal("0.000015")
INPUT_TOKENS, MOST_TOKENS = 20, 1000
ESTIMATED_INPUT = Decimal("0.00025")  # the gateway's guess at the question, cached at the dearer price
CONFIG = """
[listen]
port = 0
[keys]
database = "keys.sqlite3"
[[providers]]
id = "provider"
surfaces = ["anthropic-messages"]
base_url = "{upstream}"
credential = {{ env = "OVERSHOOT_PROVIDER" }}
auth = "x-api-key"
"""


@dataclass
class Outcome:
    """Dollars: what the upstream has said in streams, what clients have got in full, and what was charged."""

    budget: Decimal
    said: Decimal = Decimal(0)
    received: Decimal = Decimal(0)
    charged: Decimal = Decimal(0)
    streams: int = 0
    refused: int = 0
    running: int = 0
    most_running: int = 0
    killed: bool = False
    in_the_middle: asyncio.Event = field(default_factory=asyncio.Event)
    seconds: float = 0.0

    def receive(self, cost: Decimal) -> None:
        self.streams += 1
        self.received += cost
        if self.received >= self.budget / 4:
            self.in_the_middle.set()

    @property
    def overshoot(self) -> Decimal:
        return self.charged - self.budget

    @property
    def bound(self) -> Decimal:
        """What the dearest call may cost."""
        return MOST_TOKENS * OUTPUT_PRICE + ESTIMATED_INPUT

    @property
    def holds(self) -> bool:
        return self.overshoot < self.bound and self.charged >= self.received


def event(name: str, **payload: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **payload})}\n\n".encode()


class Provider:
    """Streams of various lengths and costs."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._draw = Random(5)  # noqa: S311 -- lengths, no secrets

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        outcome, tokens = self._outcome, self._draw.randint(1, MOST_TOKENS)
        cost = INPUT_TOKENS * INPUT_PRICE + tokens * OUTPUT_PRICE
        outcome.said += cost
        response = web.StreamResponse(headers={"content-type": "text/event-stream", "x-cost": str(cost)})
        outcome.running += 1
        outcome.most_running = max(outcome.running, outcome.most_running)
        try:
            await self._say(request, response, tokens)
        except ConnectionError:
            pass  # killed
        finally:
            outcome.running -= 1
        return response

    @staticmethod
    async def _say(request: web.BaseRequest, response: web.StreamResponse, tokens: int) -> None:
        await response.prepare(request)
        used = {"input_tokens": INPUT_TOKENS, "output_tokens": 1}
        await response.write(event("message_start", message={"model": MODEL, "usage": used}))
        for _ in range(1 + tokens // 100):
            delta = {"type": "text_delta", "text": "so many words " * 10}
            await response.write(event("content_block_delta", index=0, delta=delta))
            await asyncio.sleep(0.02)  # as fast as a model speaks
        await response.write(event("message_delta", usage={"output_tokens": tokens}) + event("message_stop"))
        await response.write_eof()


class Replica:
    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url


@asynccontextmanager
async def replica(config: Path) -> AsyncIterator[Replica]:
    command = (sys.executable, "-m", "gateway", "serve", "--config", str(config))
    environment = {**os.environ, "OVERSHOOT_PROVIDER": "sk-of-the-provider"}
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield Replica(process, (await process.stdout.readline()).decode().split()[-1])
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@asynccontextmanager
async def provider(outcome: Outcome) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(Provider(outcome).answer, handler_cancellation=True), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def client(session: aiohttp.ClientSession, replicas: list[Replica], key: str, outcome: Outcome) -> None:
    """Streams until the budget is spent."""
    asked = {"model": MODEL, "max_tokens": MOST_TOKENS, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    for chosen in cycle(replicas):
        with suppress(aiohttp.ClientError):  # killed
            async with session.post(f"{chosen.url}/v1/messages", json=asked, headers={"x-api-key": key}) as reply:
                said = await reply.read()
                if reply.status == 200 and b"message_stop" in said:  # noqa: PLR2004
                    outcome.receive(Decimal(reply.headers["x-cost"]))
                outcome.refused += reply.status == 429  # noqa: PLR2004
                if reply.headers.get("x-should-retry") == "false":
                    return
        await asyncio.sleep(0.1)


async def killed_in_the_middle(victim: Replica, outcome: Outcome) -> None:
    await outcome.in_the_middle.wait()
    victim.process.kill()
    outcome.killed = True


async def measured(directory: Path, budget: Decimal, clients: int, *, kill: bool) -> Outcome:
    outcome, started = Outcome(budget), perf_counter()
    config = directory / "gateway.toml"
    with KeyStore(directory / "keys.sqlite3") as store:
        minted = store.mint("budget", limits=Limit(budget_usd=budget))
    async with AsyncExitStack() as running:
        config.write_text(CONFIG.format(upstream=await running.enter_async_context(provider(outcome))))
        replicas = [await running.enter_async_context(replica(config)) for _ in range(2)]
        session = await running.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        order = [replicas, replicas[::-1]]
        calls = [client(session, order[number % 2], minted.plaintext, outcome) for number in range(clients)]
        await asyncio.gather(*calls, *([killed_in_the_middle(replicas[1], outcome)] if kill else []))
    outcome.seconds = perf_counter() - started
    books = SpendStore(directory / "keys.sqlite3")
    outcome.charged = dollars(books.spent(f"key:{minted.key.digest.hex()}", 0))
    books.close()
    return outcome


@click.command()
@click.option("--budget", default="1.00", show_default=True)
@click.option("--clients", type=click.IntRange(1), default=200, show_default=True)
@click.option("--kill", is_flag=True, help="Kill one of the two replicas when a quarter is spent.")
def main(budget: str, clients: int, *, kill: bool) -> None:
    """Stream until a budget is spent; exit 1 if it is overshot by a call or more, or if anything was not charged."""
    with tempfile.TemporaryDirectory() as directory:
        outcome = asyncio.run(measured(Path(directory), Decimal(budget), clients, kill=kill))
    killed = ", one replica killed" if outcome.killed else ""
    click.echo(f"{clients} clients, two replicas{killed}: {outcome.streams} streams in {outcome.seconds:.1f} s")
    click.echo(f"streams at once, at most:       {outcome.most_running}")
    click.echo(f"refusals:                       {outcome.refused}")
    click.echo(f"said by the upstream:           ${outcome.said:.6f}")
    click.echo(f"received in full by clients:    ${outcome.received:.6f}")
    click.echo(f"charged:                        ${outcome.charged:.6f}")
    click.echo(f"overshoot:                      ${outcome.overshoot:.6f}, bound ${outcome.bound:.6f}")
    sys.exit(not outcome.holds)


if __name__ == "__main__":
    main()
