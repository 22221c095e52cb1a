"""Faults that show one client what is another's, or anybody what is the relay's own."""

from __future__ import annotations

import json
import sys
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance.faulty.exchange import Answer, edited_object, first, once
from conformance.faulty.fault import fault, on_whole
from conformance.faulty.refusal import refusal
from conformance.faulty.tree import changed, everywhere

if TYPE_CHECKING:
    from conformance.faulty.exchange import Call
    from conformance.faulty.fault import Handle
    from conformance.faulty.sse import Json

_REMEMBERED = 5
_TEMPORARY_REDIRECT, _BAD_REQUEST, _NOT_FOUND = 307, 400, 404
_PAGES = ("/v1/config", "/v1/debug/vars", "/v1/never/seen")


@fault.answer("leaks-provider-key-on-models", "tells in lists of models with which key they were got")
async def leaks_provider_key_on_models(answer: Answer) -> Answer:
    if not answer.call.path.startswith("/v1/models"):
        return answer
    return await on_whole(answer, lambda body: edited_object(body, lambda it: it | {"key": answer.call.provider_key}))


@fault.handle("shows-its-configuration", "has a page that shows how it is configured")
async def shows_its_configuration(handle: Handle, call: Call) -> Answer:
    return _configuration(call, _NOT_FOUND) if call.path in _PAGES else await handle(call)


@fault.handle("shows-its-configuration-in-errors", "tells how it is configured where it cannot read a body")
async def shows_its_configuration_in_errors(handle: Handle, call: Call) -> Answer:
    try:
        json.loads(call.body or b"{}")
    except ValueError:
        return _configuration(call, _BAD_REQUEST)
    return await handle(call)


def _configuration(call: Call, status: int) -> Answer:
    keys = ", ".join(f"{provider}: {key}" for provider, key in call.provider_keys.items())
    return refusal(call, status, f"no way to do that with {keys}")


async def _kept(handle: Handle, call: Call, mark: str) -> Answer:
    """What was answered to the first call with that mark, whoever makes the next."""
    kept: dict[str, tuple[Answer, bytes]] = call.memory.setdefault("answers by mark", {})
    if not mark or call.surface is None:
        return await handle(call)
    if mark not in kept:
        answer = await handle(call)
        kept[mark] = answer, await answer.body()
    answer, body = kept[mark]
    return replace(answer, call=call, chunks=once(body))


@fault.handle("keeps-answers-by-idempotency-key", "answers with what it answered to the same Idempotency-Key before")
async def keeps_answers_by_idempotency_key(handle: Handle, call: Call) -> Answer:
    mark = first(call.headers, "idempotency-key")
    return await _kept(handle, call, "" if mark.startswith("stainless") else mark)  # the SDK's own


@fault.handle("keeps-answers-by-session", "answers with what it answered in a session of the same name before")
async def keeps_answers_by_session(handle: Handle, call: Call) -> Answer:
    return await _kept(handle, call, first(call.headers, "x-session-id"))


@fault.handle("tells-of-the-last-calls", "tells whom it refuses what it was asked before, and with which keys")
async def tells_of_the_last_calls(handle: Handle, call: Call) -> Answer:
    last: deque[str] = call.memory.setdefault("last", deque(maxlen=_REMEMBERED))
    before = " ".join(last)
    last.append(f"{call.body.decode(errors='replace')} {call.headers}")
    answer = await handle(call)
    return await _telling(answer, before) if answer.failed else answer


@fault.handle("tells-of-the-last-error", "tells of each error which one came before it")
async def tells_of_the_last_error(handle: Handle, call: Call) -> Answer:
    answer = await handle(call)
    if not answer.failed:
        return answer
    body, last = await answer.body(), call.memory.get("last error", "")
    call.memory["last error"] = body.decode(errors="replace")
    return await _telling(replace(answer, chunks=once(body)), last)


async def _telling(answer: Answer, last: Any) -> Answer:
    def told(error: Json) -> Json:
        return changed(error, "message", lambda message: f"{message} (before: {last})")

    return await on_whole(answer, lambda body: edited_object(body, lambda error: everywhere(error, told)))


@fault.handle("logs-addresses", "prints the address of every call, with all that it says")
async def logs_addresses(handle: Handle, call: Call) -> Answer:
    sys.stderr.write(f"{call.method} {call.path}?{call.query}\n")
    return await handle(call)


@fault.handle("logs-what-it-cannot-read", "prints the bodies that are no JSON")
async def logs_what_it_cannot_read(handle: Handle, call: Call) -> Answer:
    try:
        json.loads(call.body or b"{}")
    except ValueError:
        sys.stderr.write(f"cannot read {call.body!r}\n")
    return await handle(call)


@fault.handle("sends-streams-to-the-provider", "has clients fetch their streams where the provider has them")
async def sends_streams_to_the_provider(handle: Handle, call: Call) -> Answer:
    if not (call.streams and call.surface):
        return await handle(call)
    return Answer(call, _TEMPORARY_REDIRECT, (("location", f"https://api.{call.provider}.com{call.path}"),), once(b""))


fault.guards_all_but("path", "shows-others-objects", "hands out what another client has made to whoever knows its name")
fault.guards_all_but("body", "continues-others-answers", "goes on where another client had ended")
fault.guards_all_but("lists", "lists-others-objects", "lists what all clients have made to each of them")
