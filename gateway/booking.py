"""The books of what is spent, for an event loop: kept in a thread of its own, many calls in one transaction.

What comes while a transaction runs goes into the next one together. Orders are carried out in the order in which they
were given, so that who settles a call and then begins another finds it settled.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import time
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Self

from gateway.databases import DatabaseError
from gateway.spend import LAPSES_SECONDS, Denied, SpendStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.spend import Claim

logger = logging.getLogger(__name__)
RENEWS_SECONDS = LAPSES_SECONDS / 3
AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Holding:
    call: str
    claims: Sequence[Claim]
    done: asyncio.Future[Denied | None]


@dataclass(frozen=True, slots=True)
class Settling:
    call: str
    claims: Sequence[Claim]
    cost: int


Order = Holding | Settling
Told = list[tuple["asyncio.Future[Denied | None]", Denied | Exception | None]]


class Booking:
    def __init__(self, opened: Callable[[], SpendStore], keep_seconds: float) -> None:
        self._opened = opened
        self._keep_seconds = keep_seconds
        self._given: list[Order] = []
        self._busy = False
        self._orders: queue.SimpleQueue[list[Order] | None] = queue.SimpleQueue()
        self._unsettled: list[Order] = []
        self._stopping = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = Thread(target=self._run, args=(opened,), name="spend", daemon=True)
        self._thread.start()
        await opened
        return self

    async def __aexit__(self, *_: object) -> None:
        """What has been settled by now is written."""
        self._hand_over()
        self._orders.put(None)
        await asyncio.to_thread(self._thread.join)

    async def hold(self, call: str, claims: Sequence[Claim]) -> Denied | None:
        """Raises DatabaseError where nobody can say. Who does not wait for the answer holds nothing."""
        done: asyncio.Future[Denied | None] = self._loop.create_future()
        self._order(Holding(call, claims, done))
        try:
            return await done
        except asyncio.CancelledError:
            self.settle(call, claims, 0)
            raise

    def settle(self, call: str, claims: Sequence[Claim], cost: int) -> None:
        """The call is over and has cost this, in picodollars. Nobody waits for it, and it is not lost."""
        self._order(Settling(call, claims, cost))

    def _order(self, order: Order) -> None:
        """To wake the thread costs more than to write: it is woken once for all that is ordered while it writes."""
        self._given.append(order)
        if len(self._given) == 1 and not self._busy:
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        self._busy = bool(self._given)
        if self._given:
            self._orders.put(self._given)
            self._given = []

    def _heard(self, told: Told) -> None:
        tell(told)
        self._hand_over()

    def _run(self, opened: asyncio.Future[None]) -> None:
        try:
            store = self._opened()
        except BaseException as error:  # noqa: BLE001 -- whoever starts this hears of it
            self._loop.call_soon_threadsafe(opened.set_exception, error)
            return
        self._loop.call_soon_threadsafe(opened.set_result, None)
        try:
            self._keep(store)
        finally:
            store.close()

    def _keep(self, store: SpendStore) -> None:
        renewed = float("-inf")
        while not self._stopping:
            orders = [*self._unsettled, *self._next()]
            self._unsettled = []
            now = time.monotonic()
            due = now - renewed >= RENEWS_SECONDS
            try:
                told = self._carry_out(store, orders, renew=due)
                renewed = now if due else renewed
            except DatabaseError as error:
                logger.exception("the spend store cannot be written")
                self._unsettled = [order for order in orders if isinstance(order, Settling)]
                told = [(order.done, error) for order in orders if isinstance(order, Holding)]
            except Exception as error:  # a bug of ours must not keep calls waiting
                logger.exception("the books cannot be kept")
                told = [(order.done, error) for order in orders if isinstance(order, Holding)]
            if orders:
                self._loop.call_soon_threadsafe(self._heard, told)
        if self._unsettled:
            logger.error("%d calls could not be settled", len(self._unsettled))

    def _next(self) -> list[Order]:
        """What there is to do; nothing when it is time to renew what is held."""
        orders: list[Order] = []
        try:
            given = self._orders.get(timeout=AGAIN_SECONDS if self._unsettled else RENEWS_SECONDS)
            while given is not None:
                orders += given
                given = self._orders.get_nowait()
        except queue.Empty:
            return orders
        self._stopping = True
        return orders

    def _carry_out(self, store: SpendStore, orders: list[Order], *, renew: bool) -> Told:
        told: Told = []
        now = time.time()
        with store.transaction(now):
            if renew:
                store.renew()
                store.prune(now - self._keep_seconds)
            for order in orders:
                if isinstance(order, Holding):
                    told.append((order.done, store.hold(order.call, order.claims)))
                else:
                    store.settle(order.call, order.claims, order.cost)
        return told


def tell(told: Told) -> None:
    for done, said in told:
        if done.cancelled():
            continue
        if isinstance(said, Exception):
            done.set_exception(said)
        else:
            done.set_result(said)
