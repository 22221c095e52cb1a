"""Keys that end while their calls are running: revoked, expired or deleted, here or by any other process.

Nothing is looked up for a chunk. While calls are running, the store is asked a few times a second whether anything has
changed; only then are the keys in use looked at again. Their calls are cancelled, and whoever writes to the client says
why in the client's own protocol: `call.withdrawn` holds it.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from typing import TYPE_CHECKING

from gateway.admission import REASONS
from gateway.errors import unauthorized

if TYPE_CHECKING:
    from gateway.calls import Call
    from gateway.keys import KeyStore, VirtualKey

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
    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._seen = store.generation()
        self._running: dict[Call, tuple[asyncio.Task[None], VirtualKey]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def over(self, call: Call, key: VirtualKey) -> Watched:
        return Watched(self, call, key)

    def begin(self, call: Call, key: VirtualKey, task: asyncio.Task[None]) -> None:
        self._running[call] = task, key
        if self._timer is None:
            self._look_later()

    def end(self, call: Call) -> None:
        self._running.pop(call, None)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOKS_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        try:
            self._look_at_keys()
        except sqlite3.Error:
            logger.exception("the key store cannot be read: running calls go on")
        if self._running:
            self._look_later()

    def _look_at_keys(self) -> None:
        generation, now = self._store.generation(), time.time()
        if generation != self._seen:
            current = self._store.as_they_are(key for _, key in self._running.values())
            for call, (task, key) in list(self._running.items()):
                if key.digest in current:
                    self._running[call] = task, current[key.digest]
                else:
                    self._withdraw(call, DELETED)
            self._seen = generation
        for call, (_, key) in list(self._running.items()):
            if (state := key.state(now)) != "valid":
                self._withdraw(call, REASONS[state])

    def _withdraw(self, call: Call, why: str) -> None:
        task, _ = self._running.pop(call)
        call.withdrawn = unauthorized(why)
        task.cancel()
