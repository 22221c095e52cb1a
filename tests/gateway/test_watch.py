"""A key that ends after it was looked up and before its call is watched: a server's answer takes a moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import RefusalError
from gateway.keys import KeyStore
from gateway.reading import InTheLoop
from gateway.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.keys import VirtualKey


DEADLINE = 30


@dataclass(eq=False)
class Unanswered:
    """As much of a call as the watch knows."""

    withdrawn: RefusalError | None = None
    status: int | None = None
    end: str = "error"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    with KeyStore(tmp_path / "keys.sqlite3") as opened:
        yield opened


def running(watch: Watch, key: VirtualKey, since: int) -> asyncio.Task[None]:
    call: Any = Unanswered()

    async def run() -> None:
        with watch.over(call, key, since):
            await asyncio.Future()

    return asyncio.create_task(run())


async def test_a_key_that_ended_before_its_call_was_watched_ends_the_call(store: KeyStore) -> None:
    good, ended = store.mint("good").key, store.mint("ended").key
    async with Watch(InTheLoop(store)) as watch:
        beside = running(watch, good, watch.changes)
        await asyncio.sleep(0)
        since = watch.changes  # at this moment `ended` is looked up, and found to be good
        store.revoke(ended)
        await watch._look()
        late = running(watch, ended, since)
        await asyncio.sleep(0)
        await watch._look()
        with pytest.raises(RefusalError, match="revoked"):
            await asyncio.wait_for(late, DEADLINE)
        assert not beside.done()
        beside.cancel()
        await asyncio.gather(beside, return_exceptions=True)
