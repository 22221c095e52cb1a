"""Reads along with one connection and writes its exchanges on the tape."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import h11

from conformance.drivers.tape import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.drivers.tape import Tape
    from conformance.upstream.journal import Headers

_LONGEST_HEAD = 1024 * 1024


class Scribe:
    """Never raises for what it cannot read, but for answers without end; what was wrong stands in the exchange."""

    def __init__(self, origin: str, tape: Tape) -> None:
        self._origin = origin
        self._tape = tape
        self._requests = h11.Connection(h11.SERVER, _LONGEST_HEAD)
        self._sending: Exchange | None = None
        self._waiting: deque[tuple[Exchange, h11.Connection]] = deque()
        self._deaf = False

    def sent(self, data: bytes) -> None:
        """What the client sent next; nothing at its end."""
        if not data:
            self._deaf = True  # the client has left: what still comes is not seen by anybody
        if self._deaf:
            return
        try:
            self._requests.receive_data(data)
            for event in _events(self._requests):
                self._hear(event)
        except h11.ProtocolError as error:
            self.broke(error)

    def answered(self, data: bytes) -> None:
        """What the gateway answered next; nothing at its end."""
        if self._deaf or not self._waiting:
            return
        _, answers = self._waiting[0]
        try:
            answers.receive_data(data)
            for event in _events(answers):
                self._see(event)
        except h11.ProtocolError as error:
            self.broke(error)

    def broke(self, error: BaseException) -> None:
        if self._waiting and not self._deaf:
            self._waiting[0][0].error = repr(error)
        self._deaf = True

    def _hear(self, event: h11.Event) -> None:
        match event:
            case h11.Request():
                self._sending = self._begun(event)
            case h11.Data() if self._sending is not None:
                self._sending.sent += bytes(event.data)
            case h11.EndOfMessage():
                rest, _ = self._requests.trailing_data
                self._requests = h11.Connection(h11.SERVER, _LONGEST_HEAD)
                if rest:
                    self.sent(rest)
            case _:
                pass

    def _begun(self, request: h11.Request) -> Exchange:
        target = request.target.decode("latin-1")
        exchange = Exchange(request.method.decode(), self._origin + target, _headers(request), b"")
        answers = h11.Connection(h11.CLIENT, _LONGEST_HEAD)
        answers.send(h11.Request(method=request.method, target=b"/", headers=[(b"host", b"gateway")]))
        self._tape.exchanges.append(exchange)
        self._waiting.append((exchange, answers))
        return exchange

    def _see(self, event: h11.Event) -> None:
        exchange, answers = self._waiting[0]
        match event:
            case h11.Response():
                exchange.status, exchange.answer_headers = event.status_code, _headers(event)
            case h11.Data():
                exchange.take(bytes(event.data))
            case h11.EndOfMessage():
                exchange.complete = True
                rest, _ = answers.trailing_data
                self._waiting.popleft()
                if rest:
                    self.answered(rest)
            case _:
                pass


def _events(connection: h11.Connection) -> Iterator[h11.Event]:
    """Up to the end of one message, or of what has come."""
    while True:
        event = connection.next_event()
        if isinstance(event, type):  # it needs more, or waits for the next exchange
            return
        yield event
        if isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return


def _headers(message: h11.Request | h11.Response) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in message.headers.raw_items())
