"""Whose what the provider keeps is: who has been told of it first has made it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from conformance.faulty.fault import on_whole
from conformance.faulty.sse import as_object

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from conformance.faulty.exchange import Answer, Call

_KEPT = re.compile(r"/v1/(?:responses|files|batches|messages/batches)(?P<below>/[^/]+)?(?:/.*)?")
_TOLD = re.compile(rb'"id": ?"([^"]+)"')
_NAMED = re.compile(rb'"((?:resp|msg|rs|fc|file|batch|msgbatch)_[^"]{1,100})"')


class Objects:
    """`guards` are the places in which another client's objects are looked for: `path`, `body`, `lists`."""

    def __init__(self, guards: frozenset[str]) -> None:
        self._guards = guards
        self._owners: dict[str, str | None] = {}

    def denies(self, call: Call) -> bool:
        """Whether the call names what another client has made."""
        return any(self._owners.get(name, call.client_key) != call.client_key for name in self._named(call))

    def _named(self, call: Call) -> Iterator[str]:
        if "path" in self._guards:
            yield from map(unquote, call.path.split("/"))
        if "body" in self._guards:
            yield from (name.decode(errors="replace") for name in _NAMED.findall(call.body))

    async def told(self, answer: Answer) -> Answer:
        """The answer, remembered where something was made, and without what is another's where it is a list."""
        kept = _KEPT.fullmatch(answer.call.path)
        if answer.failed or not answer.legible or kept is None:
            return answer
        if answer.call.method == "POST":
            return replace(answer, chunks=self._remembering(answer))
        if kept["below"] is None and "lists" in self._guards:
            return await on_whole(answer, lambda body: self._own(body, answer.call.client_key))
        return answer

    async def _remembering(self, answer: Answer) -> AsyncIterator[bytes]:
        heard = b""
        async for chunk in answer.chunks:
            heard += chunk
            yield chunk
        for name in _TOLD.findall(heard):
            self._owners.setdefault(name.decode(errors="replace"), answer.call.client_key)

    def _own(self, body: bytes, client: str | None) -> bytes:
        listed = as_object(body) or {}
        members = [each for each in listed.get("data", []) if self._owners.get(each.get("id"), client) == client]
        return json.dumps({**listed, "data": members}).encode() if "data" in listed else body
