"""Whether a recorded request, translated, asks another provider for the same: pure judgement."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance.oracles import protocol_of, understood
from conformance.oracles.schema import objections
from conformance.recordings.meaning import strings
from conformance.surface import PROVIDER_OF

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.drivers import Exchange
    from conformance.recordings.recording import Recording
    from conformance.surface import Surface
    from conformance.upstream import Received

REFUSALS = (400, 422, 501)
_OK = 200
_PROOFS = ("signature", "thoughtSignature", "encrypted_content", "redacted_thinking")
_MEDIA = ("data", "url", "image_url", "file_data")
_SHORT = 100
_ANYBODYS = ("function", "custom")


def changed(recording: Recording, provider: Surface, exchange: Exchange, received: Sequence[Received]) -> Iterator[str]:
    """One line for each thing that does not hold: it is asked for in full, or refused by the name of a field."""
    if exchange.status != _OK:
        yield from _badly_refused(recording, exchange, received)
    elif len(received) != 1:
        yield f"the upstream received {len(received)} requests for one call"
    elif protocol_of(received[0]) != provider:
        yield f"the upstream was asked in {protocol_of(received[0])}"
    else:
        yield from _unnamed(recording, exchange, received[0])
        yield from _changed(recording, received[0])


def _badly_refused(recording: Recording, exchange: Exchange, received: Sequence[Received]) -> Iterator[str]:
    said = exchange.content.decode(errors="replace")
    if recording.answer.status in REFUSALS and exchange.status in REFUSALS:
        return  # its own provider refused it, too
    if received:
        yield f"the provider refused what it was sent ({exchange.status}): {said[:300]}"
    elif exchange.status not in REFUSALS:
        yield f"status {exchange.status} for a request that cannot be translated: {said[:300]}"
    elif not _names_in(recording.asked) & set(re.findall(r"\w+", said)):
        yield f"refused without the name of a field: {said[:300]}"


def _names_in(value: Any) -> set[str]:
    match value:
        case dict():
            return set(value).union(*map(_names_in, value.values()))
        case list():
            return set().union(*map(_names_in, value))
        case _:
            return set()


def _unnamed(recording: Recording, exchange: Exchange, received: Received) -> Iterator[str]:
    """Tools that only its own provider has: they arrive, or a header of the answer says that they did not."""
    sent = received.body.decode()
    lost = [kind for kind in map(_kind, _tools(recording.asked)) if kind not in _ANYBODYS and f'"{kind}"' not in sent]
    if lost and not any("tools" in value for _, value in exchange.answer_headers):
        yield f"lost without a word: tools of the types {', '.join(lost)}"


def _without_hosted(asked: Any) -> bytes:
    tools = [tool for tool in _tools(asked) if _kind(tool) in _ANYBODYS]
    return json.dumps(asked | {"tools": tools}).encode()


def _tools(asked: Any) -> list[dict[str, Any]]:
    return asked.get("tools") or []


def _kind(tool: dict[str, Any]) -> str:
    return str(tool.get("type", "function"))


def _changed(recording: Recording, received: Received) -> Iterator[str]:
    provider = PROVIDER_OF[recording.surface]
    said = replace(received, path=f"/{provider}{recording.path}", body=recording.body or b"")
    theirs = _read(said) or _read(replace(said, body=_without_hosted(recording.asked)))
    if theirs is None:
        return  # it asks for what only its own provider has, and was understood to do so
    mine = _read(received)
    if mine is None:
        yield f"the upstream cannot read what it was sent: {received.body[:300]!r}"
        return
    for aspect, expected in theirs.items():
        if mine[aspect] != expected and not (aspect == "limit" and expected is None):
            yield f"{aspect}: {str(mine[aspect])[:300]} in place of {str(expected)[:300]}"
    yield from _undeclared(said, received)
    arrived = strings(received.json)
    for media in _media(recording.asked):
        if not any(shown in text.translate(_ONE_ALPHABET) for shown in _forms(media) for text in arrived):
            yield f"what was shown is lost: {media[:60]}... of {len(media)} characters"


def _forms(media: str) -> Iterator[str]:
    """Base64, and for what is text the text itself."""
    one = media.translate(_ONE_ALPHABET)
    yield one
    with suppress(ValueError):
        yield b64decode(one).decode().translate(_ONE_ALPHABET)


def _undeclared(said: Received, received: Received) -> Iterator[str]:
    """What the types of the provider's own SDK do not know, where the client's own know what it said."""
    if not objections(protocol_of(said), said.json, said.path):
        for problem in objections(protocol_of(received), received.json, received.path):
            yield f"the provider's own schema does not allow {problem}"


def _read(received: Received) -> dict[str, Any] | None:
    """What every protocol can say; None where there is more. Ids are compared by what they join: some have none."""
    try:
        asked = understood(received)
    except (LookupError, TypeError, ValueError):
        return None
    ids = [call for call, _, _ in asked.calls]
    return {
        "system": asked.system,
        "turns": asked.turns,
        "calls": [(name, arguments) for _, name, arguments in asked.calls],
        "results": [(ids.index(call) if call in ids else call, _value(text)) for call, text in asked.results],
        "tools": sorted(asked.tools),
        "choice": asked.choice if asked.tools else None,
        "one call only": asked.one_call_only,
        "limit": asked.limit,
        "effort": asked.effort is not None,
        "streamed": asked.streamed,
    }


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


_ONE_ALPHABET = str.maketrans("-_", "+/")


def _media(value: Any) -> Iterator[str]:
    """The base64 of whatever is shown to the model, and the addresses of what it is to look at."""
    match value:
        case dict():
            for name, member in value.items():
                if (
                    name in _MEDIA
                    and isinstance(member, str)
                    and len(member) > _SHORT
                    and "redacted" not in str(value.get("type"))
                ):
                    yield member.rpartition("base64,")[2]
                elif name not in _PROOFS:
                    yield from _media(member)
        case list():
            for member in value:
                yield from _media(member)
