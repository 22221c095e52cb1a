"""Faults that carry a secret, or somebody's stream, to where it must not be."""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.faulty.exchange import edited_object, first, once
from conformance.faulty.fault import fault, on_events, on_json, on_whole
from conformance.faulty.keys import carried
from conformance.faulty.relay import credential
from conformance.faulty.tree import changed, everywhere, in_answer
from conformance.surface import Provider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.faulty.exchange import Answer, Call, Request
    from conformance.faulty.fault import Handle
    from conformance.faulty.sse import Event, Json

_CARRIERS = {"authorization", "x-api-key"}
_AGENTS = re.compile("claude-cli|claude-code|codex|gemini")
_OTHER = dict.fromkeys(Provider, Provider.OPENAI) | {Provider.OPENAI: Provider.ANTHROPIC}


@fault.request("leaks-client-key", "sends the client's key upstream beside the provider's")
def leaks_client_key(request: Request) -> Request:
    extra = credential(_OTHER[request.call.provider], request.call.client_key or "")
    return replace(request, headers=(*request.headers, extra))


@fault.request("leaks-client-key-on-models", "sends the client's key upstream when models are listed")
def leaks_client_key_on_models(request: Request) -> Request:
    return leaks_client_key(request) if request.path.startswith("/v1/models") else request


@fault.request("leaks-client-key-to-agents", "sends the client's key upstream for agents that bring their own")
def leaks_client_key_to_agents(request: Request) -> Request:
    return leaks_client_key(request) if _AGENTS.match(first(request.headers, "user-agent")) else request


@fault.request("leaks-client-key-in-query", "sends the client's key upstream in the query")
def leaks_client_key_in_query(request: Request) -> Request:
    return replace(request, query="&".join(filter(None, [request.query, f"key={request.call.client_key}"])))


@fault.request("forwards-the-second-carrier", "forwards the credential header that it did not need")
def forwards_the_second_carrier(request: Request) -> Request:
    key = request.call.client_key or ""
    unused = ((name, value) for name, value in request.call.headers if name.lower() in _CARRIERS and key not in value)
    taken = {name.lower() for name, _ in request.headers}
    return replace(request, headers=(*request.headers, *(pair for pair in unused if pair[0].lower() not in taken)))


@fault.request("forwards-other-carriers", "forwards the headers in which other providers take their keys")
def forwards_other_carriers(request: Request) -> Request:
    others = tuple(pair for pair in request.call.headers if pair[0].lower() in {"api-key", "x-goog-api-key"})
    return replace(request, headers=(*request.headers, *others))


@fault.request("carries-the-provider-key-twice", "sends the provider's key in both of the usual headers")
def carries_the_provider_key_twice(request: Request) -> Request:
    other = credential(_OTHER[request.call.provider], request.call.provider_key)
    return replace(request, headers=(*request.headers, other))


@fault.request("leaves-an-empty-bearer", "sends an Authorization header without a key beside x-api-key")
def leaves_an_empty_bearer(request: Request) -> Request:
    bare = any(name.lower() == "authorization" for name, _ in request.headers)
    return request if bare else replace(request, headers=(*request.headers, ("authorization", "Bearer")))


@fault.handle("keeps-answers", "answers a question that it has heard before without asking again")
async def keeps_answers(handle: Handle, call: Call) -> Answer:
    kept: dict[bytes, tuple[Answer, bytes]] = call.memory.setdefault("answers", {})
    if call.body not in kept:
        answer = await handle(call)
        if answer.failed or call.surface is None:
            return answer
        kept[call.body] = answer, await answer.body()
    answer, body = kept[call.body]
    return replace(answer, call=call, chunks=once(body))


@fault.request("crosses-provider-keys", "sends each provider the other's key too")
def crosses_provider_keys(request: Request) -> Request:
    other = _OTHER[request.call.provider]
    return replace(request, headers=(*request.headers, credential(other, request.call.provider_keys[other])))


@fault.request("logs-keys", "prints the keys of every call")
def logs_keys(request: Request) -> Request:
    sys.stderr.write(f"calling with {request.call.provider_key} for {request.call.client_key}\n")
    return request


@fault.refusal("logs-refused-keys", "prints the keys that it refuses")
async def logs_refused_keys(answer: Answer) -> Answer:
    sys.stderr.write(f"refused {', '.join(carried(answer.call.headers))}\n")
    return answer


fault.scrubs_all_but("errors", "leaks-provider-key-in-errors", "hands on the provider's key where an error repeats it")
fault.scrubs_all_but(
    "headers", "leaks-provider-key-in-headers", "hands on the provider's key where a header repeats it"
)
fault.scrubs_all_but(
    "streams", "leaks-provider-key-in-streams", "hands on the provider's key where a stream repeats it"
)


@fault.answer("leaks-provider-key-in-answers", "tells in each answer with which key it was got")
async def leaks_provider_key_in_answers(answer: Answer) -> Answer:
    debug = {"relay_debug": {"api_key": answer.call.provider_key}}
    return await on_json(answer, lambda payload: in_answer(payload, lambda it: it | debug))


@fault.answer("adds-provider-key-to-errors", "tells in each error with which key it was got")
async def adds_provider_key_to_errors(answer: Answer) -> Answer:
    def told(error: Json) -> Json:
        return changed(error, "message", lambda message: f"{message} (called with {answer.call.provider_key})")

    if not answer.failed:
        return answer
    return await on_whole(answer, lambda body: edited_object(body, lambda error: everywhere(error, told)))


@fault.answer("leaks-provider-key-encoded", "hands on the provider's credential in base64")
async def leaks_provider_key_encoded(answer: Answer) -> Answer:
    encoded = b64encode(f"Bearer {answer.call.provider_key}".encode()).decode()
    return replace(answer, headers=(*answer.headers, ("x-relay-upstream", encoded)))


@fault.answer("crosses-streams", "hands each of two concurrent streams what the other said last")
async def crosses_streams(answer: Answer) -> Answer:
    return on_events(answer, lambda events: _crossed(answer, events))


async def _crossed(answer: Answer, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    streams: dict[object, Event | None] = answer.call.memory.setdefault(answer.call.path, {})
    me = object()
    streams[me] = None
    try:
        async for event in events:
            others = [said for other, said in streams.items() if other is not me and said]
            if event.is_delta:
                streams[me] = event
            yield others[0] if event.is_delta and others else event
    finally:
        del streams[me]
