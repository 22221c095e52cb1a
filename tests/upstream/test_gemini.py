"""What the official Google SDK makes of every kind of reply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from google import genai
from google.genai import errors, types

from conformance.upstream import Delivery, ProviderError, Reply, Upstream, UpstreamAddress
from tests.upstream.conftest import KEYS
from tests.upstream.recorded import recordings
from tests.upstream.replies import REPLIES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.upstream import Scripted

MODEL = "gemini-3.5-flash"
ROUTE = f"/gemini/v1beta/models/{MODEL}"
NO_RETRIES = types.HttpRetryOptions(attempts=1)


@pytest.fixture
async def gemini(address: UpstreamAddress) -> AsyncIterator[genai.client.AsyncClient]:
    async with httpx2.AsyncClient(trust_env=False) as http:
        options = types.HttpOptions(base_url=f"{address.url}/gemini", retry_options=NO_RETRIES, httpx_async_client=http)
        async with genai.Client(api_key=KEYS["gemini"], http_options=options).aio as client:
            yield client


@pytest.fixture
async def http(address: UpstreamAddress) -> AsyncIterator[httpx2.AsyncClient]:
    key = {"x-goog-api-key": KEYS["gemini"]}
    async with httpx2.AsyncClient(base_url=address.url, headers=key, trust_env=False) as http:
        yield http


def asked(script: Scripted, **more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": script.prompt}]}], **more}


async def streamed(client: genai.client.AsyncClient, script: Scripted) -> list[types.GenerateContentResponse]:
    stream = await client.models.generate_content_stream(model=MODEL, contents=script.prompt)
    return [chunk async for chunk in stream]


def parts(response: types.GenerateContentResponse) -> list[types.Part]:
    [candidate] = response.candidates or []
    return (candidate.content.parts if candidate.content else None) or []


def added_up(chunks: list[list[types.Part]]) -> tuple[str, str, list[Any], bytes | None]:
    """Thoughts, text, calls and the signature, whichever pieces they came in."""
    held = [part for chunk in chunks for part in chunk]
    return (
        "".join(part.text or "" for part in held if part.thought),
        "".join(part.text or "" for part in held if not part.thought),
        [part.function_call for part in held if part.function_call],
        next((part.thought_signature for part in held if part.thought_signature), None),
    )


@pytest.mark.parametrize("name", REPLIES)
async def test_whole_and_streamed_are_the_same_answer(
    gemini: genai.client.AsyncClient, upstream: Upstream, name: str
) -> None:
    script = await upstream.answers(REPLIES[name])
    whole = await gemini.models.generate_content(model=MODEL, contents=script.prompt)
    chunks = await streamed(gemini, script)
    assert added_up([parts(chunk) for chunk in chunks]) == added_up([parts(whole)])
    assert whole.candidates
    assert chunks[-1].candidates
    assert chunks[-1].candidates[0].finish_reason == whole.candidates[0].finish_reason
    assert chunks[-1].usage_metadata == whole.usage_metadata
    assert {chunk.response_id for chunk in chunks} == {whole.response_id} == {script.token}
    assert whole.model_version == MODEL


@pytest.mark.parametrize(
    ("name", "reason"),
    [("text", "STOP"), ("tool", "STOP"), ("length", "MAX_TOKENS"), ("refusal", "SAFETY"), ("filtered", "SAFETY")],
)
async def test_why_it_stops(gemini: genai.client.AsyncClient, upstream: Upstream, name: str, reason: str) -> None:
    script = await upstream.answers(REPLIES[name])
    whole = await gemini.models.generate_content(model=MODEL, contents=script.prompt)
    assert whole.candidates
    assert whole.candidates[0].finish_reason == reason


async def test_the_signature_is_on_the_first_call_or_on_what_was_said_last(
    gemini: genai.client.AsyncClient, upstream: Upstream
) -> None:
    thinking, calls = REPLIES["thinking"].thinking, REPLIES["parallel-tools"].tool_calls
    script = await upstream.answers(Reply(text="Hm.", thinking=thinking, tool_calls=calls), REPLIES["thinking"])
    first = parts(await gemini.models.generate_content(model=MODEL, contents=script.prompt))
    assert [bool(part.thought_signature) for part in first] == [False, False, True, False]
    second = parts(await gemini.models.generate_content(model=MODEL, contents=script.prompt))
    assert [bool(part.thought_signature) for part in second] == [False, True]


async def test_thoughts_are_counted_beside_the_candidates(gemini: genai.client.AsyncClient, upstream: Upstream) -> None:
    script = await upstream.answers(REPLIES["usage"])
    usage = (await gemini.models.generate_content(model=MODEL, contents=script.prompt)).usage_metadata
    assert usage
    counts = (usage.prompt_token_count, usage.cached_content_token_count, usage.candidates_token_count)
    assert counts == (100, 30, 10)
    assert (usage.thoughts_token_count, usage.total_token_count) == (40, 150)


async def test_without_sse_a_stream_is_one_json_array(http: httpx2.AsyncClient, upstream: Upstream) -> None:
    script = await upstream.answers(REPLIES["parallel-tools"])
    events = await http.post(f"{ROUTE}:streamGenerateContent?alt=sse", json=asked(script))
    array = await http.post(f"{ROUTE}:streamGenerateContent", json=asked(script))
    assert array.headers["content-type"] == "application/json; charset=UTF-8"
    assert array.json() == [json.loads(line[5:]) for line in events.text.splitlines() if line]
    assert array.text.endswith("}\n]"), "Google's array ends on a line of its own, and gateways cut it off so"
    assert events.headers["content-type"].startswith("text/event-stream")
    assert events.text.endswith("\r\n\r\n")


async def test_an_array_breaks_off_where_it_is_told_to(http: httpx2.AsyncClient, upstream: Upstream) -> None:
    error = ProviderError(status=503, message="busy")
    script = await upstream.answers(
        Reply(text=("one", "two"), delivery=Delivery(end_after=1)),
        Reply(text=("one", "two"), error=error, delivery=Delivery(error_after=1, comments=True, unknown_event=True)),
        Reply(error=error),
    )
    truncated = await http.post(f"{ROUTE}:streamGenerateContent", json=asked(script))
    assert truncated.text.startswith("[{")
    assert not truncated.text.endswith("]")
    failed = (await http.post(f"{ROUTE}:streamGenerateContent", json=asked(script))).json()
    assert failed[1] == {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}
    refused = await http.post(f"{ROUTE}:streamGenerateContent", json=asked(script))
    assert (refused.status_code, refused.json()) == (503, failed[1:])


async def test_an_error_in_mid_stream_is_raised(gemini: genai.client.AsyncClient, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=("one", "two"), delivery=Delivery(error_after=1)))
    with pytest.raises(errors.ServerError, match="overloaded"):
        await streamed(gemini, script)


async def test_how_long_to_wait_stands_in_the_body_alone(http: httpx2.AsyncClient, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(error=ProviderError(status=429, message="slow down", retry_after="48")))
    refused = await http.post(f"{ROUTE}:generateContent", json=asked(script))
    error = refused.json()["error"]
    assert (refused.status_code, error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert error["details"] == [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "48s"}]
    assert "retry-after" not in refused.headers


async def test_tokens_are_counted_and_models_listed(gemini: genai.client.AsyncClient, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(input_tokens=77))
    assert (await gemini.models.count_tokens(model=MODEL, contents=script.prompt)).total_tokens == 77
    assert f"models/{MODEL}" in [model.name async for model in await gemini.models.list()]
    assert (await gemini.models.get(model=MODEL)).name == f"models/{MODEL}"
    with pytest.raises(errors.ClientError, match="models/none is not found"):
        await gemini.models.get(model="none")


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"x-goog-api-key": KEYS["gemini"]}, "", 200),
        ({}, f"?key={KEYS['gemini']}", 200),
        ({}, "", 403),
        ({"x-goog-api-key": "another"}, "", 400),
        ({"x-goog-api-key": KEYS["gemini"]}, "?key=another", 400),
    ],
)
async def test_the_key_stands_in_its_header_or_in_the_query(
    address: UpstreamAddress, headers: dict[str, str], query: str, status: int
) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        url = f"{address.url}{ROUTE}:generateContent{query}"
        answer = await http.post(url, headers=headers, json={"contents": [{"parts": [{"text": "hello"}]}]})
    assert answer.status_code == status
    reasons = [detail.get("reason") for detail in answer.json().get("error", {}).get("details", [])]
    assert reasons == (["API_KEY_INVALID"] if status == 400 else [])


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"stream": True}, 'Unknown name "stream": Cannot find field.'),
        ({"generationConfig": {"max_tokens": 9}}, "Unknown name \"max_tokens\" at 'generation_config'"),
        ({"tools": [{"type": "function"}]}, "Unknown name \"type\" at 'tools[0]'"),
        (
            {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"$schema": "x", "type": "object"}}]}]},
            "Unknown name \"$schema\" at 'tools[0].function_declarations[0].parameters'",
        ),
        (
            {"generationConfig": {"responseSchema": {"type": "OBJECT", "properties": {"a": {"const": 1}}}}},
            "Unknown name \"const\" at 'generation_config.response_schema.properties[a]'",
        ),
        (
            {"generationConfig": {"responseSchema": {"type": ["string", "null"]}}},
            "at 'generation_config.response_schema.type': Proto field is not repeating, cannot start list.",
        ),
        ({"contents": []}, "contents is not specified"),
    ],
)
async def test_a_field_that_google_does_not_have_is_refused(
    http: httpx2.AsyncClient, upstream: Upstream, fields: dict[str, Any], where: str
) -> None:
    script = await upstream.answers()
    body = asked(script, labels={"case": script.token}) | fields
    refused = await http.post(f"{ROUTE}:generateContent", json=body)
    assert (refused.status_code, refused.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert where in refused.json()["error"]["message"]


async def test_names_may_be_written_either_way_and_what_is_free_is_not_looked_into(
    http: httpx2.AsyncClient, upstream: Upstream
) -> None:
    script = await upstream.answers()
    schema = {"type": "object", "$schema": "x", "additionalProperties": False}
    body = asked(
        script,
        system_instruction={"parts": {"text": "Be brief."}},
        generation_config={"max_output_tokens": 9, "responseJsonSchema": schema},
        tools=[{"function_declarations": [{"name": "f", "parameters_json_schema": schema}]}],
        labels={"anything": "goes"},
    )
    assert (await http.post(f"/gemini/v1/models/{MODEL}:generateContent", json=body)).status_code == 200


@pytest.mark.parametrize("operation", [":generateContent", ":streamGenerateContent", ":countTokens"])
async def test_everything_that_google_took_is_taken(http: httpx2.AsyncClient, operation: str) -> None:
    taken = [found for found in recordings("gemini") if found.status == 200 and operation in found.url]
    assert taken
    for found in taken:
        answer = await http.post(f"{ROUTE}{operation}", json=found.asked)
        assert answer.status_code == 200, found.id
