"""Keys looked up at a server, while calls are served."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from gateway.config import Keys
from gateway.keys import KeyStore, digest_of
from gateway.reading import reading

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from gateway.databases import Server
    from gateway.keys import VirtualKey
    from tests.gateway.postgresql import Cluster

MANY = 50


class Gate:
    """Holds each lookup until it is opened, and notes what was asked for."""

    def __init__(self) -> None:
        self.asked: list[set[bytes]] = []
        self.begun = threading.Semaphore(0)
        self.open = threading.Semaphore(0)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate, fresh = Gate(), KeyStore.fresh

    def passing(store: KeyStore, digests: Collection[bytes]) -> dict[bytes, VirtualKey]:
        gate.asked.append(set(digests))
        gate.begun.release()
        gate.open.acquire()
        return fresh(store, digests)

    monkeypatch.setattr(KeyStore, "fresh", passing)
    return gate


@pytest.fixture
def keys(server: Server) -> Keys:
    return Keys.model_construct(database=server, password=None)


@pytest.fixture
def store(server: Server) -> Iterator[KeyStore]:
    with KeyStore(server) as opened:
        yield opened


async def test_who_comes_meanwhile_is_asked_for_together_and_afterwards(
    keys: Keys, store: KeyStore, gate: Gate
) -> None:
    minted = [store.mint("k") for _ in range(MANY)]
    async with reading(keys) as reads:
        first = asyncio.create_task(reads.find([minted[0].plaintext]))
        await asyncio.to_thread(gate.begun.acquire)
        others = [asyncio.create_task(reads.find([each.plaintext, "gw-no"])) for each in minted]
        revoked = await asyncio.to_thread(revoke, keys, minted[0].key)
        await asyncio.sleep(0)
        gate.open.release(2)
        assert (await first)[minted[0].plaintext] == revoked
        found = await asyncio.gather(*others)
    assert [each[one.plaintext] for each, one in zip(found, minted, strict=True)] == [
        revoked,
        *(each.key for each in minted[1:]),
    ]
    assert {each["gw-no"] for each in found} == {None}
    assert gate.asked == [
        {digest_of(minted[0].plaintext)},
        {digest_of("gw-no"), *(digest_of(each.plaintext) for each in minted)},
    ]


def revoke(keys: Keys, key: VirtualKey) -> VirtualKey:
    with KeyStore(keys.place) as store:
        return store.revoke(key)


async def test_who_leaves_takes_no_other_along(keys: Keys, store: KeyStore, gate: Gate) -> None:
    minted = store.mint("k")
    async with reading(keys) as reads:
        leaving, staying = (asyncio.create_task(reads.find([minted.plaintext])) for _ in range(2))
        await asyncio.to_thread(gate.begun.acquire)
        leaving.cancel()
        gate.open.release()
        assert await staying == {minted.plaintext: minted.key}
        assert leaving.cancelled()


async def test_a_server_that_is_away_fails_the_lookup_and_not_the_next(
    keys: Keys, store: KeyStore, cluster: Cluster
) -> None:
    minted = store.mint("k")
    async with reading(keys) as reads:
        assert await reads.ready()
        cluster.stop()
        try:
            assert not await reads.ready()
            with pytest.raises(OSError, match=r"No such file|refused"):
                await reads.find([minted.plaintext])
        finally:
            cluster.start()
        assert await reads.find([minted.plaintext]) == {minted.plaintext: minted.key}
