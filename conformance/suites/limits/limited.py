"""Keys with limits, and calls that count how they ended."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from conformance.api import CHAT, Ask, ClientFailedError, Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.api import Client, Hooks, Scripted

HAIR = Decimal("0.000001")
"""In dollars: a ten-thousandth of a cent. Exact enough for a cent, and no matter of how fractions are summed."""

LATE = 5.0
"""Seconds in which what a call has used must count."""

TOO_MANY = 429


async def limited(hooks: Hooks, **limits: float | Decimal) -> str:
    return await run_sync(partial(hooks.limit, **limits))


def counted(client: Client, prompt: str) -> Ask:
    """An ask whose answer says what it used, streamed or not."""
    wish = {"stream_options": {"include_usage": True}} if client.surface == CHAT and client.mode.streams else {}
    return Ask(prompt, fields=wish)


async def outcome(client: Client, ask: Ask | str) -> Failure | None:
    """How a call failed; None where it did not."""
    try:
        await client.ask(ask)
    except ClientFailedError as error:
        return error.failure
    return None


async def let_through(script: Scripted, clients: Sequence[Client], limit: int) -> int:
    """How many of as many calls at once as there are clients, whose answers wait until the limit has arrived."""
    failures = []

    async def call(client: Client) -> None:
        failures.append(await outcome(client, script.prompt))

    async with anyio.create_task_group() as calls:
        for client in clients:
            calls.start_soon(call, client)
        await script.arrived(limit)
        await script.release(len(clients))
    return failures.count(None)


async def served(client: Client, ask: Ask | str) -> None:
    failure = await outcome(client, ask)
    assert failure is None, f"a call within the limit was refused: {failure}"


async def refused(client: Client, ask: Ask | str, why: str) -> Failure:
    failure = await outcome(client, ask)
    assert failure is not None, f"a call was let through {why}"
    return failure


async def served_in_time(client: Client, ask: Ask | str, why: str) -> None:
    """A place that has come free may be seen a little later."""
    with anyio.move_on_after(LATE):
        while (failure := await outcome(client, ask)) is not None:
            assert failure.status == TOO_MANY, f"refused in another way than with 429: {failure}"
        return
    raise AssertionError(f"no call is let through {why}")
