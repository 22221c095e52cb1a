"""Google's own SDK, and what it must never see or say: through to Gemini, and through to others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx2
import pytest
from aiohttp import web
from google import genai
from google.genai import errors, types

from gateway import Gateway
from gateway.protocols import CODECS, hub
from tests.gateway.streams import CHAT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import anthropic
    import openai
    from google.genai.client import AsyncClient

    from gateway import Settings
    from gateway.keys import KeyStore
    from gateway.surfaces import Protocol, Surface
    from tests.gateway.conftest import RawClient, ScriptedUpstream

GEMINI_KEY = "AIza-upstream-gemini-secret-3"
CONFIG = """
[[providers]]
id = "gemini"
surfaces = ["gemini"]
base_url = "{upstream}/gemini"
credential = {{ env = "TEST_GEMINI_KEY" }}
auth = "x-goog-api-key"
[[models]]
name = "chatty"
provider = "openai"
protocol = "openai-chat"
[[models]]
name = "responsive"
provider = "openai"
protocol = "openai-responses"
[[models]]
name = "claude"
provider = "anthropic"
protocol = "anthropic-messages"
[[models]]
name = "bridged"
provider = "gemini"
protocol = "gemini"
upstream_name = "gemini-real"
"""
CHUNK = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hei "}]}, "index": 0}],
    "modelVersion": "gemini-real",
    "responseId": "r_1",
    "usageMetadata": {"promptTokenCount": 3},
}
LAST = CHUNK | {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "hei."}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 4, "totalTokenCount": 9},
}
STREAM = [f"data: {json.dumps(chunk)}\r\n\r\n".encode() for chunk in (CHUNK, LAST)]
GENERATE = "/v1beta/models/gemini-real:generateContent"
SAID = b'{"contents": [{"parts": [{"text": "Hi"}]}]}'
PROTOCOLS: dict[str, Protocol] = {
    "chatty": "openai-chat",
    "responsive": "openai-responses",
    "claude": "anthropic-messages",
}
EVENTS = (
    hub.Started("x_1", "real"),
    *(hub.Opened(hub.Thinking()), hub.Delta("Hm."), hub.Closed()),
    *(hub.Opened(hub.Text()), hub.Delta("Grüße "), hub.Delta("🙂"), hub.Closed()),
    *(hub.Opened(hub.ToolUse("call_1", "weather")), hub.Delta('{"city": '), hub.Delta('"Oslo"}'), hub.Closed()),
    hub.Finished("tool-use", hub.Usage(input=12, output=7, cache_read=5, reasoning=3)),
)


@pytest.fixture
def config(config: Path, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEST_GEMINI_KEY", GEMINI_KEY)
    config.write_text(config.read_text() + CONFIG.format(upstream=upstream.url))
    return config


@pytest.fixture(params=["v1beta"])
async def google(gateway: Gateway, key: str, request: pytest.FixtureRequest) -> AsyncIterator[AsyncClient]:
    async with httpx2.AsyncClient() as http:  # else the SDK takes aiohttp, which warns of how it does so
        options = types.HttpOptions(base_url=gateway.url, api_version=request.param, httpx_async_client=http)
        yield genai.Client(api_key=key, vertexai=False, http_options=options).aio


@pytest.mark.parametrize("google", ["v1beta", "v1"], indirect=True)
async def test_the_sdk_is_answered_by_gemini_itself(
    google: AsyncClient, upstream: ScriptedUpstream, request: pytest.FixtureRequest
) -> None:
    upstream.says(json.dumps(LAST).encode())
    answer = await google.models.generate_content(model="gemini-real", contents="Hi")
    assert answer.text == "hei."
    (asked,) = upstream.received
    version = request.node.callspec.params["google"]
    assert asked.target == f"/gemini/{version}/models/gemini-real:generateContent"
    assert asked.values("x-goog-api-key") == [GEMINI_KEY]
    assert not asked.values("authorization")


async def test_a_stream_passes_as_it_is(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.streams(*STREAM)
    reply = await client.ask("POST", "/v1beta/models/gemini-real:streamGenerateContent?alt=sse", SAID)
    assert reply.body == b"".join(STREAM)
    assert upstream.received[0].target == "/gemini/v1beta/models/gemini-real:streamGenerateContent?alt=sse"


@pytest.mark.parametrize("query", ["", "?alt=sse"])
async def test_what_a_call_used_is_in_the_audit(
    settings: Settings, upstream: ScriptedUpstream, key: str, audited: Callable[[], list[dict[str, Any]]], query: str
) -> None:
    if not query:
        body = json.dumps([CHUNK, LAST]).encode()
        upstream.streams(body[:9], body[9:], content_type="application/json")
    else:
        upstream.streams(*STREAM)
    async with Gateway(settings) as gateway, aiohttp.ClientSession() as session:
        url = f"{gateway.url}/v1beta/models/gemini-real:streamGenerateContent{query}"
        async with session.post(url, data=SAID, headers={"x-goog-api-key": key}) as response:
            await response.read()
    (row,) = audited()
    assert (row["surface"], row["model"], row["end"]) == ("gemini", "gemini-real", "complete")
    assert row["usage"] == {"input": 3, "output": 6, "cache_read": 0, "cache_write": 0, "reasoning": 4}


async def heard(google: AsyncClient, model: str) -> AsyncIterator[types.GenerateContentResponse]:
    async for chunk in await google.models.generate_content_stream(model=model, contents="Hi"):
        yield chunk


async def test_a_broken_stream_ends_with_googles_error_wherever_it_breaks(
    google: AsyncClient, upstream: ScriptedUpstream
) -> None:
    for cut in range(0, len(STREAM[1]) - 4, 3):
        upstream.streams(STREAM[0], STREAM[1][:cut], cut=True)
        seen: list[str] = []
        with pytest.raises(errors.ServerError, match="closed the connection"):  # noqa: PT012 - what came before it counts
            async for chunk in heard(google, "gemini-real"):
                seen += filter(None, [chunk.text])
        assert seen == ["Hei "], STREAM[1][:cut]


@pytest.mark.parametrize("path", [GENERATE, "/v1/models/gemini-real:countTokens", "/v1beta/models", "/v1/models"])
async def test_the_key_may_stand_in_the_query_but_goes_nowhere(
    client: RawClient, upstream: ScriptedUpstream, key: str, config: Path, path: str
) -> None:
    method = "POST" if ":" in path else "GET"
    reply = await client.ask(method, f"{path}?pageSize=2&key={key}", SAID if ":" in path else None, anonymous=True)
    assert reply.status == 200
    (asked,) = upstream.received
    assert asked.target == f"/gemini{path}?pageSize=2"
    assert key not in str(asked)
    assert key not in (config.parent / "audit.jsonl").read_text()


async def test_another_key_in_the_query_goes_nowhere_either(client: RawClient, upstream: ScriptedUpstream) -> None:
    await client.ask("POST", f"{GENERATE}?key=AIza-of-the-client", SAID)
    assert upstream.received[0].target == f"/gemini{GENERATE}"


async def test_refusals_come_in_googles_envelope(client: RawClient, store: KeyStore) -> None:
    for path in (GENERATE, "/v1/models/gemini-real:generateContent", "/v1beta/models"):
        method = "POST" if ":" in path else "GET"
        reply = await client.ask(method, path, b"{}", [("x-goog-api-key", "gw-wrong")], anonymous=True)
        assert reply.status == 401
        assert (reply.json["error"]["code"], reply.json["error"]["status"]) == (401, "UNAUTHENTICATED")
        assert set(reply.json["error"]) == {"code", "message", "status"}
    only_chat: tuple[Surface, ...] = ("openai-chat",)
    other = store.mint("other", surfaces=only_chat).plaintext
    reply = await client.ask("POST", GENERATE, SAID, [("x-goog-api-key", other)], anonymous=True)
    assert (reply.status, reply.json["error"]["status"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize("model", PROTOCOLS)
async def test_the_sdk_streams_from_any_provider(google: AsyncClient, upstream: ScriptedUpstream, model: str) -> None:
    encoder = CODECS[PROTOCOLS[model]].encoder("real", usage_asked=True)
    upstream.streams(*("".join(encoder.feed(event)).encode() for event in EVENTS))
    *before, call, last = [chunk async for chunk in heard(google, model)]
    assert [chunk.text for chunk in before if chunk.text] == ["Grüße ", "🙂"]
    assert call.function_calls == [types.FunctionCall(id="call_1", name="weather", args={"city": "Oslo"})]
    assert not any(chunk.candidates[0].finish_reason for chunk in (*before, call) if chunk.candidates)
    assert last.candidates
    assert last.candidates[0].finish_reason == types.FinishReason.STOP
    assert last.usage_metadata
    assert (last.usage_metadata.prompt_token_count, last.usage_metadata.candidates_token_count) == (12, 4)
    assert last.usage_metadata.thoughts_token_count == 3
    assert {chunk.model_version for chunk in (*before, last)} == {model}


async def test_a_stream_without_events_is_an_array(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.streams(*CHAT)
    reply = await client.ask("POST", "/v1beta/models/chatty:streamGenerateContent", SAID)
    assert reply.values("content-type") == ["application/json; charset=utf-8"]
    assert [chunk["candidates"][0].get("finishReason") for chunk in reply.json] == [None, None, "STOP"]


async def test_the_sdk_calls_a_python_function_for_claude(google: AsyncClient, upstream: ScriptedUpstream) -> None:
    asked: list[str] = []

    def weather(city: str) -> str:
        """How the weather is."""
        asked.append(city)
        return "rain"

    call = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}}
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    message = {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 3, "output_tokens": 2}}
    says = [
        message | {"content": [thinking, call], "stop_reason": "tool_use"},
        message | {"content": [{"type": "text", "text": "It rains."}], "stop_reason": "end_turn"},
    ]

    async def script(_: Any) -> Any:
        return web.json_response(says[len(upstream.received) - 1])

    upstream.script = script
    chat = google.chats.create(model="claude", config=types.GenerateContentConfig(tools=[weather]))
    answer = await chat.send_message("Weather in Oslo?")
    assert answer.text == "It rains."
    assert asked == ["Oslo"]
    first, second = (json.loads(received.body) for received in upstream.received)
    assert first["tools"][0]["input_schema"]["properties"]["city"]["type"] == "string"
    assert second["messages"][1:] == [
        {"role": "assistant", "content": [thinking, call]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "rain"}]}
            ],
        },
    ]


@pytest.mark.parametrize("model", PROTOCOLS)
async def test_a_streamed_call_is_answered_in_the_next_turn(
    google: AsyncClient, upstream: ScriptedUpstream, model: str
) -> None:
    codec = CODECS[PROTOCOLS[model]]
    encoder = codec.encoder("real", usage_asked=True)
    upstream.streams(*("".join(encoder.feed(event)).encode() for event in EVENTS))
    chat = google.chats.create(model=model)
    chunks = [chunk async for chunk in await chat.send_message_stream("Weather in Oslo?")]
    call = (chunks[-2].function_calls or [types.FunctionCall()])[0]
    result = types.FunctionResponse(id=call.id, name=call.name, response={"result": "rain"})
    _ = [chunk async for chunk in await chat.send_message_stream(types.Part(function_response=result))]
    turns = codec.read_request(json.loads(upstream.received[1].body)).turns
    parts = [part for turn in turns for part in turn.parts if not isinstance(part, hub.Thinking)]
    assert [part.text for part in parts if isinstance(part, hub.Text)] == ["Weather in Oslo?", "Grüße 🙂"]
    used, told = parts[2:]
    assert isinstance(used, hub.ToolUse)
    assert (used.id, used.name, json.loads(used.arguments)) == ("call_1", "weather", {"city": "Oslo"})
    assert told == hub.ToolResult("call_1", (hub.Text("rain"),))


async def test_a_failure_of_another_provider_is_googles_error(google: AsyncClient, upstream: ScriptedUpstream) -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "Too long."}}
    upstream.says(json.dumps(error).encode(), status=400)
    with pytest.raises(errors.ClientError) as failed:
        await google.models.generate_content(model="claude", contents="Hi")
    assert (failed.value.code, failed.value.status, failed.value.message) == (400, "INVALID_ARGUMENT", "Too long.")


async def test_what_gemini_says_about_coming_again_reaches_other_clients(
    client: RawClient, upstream: ScriptedUpstream
) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]
    error = {"error": {"code": 429, "message": "Slow.", "status": "RESOURCE_EXHAUSTED", "details": details}}
    upstream.says(json.dumps(error).encode(), status=429)
    body = json.dumps({"model": "bridged", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    reply = await client.ask("POST", "/v1/chat/completions", body)
    assert (reply.status, reply.values("retry-after")) == (429, ["7"])
    assert reply.json["error"]["message"] == "Slow."


async def test_other_sdks_stream_from_gemini(
    openai_client: openai.AsyncOpenAI, anthropic_client: anthropic.AsyncAnthropic, upstream: ScriptedUpstream
) -> None:
    upstream.streams(*STREAM)
    said: list[Any] = [{"role": "user", "content": "Hi"}]
    async with anthropic_client.messages.stream(model="bridged", max_tokens=9, messages=said) as stream:
        message = await stream.get_final_message()
    assert message.content[0].model_dump()["text"] == "Hei hei."
    assert (message.usage.input_tokens, message.usage.output_tokens) == (3, 6)
    async with openai_client.responses.stream(model="bridged", input="Hi") as responses:
        assert (await responses.get_final_response()).output_text == "Hei hei."
    async with openai_client.chat.completions.stream(model="bridged", messages=said) as chat:
        completion = await chat.get_final_completion()
    assert completion.choices[0].message.content == "Hei hei."
    assert {each.target for each in upstream.received} == {
        "/gemini/v1beta/models/gemini-real:streamGenerateContent?alt=sse"
    }
    assert {each.values("x-goog-api-key")[0] for each in upstream.received} == {GEMINI_KEY}


async def test_what_is_left_out_is_named_as_google_names_it(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.streams(*CHAT)
    body = json.loads(SAID) | {"generationConfig": {"topK": 3}, "safetySettings": []}
    reply = await client.ask("POST", "/v1beta/models/chatty:streamGenerateContent?alt=sse", json.dumps(body).encode())
    assert reply.values("x-gateway-dropped") == ["safetySettings, generationConfig.topK"]
    body = json.loads(SAID) | {"generationConfig": {"stopSequences": ["END"]}}
    reply = await client.ask("POST", "/v1beta/models/responsive:generateContent", json.dumps(body).encode())
    assert "generationConfig.stopSequences" in reply.json["error"]["message"]


async def test_why_a_model_failed_is_told(client: RawClient, upstream: ScriptedUpstream) -> None:
    failed = {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": f"bad {GEMINI_KEY}"}]}
    upstream.says(json.dumps(failed).encode())
    body = {"model": "bridged", "messages": [{"role": "user", "content": "Hi"}]}
    reply = await client.ask("POST", "/v1/chat/completions", json.dumps(body).encode())
    assert reply.status == 502
    assert reply.json["error"]["message"] == "The upstream's answer failed: bad [redacted]"
    upstream.streams(f"data: {json.dumps(failed)}\n\n".encode())
    reply = await client.ask("POST", "/v1/chat/completions", json.dumps(body | {"stream": True}).encode())
    assert b"The upstream's answer failed: bad [redacted]" in reply.body
