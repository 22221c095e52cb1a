"""What a fault is, the points at which one can take hold of a relay, and the list of all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from conformance.faulty.exchange import Answer, Call, Request, edited_object, once
from conformance.faulty.keys import accepted, random_key
from conformance.faulty.limits import Limiter
from conformance.faulty.router import Router
from conformance.faulty.scopes import held
from conformance.faulty.sse import Event, Json, events_of

if TYPE_CHECKING:
    from conformance.faulty.heard import Heard
    from conformance.faulty.pipe import Pipe

Send = Callable[[Request], Awaitable[Answer]]
Handle = Callable[[Call], Awaitable[Answer]]
JsonEdit = Callable[[Json], Json]
AnswerEdit = Callable[[Answer], Awaitable[Answer]]
EventEdit = Callable[[Event], Event | None]
EventsEdit = Callable[[AsyncIterator[Event]], AsyncIterator[Event]]

F = TypeVar("F", bound=Callable[..., Any])


def _request_unchanged(request: Request) -> Request:
    return request


async def _answer_unchanged(answer: Answer) -> Answer:
    return answer


async def _send_once(send: Send, request: Request) -> Answer:
    return await send(request)


async def _handle_once(handle: Handle, call: Call) -> Answer:
    return await handle(call)


def _one_row(_: Heard, row: Json) -> list[Json]:
    return [row]


def _no_labels(_: Call) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Fault:
    """One thing that a relay does wrong; every point that the fault leaves alone is a faithful relay's.

    request  edits what goes upstream
    answer   edits what goes to the client, errors of the upstream included
    refusal  edits what the relay answers in its own name
    accept   which of the carried keys is the client's; None refuses it
    holds    whether a call stays within what its key is held to
    invent   makes a client's key, told how many there are
    send     wraps the call of the upstream
    handle   wraps all that happens for a call, the key check included
    rows     what the relay's audit tells of a call, instead of the row that it should
    labels   by what else the relay counts a call
    router   makes what picks the providers of a call
    limiter  makes what holds keys to their limits, once for a relay
    pipe     makes, in place of all that, a relay that reads no HTTP: one for each connection
    guards   where what another client has made is looked for: `path`, `body`, `lists`
    scrubs   where the provider's key is taken out of what the upstream answers: `headers`, `errors`, `streams`
    """

    name: str
    description: str
    request: Callable[[Request], Request] = _request_unchanged
    answer: AnswerEdit = _answer_unchanged
    refusal: AnswerEdit = _answer_unchanged
    accept: Callable[[Call], str | None] = accepted
    holds: Callable[[Call, Mapping[str, str]], bool] = held
    invent: Callable[[int], str] = random_key
    send: Callable[[Send, Request], Awaitable[Answer]] = _send_once
    handle: Callable[[Handle, Call], Awaitable[Answer]] = _handle_once
    rows: Callable[[Heard, Json], list[Json]] = _one_row
    labels: Callable[[Call], dict[str, str]] = _no_labels
    router: Callable[[], Router] = Router
    limiter: Callable[[], Limiter] = Limiter
    pipe: Callable[[], Pipe] | None = None
    guards: frozenset[str] = frozenset({"path", "body", "lists"})
    scrubs: frozenset[str] = frozenset({"headers", "errors", "streams"})


CLEAN = Fault("", "a faithful relay")
FAULTS: dict[str, Fault] = {}


class FaultDeclaredTwiceError(Exception):
    """Two functions take hold of the same point under the same name."""


def _declare(name: str, description: str, **points: Any) -> None:
    known = FAULTS.get(name, Fault(name, description))
    for point in points:
        if getattr(known, point) is not getattr(CLEAN, point):
            raise FaultDeclaredTwiceError(f"{name}: {point}")
    FAULTS[name] = replace(known, **points)


class Declare:
    """Decorators, one for each point; a fault with two points is two functions under one name."""

    def request(self, name: str, wrong: str) -> Callable[[F], F]:
        """`(request) -> request`"""
        return self._at("request", name, wrong)

    def accept(self, name: str, wrong: str) -> Callable[[F], F]:
        """`(call) -> key or None`"""
        return self._at("accept", name, wrong)

    def holds(self, name: str, wrong: str) -> Callable[[F], F]:
        """`(call, scope) -> bool`"""
        return self._at("holds", name, wrong)

    def invent(self, name: str, wrong: str) -> Callable[[F], F]:
        """`(count) -> key`"""
        return self._at("invent", name, wrong)

    def answer(self, name: str, wrong: str) -> Callable[[F], F]:
        """`async (answer) -> answer`"""
        return self._at("answer", name, wrong)

    def refusal(self, name: str, wrong: str) -> Callable[[F], F]:
        """`async (answer) -> answer`"""
        return self._at("refusal", name, wrong)

    def send(self, name: str, wrong: str) -> Callable[[F], F]:
        """`async (send, request) -> answer`"""
        return self._at("send", name, wrong)

    def handle(self, name: str, wrong: str) -> Callable[[F], F]:
        """`async (handle, call) -> answer`"""
        return self._at("handle", name, wrong)

    def rows(self, name: str, wrong: str) -> Callable[[F], F]:
        """`(heard, row) -> rows`"""
        return self._at("rows", name, wrong)

    def labels(self, name: str, wrong: str) -> Callable[[F], F]:
        """`(call) -> labels`"""
        return self._at("labels", name, wrong)

    def request_json(self, name: str, wrong: str) -> Callable[[JsonEdit], JsonEdit]:
        """`(object) -> object`, for request bodies that are JSON objects"""

        def declare(edit: JsonEdit) -> JsonEdit:
            _declare(name, wrong, request=lambda request: request.json(edit))
            return edit

        return declare

    def answer_json(self, name: str, wrong: str) -> Callable[[JsonEdit], JsonEdit]:
        """`(object) -> object`, for answers that succeed: the body, or the data of each event"""

        def declare(edit: JsonEdit) -> JsonEdit:
            async def edited(answer: Answer) -> Answer:
                return await on_json(answer, edit)

            _declare(name, wrong, answer=edited)
            return edit

        return declare

    def event(self, name: str, wrong: str) -> Callable[[EventEdit], EventEdit]:
        """`(event) -> event`, or None to drop it"""

        def declare(edit: EventEdit) -> EventEdit:
            async def edited(answer: Answer) -> Answer:
                return on_events(answer, one_by_one(edit))

            _declare(name, wrong, answer=edited)
            return edit

        return declare

    def events(self, name: str, wrong: str) -> Callable[[EventsEdit], EventsEdit]:
        """`(events) -> events`, both asynchronous iterators"""

        def declare(edit: EventsEdit) -> EventsEdit:
            async def edited(answer: Answer) -> Answer:
                return on_events(answer, edit)

            _declare(name, wrong, answer=edited)
            return edit

        return declare

    def router(self, name: str, wrong: str) -> Callable[[F], F]:
        """A class of Router"""
        return self._at("router", name, wrong)

    def limiter(self, name: str, wrong: str) -> Callable[[F], F]:
        """A class of Limiter"""
        return self._at("limiter", name, wrong)

    def pipe(self, name: str, wrong: str) -> Callable[[F], F]:
        """A class of Pipe"""
        return self._at("pipe", name, wrong)

    def guards_all_but(self, part: str, name: str, wrong: str) -> None:
        """What other clients have made can be had by that part: `path`, `body` or `lists`"""
        _declare(name, wrong, guards=CLEAN.guards - {part})

    def scrubs_all_but(self, part: str, name: str, wrong: str) -> None:
        """The provider's key stays in that part: `headers`, `errors` or `streams`"""
        _declare(name, wrong, scrubs=CLEAN.scrubs - {part})

    def _at(self, point: str, name: str, wrong: str) -> Callable[[F], F]:
        def declare(function: F) -> F:
            _declare(name, wrong, **{point: function})
            return function

        return declare


fault = Declare()


def one_by_one(edit: EventEdit) -> EventsEdit:
    async def edited(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        async for event in events:
            if (after := edit(event)) is not None:
                yield after

    return edited


def on_events(answer: Answer, edit: EventsEdit) -> Answer:
    """A stream that can be read, edited event by event; every other answer as it is."""
    if not (answer.streams and answer.legible):
        return answer
    return replace(answer, chunks=_raw(edit(events_of(answer.chunks))))


async def _raw(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    async for event in events:
        yield event.raw


async def on_whole(answer: Answer, edit: Callable[[bytes], bytes]) -> Answer:
    """A whole body that can be read, edited; streams as they are."""
    if answer.streams or not answer.legible:
        return answer
    body = await answer.body()
    edited = edit(body)
    return replace(answer, chunks=once(body)) if edited == body else answer.with_body(edited)


async def on_json(answer: Answer, edit: JsonEdit) -> Answer:
    """The object in the body, or in each event of a stream, edited; errors as they are."""
    if answer.failed:
        return answer
    if answer.streams:
        return on_events(answer, one_by_one(lambda event: event.with_json(edit(event.json)) if event.json else event))
    return await on_whole(answer, lambda body: edited_object(body, edit))
