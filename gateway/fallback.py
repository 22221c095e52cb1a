"""Several providers for one call: the first that answers it, in the order that the configuration gives.

Nothing of a failed answer has reached the client when the next provider is asked. The statuses, and which failure is
shown when all have failed, are those of Anthropic's own gateway: https://code.claude.com/docs/en/llm-gateway-protocol
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from gateway.errors import SERVER_ERRORS, RefusalError, UnreachableError, bad_gateway

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.calls import Answer
    from gateway.connections import Reply

SHOWN_FIRST = (429, 401, 403, 404, 501)
"""Statuses below 500 that ask for the next provider, and which of them is shown rather."""


class Attempt(Protocol):
    """One provider, asked once."""

    async def open(self) -> Reply:
        """Asks it. UnreachableError when there is no answer, RefusalError when it cannot be asked this."""

    async def answer(self, upstream: Reply) -> Answer:
        """Hands on what it said."""


async def first_answer(attempts: Sequence[Attempt], seconds: float | None = None) -> Answer:
    """`seconds` is how long a provider may take to begin, as long as there is another one."""
    if len(attempts) == 1:
        return await only_answer(attempts[0])
    failures: list[tuple[Attempt, Reply]] = []
    with ExitStack() as opened:
        for number, attempt in enumerate(attempts):
            try:
                async with asyncio.timeout(seconds if number + 1 < len(attempts) else None):
                    upstream = await attempt.open()
            except (UnreachableError, TimeoutError):
                continue
            except RefusalError:
                if number:
                    continue  # what the first could have been asked the others need not understand
                raise
            opened.callback(upstream.close)
            if not asks_for_the_next(upstream.status):
                return await attempt.answer(upstream)
            failures.append((attempt, upstream))
        return await shown(failures, len(attempts))


async def only_answer(attempt: Attempt) -> Answer:
    upstream = await attempt.open()
    try:
        return await attempt.answer(upstream)
    finally:
        upstream.close()


def asks_for_the_next(status: int) -> bool:
    return status >= SERVER_ERRORS or status in SHOWN_FIRST


async def shown(failures: Sequence[tuple[Attempt, Reply]], tried: int) -> Answer:
    """The failure that tells the client most."""
    for status in SHOWN_FIRST:
        for attempt, upstream in reversed(failures):
            if upstream.status == status:
                return await attempt.answer(upstream)
    raise bad_gateway(f"All upstreams failed ({tried} attempted).")
