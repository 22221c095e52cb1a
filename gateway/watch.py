"""Keys that end while their calls are running: revoked, expired or deleted, here or by any other process.

Nothing is looked up for a chunk. While calls are running, the store is asked a few times a second whether anything has
changed; only then are the keys in use looked at again. Their calls are cancelled, and whoever writes to the client says
why in the client's own protocol: `call.withdrawn` holds it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from gateway.admission import REASONS
from gateway.databases import DatabaseError
from gateway.errors import unauthorized

if TYPE_CHECKING:
    from gateway.calls import Call
    from gateway.keys import VirtualKey
    from gateway.reading import Reading

logger = logging.getLogger(__name__)
LOOKS_SECONDS = 0.1
DELETED = "This gateway key has been deleted."


class Watched:
    """A call under watch. Leaving it raises the refusal where the key ended before there was an answer."""

    __slots__ = ("_call", "_key", "_task", "_watch")

    def __init__(self, watch: Watch, call: Call, key: VirtualKey) -> None:
        self._watch = watch
        self._call = call
        self._key = key

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._watch.begin(self._call, self._key, task)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        call = self._call
        self._watch.end(call)
        if call.withdrawn is None:
            return
        self._task.uncancel()
        if kind is not asyncio.CancelledError:
            return
        if call.status is None:
            raise call.withdrawn from None
        call.end = "withdrawn"  # the answer has begun, and nothing can be added to it: it is cut off


class Watch:
    """`async with`: what is being looked at when it ends is let go."""

    def __init__(self, keys: Reading) -> None:
        self._keys = keys
        self.changes = 0
        self._seen: int | None = None
        self._running: dict[Call, tuple[asyncio.Task[None], VirtualKey]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._blind = False

    async def __aenter__(self) -> Self:
        self._seen = await self._keys.generation()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    def over(self, call: Call, key: VirtualKey, since: int) -> Watched:
        """`since` is what `changes` was before the key was looked up."""
        if since != self.changes:
            self._seen = None
        return Watched(self, call, key)

    def begin(self, call: Call, key: VirtualKey, task: asyncio.Task[None]) -> None:
        self._running[call] = task, key
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_while_calls_run())

    def end(self, call: Call) -> None:
        self._running.pop(call, None)

    async def _look_while_calls_run(self) -> None:
        try:
            await asyncio.sleep(LOOKS_SECONDS)
            while self._running:
                await self._look()
                await asyncio.sleep(LOOKS_SECONDS)
        finally:
            self._looking = None

    async def _look(self) -> None:
        try:
            await self._look_at_keys()
        except DatabaseError as error:
            if not self._blind:
                logger.error("the key store cannot be read, and running calls go on: %s", error)  # noqa: TRY400 -- no bug
            self._blind, self._seen = True, None
        else:
            self._blind = False
        now = time.time()
        for call, (_, key) in list(self._running.items()):
            if (state := key.state(now)) != "valid":
                self._withdraw(call, REASONS[state])

    async def _look_at_keys(self) -> None:
        generation = await self._keys.generation()
        if generation == self._seen:
            return
        self._seen = generation
        self.changes += 1
        asked = dict(self._running)
        current = await self._keys.as_they_are([key for _, key in asked.values()])
        for call, (task, key) in asked.items():
            if call not in self._running:
                continue
            if key.digest in current:
                self._running[call] = task, current[key.digest]
            else:
                self._withdraw(call, DELETED)

    def _withdraw(self, call: Call, why: str) -> None:
        task, _ = self._running.pop(call)
        call.withdrawn = unauthorized(why)
        task.cancel()
