"""Faults on the Gemini surface, which gateways know less well than the others."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance.faulty.exchange import first
from conformance.faulty.fault import fault, on_events, one_by_one
from conformance.faulty.keys import accepted
from conformance.faulty.refusal import refusal
from conformance.faulty.sse import Event
from conformance.faulty.tree import changed, dropping, everywhere, objects
from conformance.surface import Provider, Surface

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.faulty.exchange import Answer, Call, Request
    from conformance.faulty.fault import Handle
    from conformance.faulty.sse import Json

_ANSWER_FIELDS = {"candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"}
_REQUEST_FIELDS = {"contents", "systemInstruction", "generationConfig", "tools", "toolConfig"}
_COMMENT = Event(b": keep-alive\n\n")
_SIGNATURE = "thoughtSignature"


@fault.answer_json("says-every-gemini-answer-stopped", "says that every answer of Gemini ended by itself")
def says_every_gemini_answer_stopped(answer: Json) -> Json:
    return everywhere(answer, lambda it: changed(it, "finishReason", lambda _: "STOP"))


@fault.answer_json("drops-function-call-ids", "hands on function calls without their ids")
def drops_function_call_ids(answer: Json) -> Json:
    return everywhere(answer, lambda it: changed(it, "functionCall", lambda call: dropping(call, "id")))


@fault.request_json("names-results-by-id", "gives results of functions the id of the call for a name")
def names_results_by_id(body: Json) -> Json:
    return everywhere(body, lambda it: changed(it, "functionResponse", lambda one: {**one, "name": one.get("id")}))


@fault.request_json("one-function-call-a-turn", "forwards only the first result of a turn")
def one_function_call_a_turn(body: Json) -> Json:
    return everywhere(body, lambda it: changed(it, "parts", _first_result))


def _first_result(parts: list[Json]) -> list[Json]:
    results = [part for part in parts if "functionResponse" in part]
    return [part for part in parts if part not in results[1:]]


@fault.answer_json("drops-thought-signatures", "hands on parts without their thought signature")
def drops_thought_signatures(answer: Json) -> Json:
    return everywhere(answer, lambda it: dropping(it, _SIGNATURE))


@fault.request_json("drops-thought-signatures-upstream", "forwards parts without their thought signature")
def drops_thought_signatures_upstream(body: Json) -> Json:
    return everywhere(body, lambda it: dropping(it, _SIGNATURE))


@fault.request_json("moves-thought-signatures", "forwards each thought signature in a part of its own")
def moves_thought_signatures(body: Json) -> Json:
    return everywhere(
        body, lambda it: changed(it, "parts", lambda parts: [one for part in parts for one in _apart(part)])
    )


def _apart(part: Json) -> list[Json]:
    return [{"text": "", _SIGNATURE: part[_SIGNATURE]}, dropping(part, _SIGNATURE)] if _SIGNATURE in part else [part]


@fault.answer_json("counts-thoughts-as-said", "counts thoughts among what was said, and leaves them where they were")
def counts_thoughts_as_said(answer: Json) -> Json:
    return changed(answer, "usageMetadata", _with_thoughts)


def _with_thoughts(usage: Json) -> Json:
    thoughts = usage.get("thoughtsTokenCount", 0)
    return changed(usage, "candidatesTokenCount", lambda said: said + thoughts)


@fault.answer_json("loses-gemini-usage", "hands on no usage of Gemini's")
def loses_gemini_usage(answer: Json) -> Json:
    return dropping(answer, "usageMetadata")


@fault.answer_json("knows-few-gemini-fields", "hands on only those fields of Gemini's answers that it knows")
def knows_few_gemini_fields(answer: Json) -> Json:
    known = "candidates" in answer
    return {name: value for name, value in answer.items() if name in _ANSWER_FIELDS} if known else answer


@fault.request("forwards-known-gemini-fields", "forwards only those fields of Gemini's requests that it knows")
def forwards_known_gemini_fields(request: Request) -> Request:
    if request.call.surface is not Surface.GEMINI:
        return request
    return request.json(lambda body: {name: value for name, value in body.items() if name in _REQUEST_FIELDS})


@fault.events("keeps-alive-by-comments", "puts comment lines into every stream")
async def keeps_alive_by_comments(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    async for event in events:
        yield _COMMENT
        yield event


@fault.answer("names-gemini-events", "gives the events of Gemini, which have no names, one")
async def names_gemini_events(answer: Answer) -> Answer:
    named = one_by_one(lambda event: Event(b"event: chunk\n" + event.raw))
    return on_events(answer, named) if answer.call.surface is Surface.GEMINI else answer


@fault.request("asks-for-events", "asks Gemini for events where the client asked for an array")
def asks_for_events(request: Request) -> Request:
    bare = ":streamGenerateContent" in request.path and "alt=" not in request.query
    return replace(request, query="&".join(filter(None, [request.query, "alt=sse"]))) if bare else request


@fault.answer("answers-arrays-as-objects", "hands on only the first object of an array")
async def answers_arrays_as_objects(answer: Answer) -> Answer:
    if answer.failed or not answer.call.path.endswith(":streamGenerateContent") or "alt=" in answer.call.query:
        return answer
    body = await answer.body()
    value: Any = json.loads(body)
    first = json.dumps(value[0]).encode() if isinstance(value, list) and value else body
    return answer.with_body(first)


@fault.refusal("refuses-gemini-in-openais-envelope", "refuses calls of Google's SDK as OpenAI would")
async def refuses_gemini_in_openais_envelope(answer: Answer) -> Answer:
    if answer.call.provider is not Provider.GEMINI:
        return answer
    return refusal(replace(answer.call, aimed=Provider.OPENAI), answer.status, "this key is not valid here")


@fault.accept("ignores-goog-keys", "looks for no keys where Google's SDK puts them")
def ignores_goog_keys(call: Call) -> str | None:
    return accepted(replace(call, headers=tuple(pair for pair in call.headers if pair[0].lower() != "x-goog-api-key")))


@fault.accept("ignores-keys-in-the-query", "looks for no keys in the query")
def ignores_keys_in_the_query(call: Call) -> str | None:
    return accepted(replace(call, query=""))


@fault.request("forwards-keys-in-the-query", "forwards the query with the client's key in it")
def forwards_keys_in_the_query(request: Request) -> Request:
    return replace(request, query=request.call.query)


@fault.handle("serves-v1beta-only", "knows only one of the two versions in the paths of Gemini")
async def serves_v1beta_only(handle: Handle, call: Call) -> Answer:
    other = call.surface is Surface.GEMINI and call.path.startswith("/v1/")
    return refusal(call, 404, "no such path") if other else await handle(call)


@fault.accept("accepts-any-goog-key", "takes any key for valid that comes where Google's SDK puts it")
def accepts_any_goog_key(call: Call) -> str | None:
    return accepted(call) or first(call.headers, "x-goog-api-key") or None


@fault.answer_json("guesses-gemini-tokens", "counts tokens for Gemini by itself")
def guesses_gemini_tokens(answer: Json) -> Json:
    return changed(answer, "totalTokens", lambda _: 42)


@fault.answer_json("lists-gemini-models-as-openai", "lists Google's models in OpenAI's form")
def lists_gemini_models_as_openai(answer: Json) -> Json:
    named = [{"id": model.get("name"), "object": "model"} for model in objects(answer.get("models"))]
    return {"object": "list", "data": named} if named else answer
