"""What the upstream has been told, case by case, and what has reached it."""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from typing import TYPE_CHECKING

from conformance.upstream.journal import Headers, Received
from conformance.upstream.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conformance.upstream.control import State
    from conformance.upstream.reply import Script

TOKEN = re.compile(rb"case-[0-9a-f]{12}")
_KEPT_BYTES = 8 * 1024 * 1024
_KEPT_EXCHANGES = 10_000
_DEFAULT = Reply(text="This is the scripted upstream; no script goes with this request.")


class Exchange:
    """One request and its answer, while it happens."""

    def __init__(
        self,
        case: Case,
        *,
        provider: str,
        method: str,
        target: str,
        headers: Headers,
        body: bytes,
        arrived_at: float,
        legible: bool = True,
    ) -> None:
        self.case = case
        self.number = case.count = case.count + 1
        self.provider = provider
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        self.body = body
        self.arrived_at = arrived_at
        self.legible = legible
        self.finished = False
        self.client_left_at: float | None = None
        self._status: int | None = None
        self._sent_headers: Headers = ()
        self._sent = bytearray()
        self.progress = 0

    @property
    def reply(self) -> Reply:
        return self.case.reply(self.number)

    async def gate(self) -> None:
        await self.case.gates.acquire()

    def began(self, status: int, headers: Headers) -> None:
        self._status, self._sent_headers = status, headers

    def sent(self, data: bytes) -> None:
        self.progress += len(data)
        self._sent += data[: _KEPT_BYTES - len(self._sent)]

    def finish(self) -> None:
        """The answer is complete: what the caller does from now on is its own affair."""
        self.finished = True
        self.case.announce()

    def abandon(self) -> None:
        """The caller went away."""
        if not self.finished:
            self.client_left_at = time.monotonic()
            self.case.announce()

    def received(self) -> Received:
        return Received(
            number=self.number,
            provider=self.provider,
            token=self.case.token,
            method=self.method,
            path=self.path,
            query=self.query,
            headers=self.headers,
            body=self.body,
            arrived_at=self.arrived_at,
            legible=self.legible,
            status=self._status,
            sent_headers=self._sent_headers,
            sent=bytes(self._sent),
            finished=self.finished,
            client_left_at=self.client_left_at,
        )


class Case:
    """One token: its replies, its gates and the requests that carried it, of which the last 10,000 are kept."""

    def __init__(self, token: str | None, replies: tuple[Reply, ...]) -> None:
        self.token = token
        self.gates = asyncio.Semaphore(0)
        self.exchanges: deque[Exchange] = deque(maxlen=_KEPT_EXCHANGES)
        self.count = 0
        self._replies = replies
        self._change = asyncio.Event()

    @property
    def answers_early(self) -> bool:
        """Whether the next request is answered before it has come to its end."""
        return self.reply(self.count + 1).delivery.early is not None

    def reply(self, number: int) -> Reply:
        """The nth reply to the nth request, the last to all later."""
        return self._replies[min(number, len(self._replies)) - 1]

    def release(self, count: int) -> None:
        for _ in range(count):
            self.gates.release()

    def announce(self) -> None:
        """Wake all who wait for a change; synchronous, so that a cancelled handler can still say its last word."""
        self._change.set()
        self._change = asyncio.Event()

    async def reached(self, state: State, count: int) -> None:
        while sum(_is(exchange, state) for exchange in self.exchanges) < count:
            await self._change.wait()


def _is(exchange: Exchange, state: State) -> bool:
    if state == "finished":
        return exchange.finished
    return state == "arrived" or exchange.client_left_at is not None


class Cases:
    """All cases by token, and one for the requests of strangers."""

    def __init__(self) -> None:
        self._strangers = Case(None, (_DEFAULT,))
        self._cases: dict[str, Case] = {}

    def register(self, script: Script) -> None:
        self._cases[script.token] = Case(script.token, script.replies)

    def register_for_strangers(self, replies: tuple[Reply, ...]) -> None:
        """What requests without a known token get from now on; those that came before are forgotten."""
        self._strangers = Case(None, replies)

    def forget(self, token: str) -> None:
        del self._cases[token]

    def named(self, token: str | None) -> Case:
        """The case of a token; KeyError if nobody has registered it."""
        return self._strangers if token is None else self._cases[token]

    def misread(self, heard: bytes) -> None:
        """Keep what came and was no HTTP, with the case whose token stands last in it."""
        case = self.addressed(b" ".join(reversed(TOKEN.findall(heard))))
        exchange = Exchange(
            case,
            provider="",
            method="",
            target="",
            headers=(),
            body=heard,
            arrived_at=time.monotonic(),
            legible=False,
        )
        case.exchanges.append(exchange)
        case.announce()

    def addressed(self, *places: bytes) -> Case:
        """The case that a request belongs to: the first registered token, in order of the places."""
        for token in _tokens(places):
            if token in self._cases:
                return self._cases[token]
        return self._strangers


def _tokens(places: Iterable[bytes]) -> Iterable[str]:
    return (match.group().decode() for place in places for match in TOKEN.finditer(place))
