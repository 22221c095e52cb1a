"""Faults in how errors of the provider are handed on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.faulty.exchange import edited_object, once, with_value
from conformance.faulty.fault import fault, on_events, on_whole, one_by_one
from conformance.faulty.refusal import refusal
from conformance.faulty.sse import Event, as_object
from conformance.faulty.tree import changed, dropping, everywhere

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.faulty.exchange import Answer, Call
    from conformance.faulty.fault import Handle
    from conformance.faulty.sse import Json

_SERVER_ERRORS = 500


@fault.answer("flattens-status", "answers every refusal with 400 and every failure with 500")
async def flattens_status(answer: Answer) -> Answer:
    return replace(answer, status=500 if answer.status >= _SERVER_ERRORS else 400) if answer.failed else answer


@fault.answer("413-becomes-400", "answers 400 where the provider said 413")
async def too_large_becomes_bad_request(answer: Answer) -> Answer:
    return _status(answer, 413, 400)


@fault.answer("529-becomes-500", "answers 500 where the provider said 529")
async def overloaded_becomes_server_error(answer: Answer) -> Answer:
    return _status(answer, 529, 500)


def _status(answer: Answer, said: int, told: int) -> Answer:
    return replace(answer, status=told) if answer.status == said else answer


@fault.answer("foreign-envelope", "puts errors into an envelope of no provider")
async def foreign_envelope(answer: Answer) -> Answer:
    return await _on_error(answer, lambda error: {"detail": (error.get("error") or {}).get("message")})


@fault.answer("rewords-errors", "puts words of its own before the provider's message")
async def rewords_errors(answer: Answer) -> Answer:
    return await _on_error(answer, lambda error: everywhere(error, _reworded))


@fault.answer("hides-the-message", "tells the client nothing of what the provider said")
async def hides_the_message(answer: Answer) -> Answer:
    return await _on_error(answer, lambda error: everywhere(error, _hidden))


def _hidden(value: Json) -> Json:
    return changed(value, "message", lambda _: "upstream error")


def _reworded(value: Json) -> Json:
    return changed(value, "message", lambda message: f"RelayException: {message}")


@fault.answer("retypes-errors", "gives errors a type of its own")
async def retypes_errors(answer: Answer) -> Answer:
    return await _on_error(answer, lambda it: changed(it, "error", lambda error: {**error, "type": "relay_error"}))


async def _on_error(answer: Answer, edit: Callable[[Json], Json]) -> Answer:
    return await on_whole(answer, lambda body: edited_object(body, edit)) if answer.failed else answer


@fault.answer("loses-retry-after", "does not hand on how long to wait")
async def loses_retry_after(answer: Answer) -> Answer:
    return answer.dropping("retry-after", "retry-after-ms")


@fault.answer("loses-rate-limits", "does not hand on the headers of rate limits")
async def loses_rate_limits(answer: Answer) -> Answer:
    return answer.dropping("x-ratelimit-.*", "anthropic-ratelimit-.*")


@fault.answer("loses-retry-hints", "does not hand on what providers tell their own SDKs about trying again")
async def loses_retry_hints(answer: Answer) -> Answer:
    return answer.dropping("x-should-retry", "retry-after-ms")


@fault.answer("loses-error-request-id", "hands on errors without their request id")
async def loses_error_request_id(answer: Answer) -> Answer:
    if not answer.failed:
        return answer
    return await _on_error(answer.dropping("request-id", "x-request-id"), lambda error: dropping(error, "request_id"))


@fault.answer("errors-as-200", "answers an error to a streaming call with 200 and an event without a name")
async def errors_as_200(answer: Answer) -> Answer:
    if not (answer.failed and answer.call.streams and answer.legible):
        return answer
    error = (as_object(await answer.body()) or {}).get("error")
    headers = with_value(answer.dropping("content-length").headers, "content-type", "text/event-stream")
    return replace(answer, status=200, headers=headers, chunks=once(Event.of(json.dumps({"error": error})).raw))


@fault.event("swallows-stream-errors", "ends a stream cleanly where the provider sent an error")
def swallows_stream_errors(event: Event) -> Event | None:
    return None if _is_error(event) else event


@fault.answer("rewords-stream-errors", "puts words of its own before the provider's message in a stream")
async def rewords_stream_errors(answer: Answer) -> Answer:
    return on_events(answer, one_by_one(_reworded_event))


def _reworded_event(event: Event) -> Event:
    return event.with_json(everywhere(event.json, _reworded)) if _is_error(event) else event


def _is_error(event: Event) -> bool:
    return event.type in {"error", "response.failed"} or bool(event.json.get("error"))


@fault.handle("poisoned-by-errors", "answers the call after an error with 429")
async def poisoned_by_errors(handle: Handle, call: Call) -> Answer:
    if call.memory.pop("poisoned", False):
        return refusal(call, 429, "no deployment is available, try again later")
    answer = await handle(call)
    call.memory["poisoned"] = answer.failed
    return answer
