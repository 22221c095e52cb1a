"""The key store for those who look keys up while calls are served.

A file of SQLite is asked in the loop, and keys in use are cached: it says at once when something has changed. A server
is asked anew for each call, in a thread: what has been revoked anywhere is refused here, as no cache can be behind.
Calls that come while the server is being asked are asked for together, when it has answered.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from gateway.databases import Server
from gateway.keys import KeyStore, digest_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence

    from gateway.config import Keys
    from gateway.keys import VirtualKey

    Found = dict[str, VirtualKey | None]

T = TypeVar("T")


class Reading(Protocol):
    """All raise `DatabaseError`."""

    async def find(self, plaintexts: Collection[str]) -> Found:
        """The stored keys, valid or not, as they were after this was asked."""

    async def generation(self) -> int: ...

    async def as_they_are(self, keys: Sequence[VirtualKey]) -> dict[bytes, VirtualKey]: ...

    async def ready(self) -> bool: ...


@asynccontextmanager
async def reading(keys: Keys) -> AsyncIterator[Reading]:
    if not isinstance(keys.place, Server):
        with KeyStore(keys.place, keys.prefix) as store:
            yield InTheLoop(store)
        return
    with ThreadPoolExecutor(1, "key-lookups") as thread:
        loop = asyncio.get_running_loop()
        store = await loop.run_in_executor(thread, KeyStore, keys.place, keys.prefix)
        try:
            yield InAThread(store, thread)
        finally:
            await loop.run_in_executor(thread, store.close)


class InTheLoop:
    def __init__(self, store: KeyStore) -> None:
        self._store = store

    async def find(self, plaintexts: Collection[str]) -> Found:
        return {plaintext: self._store.find(plaintext) for plaintext in plaintexts}

    async def generation(self) -> int:
        return self._store.generation()

    async def as_they_are(self, keys: Sequence[VirtualKey]) -> dict[bytes, VirtualKey]:
        return self._store.as_they_are(keys)

    async def ready(self) -> bool:
        return self._store.ready()


class InAThread:
    def __init__(self, store: KeyStore, thread: ThreadPoolExecutor) -> None:
        self._store = store
        self._thread = thread
        self._turn = asyncio.Lock()
        self._wanted: set[bytes] = set()
        self._next: asyncio.Task[dict[bytes, VirtualKey]] | None = None

    async def find(self, plaintexts: Collection[str]) -> Found:
        digests = {plaintext: digest_of(plaintext) for plaintext in plaintexts}
        self._wanted.update(digests.values())
        if self._next is None:
            self._next = asyncio.create_task(self._ask())
        found = await asyncio.shield(self._next)  # others wait for it too
        return {plaintext: found.get(digest) for plaintext, digest in digests.items()}

    async def generation(self) -> int:
        return await self._do(self._store.generation)

    async def as_they_are(self, keys: Sequence[VirtualKey]) -> dict[bytes, VirtualKey]:
        return await self._do(lambda: self._store.as_they_are(keys))

    async def ready(self) -> bool:
        return await self._do(self._store.ready)

    async def _ask(self) -> dict[bytes, VirtualKey]:
        async with self._turn:
            wanted, self._wanted, self._next = self._wanted, set(), None
            return await self._do(lambda: self._store.fresh(wanted))

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
