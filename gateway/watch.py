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
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway.admission import REASONS
from gateway.errors import unauthorized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.calls import Call
    from gateway.keys import KeyStore, VirtualKey

logger = logging.getLogger(__name__)
LOOKS_SECONDS = 0.1
DELETED = "This gateway key has been deleted."


class Watch:
    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._seen = store.generation()
        self._running: dict[Call, tuple[asyncio.Task[None], VirtualKey]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def over(self, call: Call, key: VirtualKey) -> Iterator[None]:
        """Raises the refusal where the key ends before there is an answer."""
        task = asyncio.current_task()
        assert task is not None
        self._running[call] = task, key
        self._look_later()
        try:
            yield
        except asyncio.CancelledError:
            if call.withdrawn is None:
                raise
            if call.status is None:
                raise call.withdrawn from None
            call.end = "withdrawn"  # the answer has begun, and nothing can be added to it: it is cut off
            raise
        finally:
            self._running.pop(call, None)
            if call.withdrawn is not None:
                task.uncancel()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look_later(self) -> None:
        if self._timer is None:
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
        generation = self._store.generation()
        changed, now = generation != self._seen, time.time()
        for call, (task, key) in list(self._running.items()):
            current = self._store.current(key.digest) if changed else key
            if current is None or current.state(now) != "valid":
                del self._running[call]
                call.withdrawn = unauthorized(REASONS[current.state(now)] if current else DELETED)
                task.cancel()
            elif changed:
                self._running[call] = task, current
        self._seen = generation
