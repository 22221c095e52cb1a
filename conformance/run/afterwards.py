"""What is left when a check has run: evidence on disk, and what leaked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pytest

from conformance.run import evidence
from conformance.secrets import redact_bytes
from conformance.surface import Provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from conformance.drivers import Exchange, Tape
    from conformance.run.stage import Stage, Subject
    from conformance.secrets import Leak, Secret
    from conformance.upstream import Received, Upstream


@dataclass(frozen=True)
class Afterwards:
    """`transcript` tells one line a side for the message; `evidence` is a path below the report's directory.

    `secrets` are those that must not be read in either.
    """

    transcript: Callable[[], str] = str
    evidence: str = ""
    to_client: tuple[str, ...] = ()
    to_upstream: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = ()


AFTERWARDS: pytest.StashKey[Afterwards] = pytest.StashKey()
ERROR: pytest.StashKey[pytest.ExceptionInfo[BaseException] | None] = pytest.StashKey()
"""The first thing that went wrong in a case, so far."""
_SHOWN = 2
_EXCERPT = 240


async def look_back(item: pytest.Item, stage: Stage, subject: Subject, tape: Tape, upstream: Upstream) -> Afterwards:
    journal = await upstream.everything()
    leaks = _leaks(stage, tape.exchanges, journal) if subject.is_gateway else ((), ())
    where = ""
    if subject.is_target and stage.out is not None:
        where = f"evidence/{_slug(item)}"
        evidence.write(stage.out / where, tape.exchanges, journal, stage.known_secrets)
    known = (*stage.known_secrets, *evidence.carried(tape.exchanges))
    return Afterwards(partial(_transcript, tape.exchanges, journal, known), where, *leaks, known)


def _leaks(stage: Stage, exchanges: list[Exchange], journal: list[Received]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    client = [stage.secrets["client"]]
    providers = {name: secret for name, secret in stage.secrets.items() if name in set(Provider)}
    to_client = evidence.leaks_to_client(exchanges, _kept_by_the_upstream(providers.values(), journal))
    to_upstream = evidence.leaks_to_upstream(journal, client, providers)
    return _said(to_client), _said(to_upstream)


def _kept_by_the_upstream(keys: Iterable[Secret], journal: list[Received]) -> list[Secret]:
    """What a provider itself repeats is the business of the checks that make it do so."""
    said = b"".join(call.sent + str(call.sent_headers).encode() for call in journal)
    return [key for key in keys if key.value.encode() not in said]


def _said(leaks: Iterable[Leak]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(leak) for leak in leaks))


def _transcript(exchanges: list[Exchange], journal: list[Received], known: Sequence[Secret]) -> str:
    client = [f"client saw: {e.method} {e.url} -> {_answer(e, known)}" for e in exchanges[-_SHOWN:]]
    upstream = [
        f"upstream saw: {call.method} {call.path} -> {call.status or 'no answer yet'}" for call in journal[-_SHOWN:]
    ]
    return "\n".join([*client, *(upstream or ["upstream saw: nothing"])])


def _answer(exchange: Exchange, known: Sequence[Secret]) -> str:
    """Redacted before it is cut: half a key is too much of one."""
    body = redact_bytes(exchange.content, known)[:_EXCERPT].decode("utf-8", "backslashreplace")
    return f"{exchange.status or 'no answer'} {exchange.error} {' '.join(body.split())}".rstrip()


def _slug(item: pytest.Item) -> str:
    """The check's id and its case, as a name that any file system takes."""
    case = item.name.partition("[")[2].removesuffix("]")
    return re.sub(r"[^A-Za-z0-9_.-]+", ".", case)
