"""What a replay must show on both sides: pure judgement of one recording against what passed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from conformance.oracles import parse
from conformance.oracles.difference import differences
from conformance.upstream.journal import values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.drivers import Exchange
    from conformance.recordings.recording import Recording
    from conformance.upstream import Received
    from conformance.upstream.journal import Headers

HOP_BY_HOP = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
    "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
OF_ONE_HOP = HOP_BY_HOP | {"accept-encoding", "content-encoding", "content-length", "expect", "host"}
CREDENTIALS = frozenset({
    "api-key", "authorization", "cookie", "set-cookie", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token",
    "x-api-key", "x-goog-api-key",
})  # fmt: skip
_CREDENTIAL_IN_THE_QUERY = "key"
_OF_A_SERVER = frozenset({"alt-svc", "date", "server", "strict-transport-security", "via"})  # each server has its own
_MUST_REACH_THE_PROVIDER = frozenset({"anthropic-beta", "anthropic-version", "content-type"})
_MUST_REACH_THE_CLIENT = frozenset({"content-type", "retry-after"})
_SHOWN = 12


@dataclass(frozen=True)
class Findings:
    """What does not hold: of what must, and of what should (the query and the headers that no client depends on)."""

    must: tuple[str, ...] = ()
    should: tuple[str, ...] = ()


def judged(recording: Recording, exchange: Exchange, received: Sequence[Received], *, renamed: bool) -> Findings:
    """Both sides of one replay; `renamed` says that the target was asked for another model than the recorded one."""
    if len(received) != 1:
        return Findings(must=(f"the upstream received {len(received)} requests for one call",))
    request, should_request = _headers(recording.headers, received[0].headers, _MUST_REACH_THE_PROVIDER, "upstream")
    answer, should_answer = _headers(
        recording.answer.headers, exchange.answer_headers, _MUST_REACH_THE_CLIENT, "client", aside=_OF_A_SERVER
    )
    return Findings(
        must=(
            *_addressed(recording, received[0]),
            *_asked(recording, received[0], renamed=renamed),
            *request,
            *_answered(recording, exchange, renamed=renamed),
            *answer,
        ),
        should=(*_queried(recording, received[0]), *should_request, *should_answer),
    )


def _addressed(recording: Recording, received: Received) -> Iterator[str]:
    came = f"{received.method} {received.path.removeprefix(f'/{received.provider}')}"
    if came != recording.route:
        yield f"the upstream received {came} in place of {recording.route}"


def _queried(recording: Recording, received: Received) -> Iterator[str]:
    expected = parse_qsl(recording.query, keep_blank_values=True)
    if _without_key(received.params) != _without_key(expected):
        yield f"the upstream received the query {received.query!r} in place of {recording.query!r}"


def _without_key(params: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in params if name != _CREDENTIAL_IN_THE_QUERY]


def _asked(recording: Recording, received: Received, *, renamed: bool) -> Iterator[str]:
    aside = ("model",) if renamed else ()
    for line in _changed(received.body, recording.body or b"", aside):
        yield f"the request body at the upstream: {line}"


def _answered(recording: Recording, exchange: Exchange, *, renamed: bool) -> Iterator[str]:
    if exchange.status != recording.answer.status:
        yield f"the client got status {exchange.status} in place of {recording.answer.status}"
    if exchange.error:
        yield f"the answer broke off at the client: {exchange.error}"
    aside = ("model",) if renamed else ()
    compare = _changed_stream if recording.streams else _changed
    for line in compare(exchange.content, recording.answer.body, aside):
        yield f"the answer at the client: {line}"


def _changed(got: bytes, expected: bytes, aside: tuple[str, ...]) -> Iterator[str]:
    """JSON by its values, anything else by its bytes."""
    if got == expected:
        return
    try:
        found = sorted(differences(_without(json.loads(got), aside), _without(json.loads(expected), aside)))
    except ValueError:
        found = [_first_difference(got, expected)]
    yield from _listed(found)


def _changed_stream(got: bytes, expected: bytes, aside: tuple[str, ...]) -> Iterator[str]:
    """A stream by its bytes; where the model has another name on the way, event by event without it."""
    if got == expected or (aside and _events(got, aside) == _events(expected, aside)):
        return
    yield _first_difference(got, expected)


def _events(stream: bytes, aside: tuple[str, ...]) -> list[tuple[str | None, Any]]:
    return [(event.name, _payload(event.data, aside)) for event in parse(stream).events]


def _payload(data: str, aside: tuple[str, ...]) -> Any:
    try:
        value = json.loads(data)
    except ValueError:
        return data
    if not isinstance(value, dict):
        return value
    return {name: _without(item, aside) for name, item in _without(value, aside).items()}


def _without(value: Any, keys: tuple[str, ...]) -> Any:
    return {key: item for key, item in value.items() if key not in keys} if isinstance(value, dict) else value


def _first_difference(got: bytes, expected: bytes) -> str:
    at = next((at for at, (mine, theirs) in enumerate(zip(got, expected, strict=False)) if mine != theirs), None)
    at = min(len(got), len(expected)) if at is None else at
    there = f"at byte {at} {got[at:][:40]!r} in place of {expected[at:][:40]!r}"
    return f"{len(got)} bytes in place of {len(expected)}; {there}"


def _headers(
    expected: Headers, got: Headers, musts: frozenset[str], whom: str, *, aside: frozenset[str] = frozenset()
) -> tuple[list[str], list[str]]:
    """Recorded headers that did not come, or came changed: those that must, and those that should."""
    must: list[str] = []
    should: list[str] = []
    for name, value in expected:
        key = name.lower()
        came = ", ".join(values(got, key))
        if key in OF_ONE_HOP | CREDENTIALS | aside or _same(key, came, value):
            continue
        line = f"the {whom} got {key}: {came!r} in place of {value!r}" if came else f"the {whom} got no {key}"
        (must if key in musts else should).append(line)
    return must, should


def _same(name: str, came: str, value: str) -> bool:
    """A trace goes on under its id, with every hop's own span (https://www.w3.org/TR/trace-context/).

    Of a content type only the type counts: JSON is UTF-8 and so are server-sent events, said or not.
    """
    match name:
        case "traceparent":
            return came.split("-")[1:2] == value.split("-")[1:2]
        case "content-type":
            return _media_type(came) == _media_type(value)
        case _:
            return came == value


def _media_type(value: str) -> str:
    return value.partition(";")[0].strip().lower()


def _listed(found: list[str]) -> list[str]:
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return [line.replace(" .", " ") for line in found[:_SHOWN]] + more
