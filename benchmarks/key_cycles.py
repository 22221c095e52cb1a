"""`python -m benchmarks.key_cycles`: keys minted, used and revoked over HTTP, with kill -9 in the middle.

Each cycle mints a key, calls with it, revokes it and calls with it again; every tenth key is kept instead. Meanwhile
the gateway's process is killed and started again. What was answered must have happened: no call passes after its key's
revocation was answered, and no key whose minting was answered is lost. At the end the dead keys are pruned.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

import aiohttp
import click
from aiohttp import web

from gateway.keys import KeyStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    Milestones = dict[int, asyncio.Event]

WORKERS = 16
KEPT = 10  # every tenth key lives on
PASSED, REFUSED = 200, 401
CREDENTIAL = "management-of-the-key-cycles"
CONFIG = """
[listen]
port = 0
[keys]
database = "keys.sqlite3"
[management]
credential = {{ env = "KEY_CYCLES_MANAGEMENT" }}
port = 0
[[providers]]
id = "provider"
surfaces = ["anthropic-messages"]
base_url = "{upstream}"
credential = {{ env = "KEY_CYCLES_PROVIDER" }}
auth = "x-api-key"
"""


@dataclass
class Outcome:
    """`told` is what was answered last of each key, by fingerprint: its state."""

    cycles: int = 0
    kills: int = 0
    seconds: float = 0.0
    passed_after_revoke: int = 0
    refused_while_valid: int = 0
    told: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    rows: int = 0
    rows_after_prune: int = 0
    kept: int = 0
    bytes_after_prune: int = 0

    @property
    def holds(self) -> bool:
        return not (self.passed_after_revoke or self.refused_while_valid or self.lost) and (
            self.rows_after_prune == self.kept
        )


class Rig:
    """The gateway's process, and where it is just now."""

    def __init__(self, config: Path, session: aiohttp.ClientSession) -> None:
        self._config = config
        self._session = session
        self._up = asyncio.Event()
        self._process: asyncio.subprocess.Process

    async def start(self) -> None:
        secrets = {"KEY_CYCLES_MANAGEMENT": CREDENTIAL, "KEY_CYCLES_PROVIDER": "sk-of-the-provider"}
        command = (sys.executable, "-m", "gateway", "serve", "--config", str(self._config))
        environment = {**os.environ, **secrets}
        self._process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
        assert self._process.stdout is not None
        said = [(await self._process.stdout.readline()).decode().split() for _ in range(2)]
        self._url, self._management = (words[-1] for words in said)
        self._up.set()

    async def kill(self) -> None:
        self._up.clear()
        self._process.kill()
        await self._process.wait()

    async def manage(self, path: str, body: dict[str, Any]) -> Any:
        await self._up.wait()
        headers = {"Authorization": f"Bearer {CREDENTIAL}"}
        async with self._session.post(f"{self._management}{path}", json=body, headers=headers) as reply:
            reply.raise_for_status()
            return await reply.json()

    async def use(self, key: str) -> int:
        await self._up.wait()
        async with self._session.post(f"{self._url}/v1/messages", json={}, headers={"x-api-key": key}) as reply:
            return reply.status


@asynccontextmanager
async def rig(directory: Path) -> AsyncIterator[Rig]:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    config = directory / "gateway.toml"
    config.write_text(CONFIG.format(upstream=f"http://127.0.0.1:{runner.addresses[0][1]}"))
    async with aiohttp.ClientSession() as session:
        running = Rig(config, session)
        await running.start()
        try:
            yield running
        finally:
            await running.kill()
            await runner.cleanup()


async def cycle(gateway: Rig, outcome: Outcome, number: int) -> None:
    minted = await gateway.manage("/keys", {"name": f"cycle {number}", "run": str(number)})
    outcome.told[minted["fingerprint"]] = "valid"
    outcome.refused_while_valid += await gateway.use(minted["key"]) != PASSED
    if number % KEPT == 0:
        return
    del outcome.told[minted["fingerprint"]]  # until it is answered, both are right
    await gateway.manage(f"/keys/{minted['fingerprint']}/revoke", {})
    outcome.told[minted["fingerprint"]] = "revoked"
    outcome.passed_after_revoke += await gateway.use(minted["key"]) != REFUSED


async def work(gateway: Rig, outcome: Outcome, numbers: Iterator[int], milestones: Milestones) -> None:
    for number in numbers:
        with suppress(aiohttp.ClientError):  # killed: what was not answered is nobody's promise
            await cycle(gateway, outcome, number)
        outcome.cycles += 1
        if outcome.cycles in milestones:
            milestones[outcome.cycles].set()


async def kill_now_and_then(gateway: Rig, outcome: Outcome, milestones: Milestones) -> None:
    for reached in milestones.values():
        await reached.wait()
        await gateway.kill()
        outcome.kills += 1
        await gateway.start()


async def measured(directory: Path, cycles: int, kills: int) -> Outcome:
    outcome, started = Outcome(), perf_counter()
    async with rig(directory) as gateway:
        numbers = iter(range(cycles))
        milestones = {cycles * number // (kills + 1): asyncio.Event() for number in range(1, kills + 1)}
        workers = [work(gateway, outcome, numbers, milestones) for _ in range(WORKERS)]
        await asyncio.gather(kill_now_and_then(gateway, outcome, milestones), *workers)
    outcome.seconds = perf_counter() - started
    with KeyStore(directory / "keys.sqlite3") as store:
        states = {key.fingerprint: key.state(time()) for key in store.all()}
        outcome.rows = len(states)
        outcome.lost = [key for key, told in outcome.told.items() if states.get(key) != told]
        outcome.kept = sum(state == "valid" for state in states.values())
        store.prune(time())
        outcome.rows_after_prune = len(store.all())
    outcome.bytes_after_prune = (directory / "keys.sqlite3").stat().st_size
    return outcome


@click.command()
@click.option("--cycles", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--kills", type=click.IntRange(0), default=3, show_default=True)
def main(cycles: int, kills: int) -> None:
    """Mint, use and revoke keys; exit 1 if anything that was answered did not hold."""
    with tempfile.TemporaryDirectory() as directory:
        outcome = asyncio.run(measured(Path(directory), cycles, kills))
    click.echo(f"{outcome.cycles} cycles in {outcome.seconds:.1f} s, {outcome.kills} times kill -9")
    click.echo(f"calls that passed after a revocation: {outcome.passed_after_revoke}")
    click.echo(f"calls refused with a valid key:       {outcome.refused_while_valid}")
    click.echo(f"answers that did not last:            {len(outcome.lost)} of {len(outcome.told)}")
    click.echo(f"rows: {outcome.rows}, after pruning {outcome.rows_after_prune}, of which valid {outcome.kept}")
    click.echo(f"bytes of the database:                {outcome.bytes_after_prune}")
    sys.exit(not outcome.holds)


if __name__ == "__main__":
    main()
