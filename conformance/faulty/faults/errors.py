"""Faults in how errors of the provider are handed on."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.faulty.exchange import edited_object, first, once, with_value
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
_TOO_MANY = 429
_BAD_GATEWAY = 502
_KNOWN_STATUSES = {400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 503, 504, 529}
_KNOWN_TYPES = {
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "conflict_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "timeout_error",
    "overloaded_error",
    "server_error",
    "requests",
    "tokens",
    "insufficient_quota",
}
_KNOWN_LIMITS = ("requests", "tokens", "input-tokens", "output-tokens")
_SHORT = 40
_PATIENCE = 3


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


@fault.answer("knows-few-statuses", "answers 500 where the provider's status is none that it knows")
async def knows_few_statuses(answer: Answer) -> Answer:
    return replace(answer, status=500) if answer.failed and answer.status not in _KNOWN_STATUSES else answer


@fault.answer("chokes-on-odd-errors", "answers 500 of its own where the provider's error is not in the provider's form")
async def chokes_on_odd_errors(answer: Answer) -> Answer:
    if not (answer.failed and answer.legible):
        return answer
    body = await answer.body()
    error = (as_object(body) or {}).get("error")
    if isinstance(error, dict):
        return replace(answer, chunks=once(body))
    return refusal(answer.call, 500, "the provider's error cannot be read")


@fault.answer("forgets-the-coding-of-errors", "hands on compressed errors without saying that they are")
async def forgets_the_coding_of_errors(answer: Answer) -> Answer:
    return answer.dropping("content-encoding") if answer.failed else answer


@fault.answer("fills-in-answers", "makes an answer of an error that comes as a success")
async def fills_in_answers(answer: Answer) -> Answer:
    if answer.failed or answer.streams:
        return answer
    return await on_whole(answer, lambda body: edited_object(body, lambda it: _filled(it) if "error" in it else it))


def _filled(error: Json) -> Json:
    """Something that each of the SDKs takes for an answer, an empty one."""
    chat = {"choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}]}
    usage = {"input_tokens": 0, "output_tokens": 0, "prompt_tokens": 0, "completion_tokens": 0}
    told = {"content": [], "stop_reason": "end_turn", "output": [], "status": "completed", "usage": usage}
    return dropping(error, "error") | {"id": "relay_1", "model": "m"} | chat | told


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


@fault.answer("cuts-error-messages", "cuts the provider's message short")
async def cuts_error_messages(answer: Answer) -> Answer:
    return await _on_message(answer, lambda message: message[:_SHORT])


@fault.answer("escapes-error-messages", "escapes the provider's message for a web page")
async def escapes_error_messages(answer: Answer) -> Answer:
    return await _on_message(answer, html.escape)


async def _on_message(answer: Answer, edit: Callable[[str], str]) -> Answer:
    return await _on_error(answer, lambda error: everywhere(error, lambda it: changed(it, "message", edit)))


@fault.answer("drops-error-codes", "hands on no code, no param and no details of an error")
async def drops_error_codes(answer: Answer) -> Answer:
    coded = {"code": None, "param": None}
    plain = lambda it: {name: coded.get(name, value) for name, value in dropping(it, "details").items()}  # noqa: E731 - one line
    return await _on_error(answer, lambda error: everywhere(error, plain))


@fault.answer("known-error-types-only", "gives errors of a type that it does not know a type that it knows")
async def known_error_types_only(answer: Answer) -> Answer:
    return await _on_error(answer, lambda it: changed(it, "error", lambda error: changed(error, "type", _known_type)))


def _known_type(kind: str) -> str:
    return kind if kind in _KNOWN_TYPES else "api_error"


@fault.answer("drops-unknown-error-fields", "hands on only those fields of an error that it knows")
async def drops_unknown_error_fields(answer: Answer) -> Answer:
    known = {"type", "error", "request_id", "message", "param", "code", "details", "error_code"}
    return await _on_error(answer, lambda it: everywhere(it, lambda one: dropping(one, *(one.keys() - known))))


@fault.answer("retypes-errors", "gives errors a type of its own")
async def retypes_errors(answer: Answer) -> Answer:
    return await _on_error(answer, lambda it: changed(it, "error", lambda error: {**error, "type": "relay_error"}))


async def _on_error(answer: Answer, edit: Callable[[Json], Json]) -> Answer:
    return await on_whole(answer, lambda body: edited_object(body, edit)) if answer.failed else answer


@fault.answer("loses-retry-after", "does not hand on how long to wait")
async def loses_retry_after(answer: Answer) -> Answer:
    return answer.dropping("retry-after", "retry-after-ms")


@fault.answer("renames-retry-after", "hands on retry-after under a name of its own")
async def renames_retry_after(answer: Answer) -> Answer:
    renamed = ((f"provider-{name}" if name.lower() == "retry-after" else name, value) for name, value in answer.headers)
    return replace(answer, headers=tuple(renamed))


@fault.answer("rounds-retry-after", "says to wait for at least a second and at most a minute")
async def rounds_retry_after(answer: Answer) -> Answer:
    wait = first(answer.headers, "retry-after")
    if not wait.isdecimal():
        return answer
    return replace(answer, headers=with_value(answer.headers, "retry-after", str(min(max(int(wait), 1), 60))))


@fault.answer("retry-after-only-on-429", "does not hand on how long to wait but with 429")
async def retry_after_only_on_429(answer: Answer) -> Answer:
    return answer if answer.status == _TOO_MANY else answer.dropping("retry-after", "retry-after-ms")


@fault.answer("knows-few-rate-limits", "hands on only those headers of rate limits that it knows")
async def knows_few_rate_limits(answer: Answer) -> Answer:
    known = "|".join(_KNOWN_LIMITS)
    return answer.dropping(
        rf"anthropic-ratelimit-(?!({known})-(limit|remaining|reset)$).*",
        rf"x-ratelimit-(?!(limit|remaining|reset)-({known})$).*",
    )


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


@fault.event("hides-stream-messages", "tells the client nothing of what the provider said in a stream")
def hides_stream_messages(event: Event) -> Event:
    return event.with_json(everywhere(event.json, _hidden)) if _is_error(event) else event


@fault.event("retypes-stream-errors", "gives errors in a stream a type and a code of its own")
def retypes_stream_errors(event: Event) -> Event:
    return event.with_json(everywhere(event.json, _retyped)) if _is_error(event) else event


def _retyped(value: Json) -> Json:
    kind = {"type": "relay_error"} if value.get("type") != "error" and "type" in value else {}
    return value | kind | ({"code": "relay_error"} if "code" in value else {})


def _is_error(event: Event) -> bool:
    return event.type in {"error", "response.failed"} or bool(event.json.get("error"))


@fault.handle("poisoned-by-errors", "answers the call after an error with 429")
async def poisoned_by_errors(handle: Handle, call: Call) -> Answer:
    if call.memory.pop("poisoned", False):
        return refusal(call, 429, "no deployment is available, try again later")
    answer = await handle(call)
    call.memory["poisoned"] = answer.failed
    return answer


@fault.handle("opens-the-circuit", "answers 503 by itself, once, after some errors in a row")
async def opens_the_circuit(handle: Handle, call: Call) -> Answer:
    if call.memory.get("errors", 0) >= _PATIENCE:
        call.memory["errors"] = 0
        return refusal(call, 503, "this provider rests, try again later")
    answer = await handle(call)
    call.memory["errors"] = call.memory.get("errors", 0) + 1 if answer.failed else 0
    return answer


@fault.handle("malformed-is-500", "fails over bodies that are no JSON object")
async def malformed_is_500(handle: Handle, call: Call) -> Answer:
    legible = call.method != "POST" or as_object(call.body) is not None
    return await handle(call) if legible else refusal(call, 500, "JSONDecodeError")


@fault.handle("foreign-404", "answers for paths that nobody serves in an envelope of no provider")
async def foreign_404(handle: Handle, call: Call) -> Answer:
    served = call.surface or call.counts_tokens or call.path.startswith("/v1/models")
    return await handle(call) if served else refusal(call, 404, "").with_body(b'{"detail":"Not Found"}')


@fault.handle("wrong-method-is-500", "fails over methods that nobody serves")
async def wrong_method_is_500(handle: Handle, call: Call) -> Answer:
    return await handle(call) if call.method in {"GET", "POST"} else refusal(call, 500, "no such method")


@fault.handle("unknown-model-is-500", "fails over models that it does not know")
async def unknown_model_is_500(handle: Handle, call: Call) -> Answer:
    model = (as_object(call.body) or {}).get("model", "")
    known = isinstance(model, str) and not model.startswith("no-such-model")
    return await handle(call) if known else refusal(call, 500, "KeyError")


@fault.handle("bad-gateway-in-html", "tells in HTML that the provider does not answer")
async def bad_gateway_in_html(handle: Handle, call: Call) -> Answer:
    answer = await handle(call)
    if answer.status != _BAD_GATEWAY or answer.upstream_headers:
        return answer
    page = answer.with_body(b"<html><h1>502 Bad Gateway</h1></html>")
    return replace(page, headers=with_value(page.headers, "content-type", "text/html"))


@fault.answer("no-models-on-errors", "lists no models where the provider refuses to list any")
async def no_models_on_errors(answer: Answer) -> Answer:
    if not (answer.failed and answer.call.path == "/v1/models"):
        return answer
    answer.close()
    return replace(answer, status=200).with_body(b'{"object":"list","data":[],"has_more":false}')
