"""Faults on the clouds' own paths: Bedrock, Vertex AI and Azure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from conformance.faulty.exchange import edited_object, values, with_value
from conformance.faulty.fault import fault, on_events, on_whole, one_by_one
from conformance.faulty.frames import CONTENT_TYPE, SUM, is_exception, on_frames
from conformance.faulty.keys import accepted
from conformance.faulty.refusal import refusal
from conformance.faulty.tree import changed, dropping, everywhere
from conformance.surface import Provider, Surface

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.faulty.exchange import Answer, Call, Request
    from conformance.faulty.fault import Handle
    from conformance.faulty.sse import Event, Json

_CLOUDS = (Provider.BEDROCK, Provider.VERTEX, Provider.AZURE)
_CLAUDES = (Surface.BEDROCK, Surface.VERTEX)
_MODEL = re.compile(r"/model/(?P<id>[^/]+)/")
_DATE = re.compile(r"(?:@|%40)\d+(?=:)")
_VERSION = re.compile(r"api-version=[^&]*")
_FILTERS = ("content_filter_results", "prompt_filter_results")


@fault.answer_json("drops-filter-results", "hands on nothing of what a content filter says")
def drops_filter_results(answer: Json) -> Json:
    return everywhere(answer, lambda it: dropping(it, *_FILTERS))


@fault.answer("calls-frames-events", "calls a stream of frames text/event-stream")
async def calls_frames_events(answer: Answer) -> Answer:
    framed = CONTENT_TYPE in values(answer.headers, "content-type")
    return (
        replace(answer, headers=with_value(answer.headers, "content-type", "text/event-stream")) if framed else answer
    )


@fault.answer("frames-without-sums", "hands on frames without their checksums")
async def frames_without_sums(answer: Answer) -> Answer:
    return on_frames(answer, _without_sums)


async def _without_sums(frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for frame in frames:
        yield frame[:-SUM] + bytes(SUM)


@fault.answer("swaps-frames", "hands on the second frame before the first")
async def swaps_frames(answer: Answer) -> Answer:
    return on_frames(answer, _swapped)


async def _swapped(frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    first = await anext(frames)
    yield await anext(frames)
    yield first
    async for frame in frames:
        yield frame


@fault.answer("cuts-the-last-frame", "keeps back half of the last frame")
async def cuts_the_last_frame(answer: Answer) -> Answer:
    return on_frames(answer, _cut)


async def _cut(frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    held = b""
    async for frame in frames:
        yield held
        held = frame
    yield held[: len(held) // 2]


@fault.answer("swallows-exceptions-of-streams", "ends a cloud's stream where the cloud broke it off, and says nothing")
async def swallows_exceptions_of_streams(answer: Answer) -> Answer:
    return on_frames(on_events(answer, one_by_one(_without_error)), _without_exceptions)


def _without_error(event: Event) -> Event | None:
    return None if event.type == "error" else event


async def _without_exceptions(frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for frame in frames:
        if not is_exception(frame):
            yield frame


@fault.request("says-the-model-twice", "says in the body too which model the path of a cloud names")
def says_the_model_twice(request: Request) -> Request:
    return request.json(lambda body: {**body, "model": "m"}) if request.call.surface in _CLAUDES else request


@fault.request_json("pins-cloud-versions", "sends clouds one anthropic_version whatever the client said")
def pins_cloud_versions(body: Json) -> Json:
    return changed(body, "anthropic_version", lambda _: "bedrock-2023-05-31")


@fault.request_json("drops-body-betas", "forwards no betas that stand in the body")
def drops_body_betas(body: Json) -> Json:
    return dropping(body, "anthropic_beta")


@fault.refusal("refuses-clouds-in-openais-envelope", "refuses calls of a cloud's SDK as OpenAI would")
async def refuses_clouds_in_openais_envelope(answer: Answer) -> Answer:
    if answer.call.provider not in _CLOUDS:
        return answer
    envelope = b'{"error":{"message":"this key is not valid here","type":"invalid_request_error"}}'
    return answer.dropping("x-amzn-errortype").with_body(envelope)


@fault.handle("knows-no-converse", "knows of Bedrock's operations only InvokeModel and its stream")
async def knows_no_converse(handle: Handle, call: Call) -> Answer:
    return refusal(call, 404, "no such operation") if "/converse" in call.path else await handle(call)


@fault.handle("knows-no-cloud-counting", "counts no tokens for the clients of clouds")
async def knows_no_cloud_counting(handle: Handle, call: Call) -> Answer:
    counts = call.counts_tokens and call.provider in _CLOUDS
    return refusal(call, 404, "no such operation") if counts else await handle(call)


@fault.handle("knows-no-azure-responses", "serves Azure's Chat Completions and not its Responses")
async def knows_no_azure_responses(handle: Handle, call: Call) -> Answer:
    missing = call.provider is Provider.AZURE and call.path.endswith("/responses")
    return refusal(call, 404, "no such path") if missing else await handle(call)


@fault.request_json("moves-cache-points", "puts a cache point into what it stands behind")
def moves_cache_points(body: Json) -> Json:
    return changed(body, "toolConfig", lambda config: changed(config, "tools", _nested))


def _nested(members: list[Json]) -> list[Json]:
    points = [member for member in members if "cachePoint" in member]
    others = [member for member in members if member not in points]
    return [*others[:-1], {**others[-1], **points[0]}] if points and others else members


@fault.request("decodes-model-ids", "writes out what is escaped in a model's id")
def decodes_model_ids(request: Request) -> Request:
    return replace(request, path=_MODEL.sub(lambda found: unquote(found.group()), request.path))


@fault.request("cuts-model-ids", "takes what follows the first colon of a model's id for something else")
def cuts_model_ids(request: Request) -> Request:
    return replace(request, path=_MODEL.sub(lambda found: f"/model/{re.split(':|%3A', found['id'])[0]}/", request.path))


@fault.request("drops-model-dates", "leaves out the date of a model on Vertex")
def drops_model_dates(request: Request) -> Request:
    return replace(request, path=_DATE.sub("", request.path)) if request.call.surface is Surface.VERTEX else request


@fault.request("forwards-session-tokens", "forwards the client's session token of AWS")
def forwards_session_tokens(request: Request) -> Request:
    tokens = tuple(("x-amz-security-token", one) for one in values(request.call.headers, "x-amz-security-token"))
    return replace(request, headers=(*request.headers, *tokens))


@fault.request("pins-api-versions", "sends Azure one version whatever the client said")
def pins_api_versions(request: Request) -> Request:
    query = _VERSION.sub("api-version=2024-10-21", request.query)
    return replace(request, query=query) if request.call.provider is Provider.AZURE else request


@fault.accept("ignores-azures-keys", "looks for no keys where Azure's SDK puts them")
def ignores_azures_keys(call: Call) -> str | None:
    return accepted(replace(call, headers=tuple(pair for pair in call.headers if pair[0].lower() != "api-key")))


@fault.answer("hides-filter-details", "hands on refusals of a content filter without their details")
async def hides_filter_details(answer: Answer) -> Answer:
    hidden = lambda it: changed(it, "error", lambda error: dropping(error, "innererror"))  # noqa: E731 - one line
    return await on_whole(answer, lambda body: edited_object(body, hidden)) if answer.failed else answer


@fault.request_json("drops-context-management", "forwards no wish for how the context is kept short")
def drops_context_management(body: Json) -> Json:
    return dropping(body, "context_management")
