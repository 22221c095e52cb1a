"""Each provider keeps its own door, headers and errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anthropic
import openai
import pytest

from conformance.upstream import ProviderError, Reply, Upstream
from conformance.upstream.server import serve
from tests.upstream.conftest import KEYS
from tests.upstream.raw import CHAT, MESSAGES, connected, request

if TYPE_CHECKING:
    from conformance.upstream import Received

VERSION = "anthropic-version: 2023-06-01\r\n"
KEY, OTHER = KEYS["anthropic"], KEYS["openai"]


async def call(upstream: Upstream, path: str, extra: str, body: bytes = b"{}", method: str = "POST") -> Received:
    """What the upstream answered to a request of a stranger."""
    async with connected(upstream.url) as line:
        await line.send(request(path, body, method=method, extra=f"{extra}Connection: close\r\n"))
        await line.reader.read()
    return (await upstream.journal(until="finished", count=1, patience=30))[-1]


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        (f"x-api-key: {KEY}\r\n{VERSION}", 200, ""),
        (f"Authorization: Bearer {KEY}\r\n{VERSION}", 200, ""),
        (f"authorization: bearer  {KEY}\r\n{VERSION}", 200, ""),
        (f"X-Api-Key: {KEY}\r\nAuthorization: Bearer stale\r\n{VERSION}", 200, ""),
        (VERSION, 401, "x-api-key header is required"),
        (f"x-api-key: {OTHER}\r\n{VERSION}", 401, "invalid x-api-key"),
        (f"x-api-key: {OTHER}\r\nAuthorization: Bearer {KEY}\r\n{VERSION}", 401, "invalid x-api-key"),
        (f"x-api-key: {KEY}\r\nx-api-key: {KEY}\r\n{VERSION}", 401, "invalid x-api-key"),
        (f"Authorization: Bearer {OTHER}\r\n{VERSION}", 401, "Invalid bearer token"),
        (f"Authorization: Basic {KEY}\r\n{VERSION}", 401, "Invalid bearer token"),
        (f"x-api-key: {KEY}\r\n", 400, "anthropic-version: header is required"),
    ],
)
async def test_the_door_of_anthropic(upstream: Upstream, headers: str, status: int, message: str) -> None:
    answer = await call(upstream, MESSAGES, headers)
    assert answer.status == status
    if message:
        assert json.loads(answer.sent)["error"]["message"] == message


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        (f"Authorization: Bearer {OTHER}\r\n", 200, None),
        (f"Authorization: Basic {OTHER}\r\n", 401, "invalid_api_key"),
        ("", 401, None),
        (f"x-api-key: {OTHER}\r\n", 401, None),
        (f"Authorization: Bearer {KEY}\r\n", 401, "invalid_api_key"),
    ],
)
async def test_the_door_of_openai(upstream: Upstream, headers: str, status: int, code: str | None) -> None:
    answer = await call(upstream, CHAT, headers)
    assert answer.status == status
    if status == 401:
        error = json.loads(answer.sent)["error"]
        assert (error["type"], error["code"]) == ("invalid_request_error", code)
        assert KEY.encode() not in answer.sent
        assert dict(answer.sent_headers)["www-authenticate"] == 'Bearer realm="OpenAI API"'


@pytest.mark.parametrize(
    ("path", "headers", "kind"),
    [
        ("/anthropic/v1/complete", f"x-api-key: {KEY}\r\n{VERSION}", "not_found_error"),
        ("/anthropic/v1/messages/", f"x-api-key: {KEY}\r\n{VERSION}", "not_found_error"),
        ("/openai/v1/embeddings", f"Authorization: Bearer {OTHER}\r\n", "invalid_request_error"),
        ("/openai/chat/completions", f"Authorization: Bearer {OTHER}\r\n", "invalid_request_error"),
    ],
)
async def test_other_paths_are_not_found_in_the_providers_own_words(
    upstream: Upstream, path: str, headers: str, kind: str
) -> None:
    answer = await call(upstream, path, headers)
    assert answer.status == 404
    assert answer.provider in path
    assert json.loads(answer.sent)["error"]["type"] == kind


async def test_outside_the_providers_there_is_nothing(upstream: Upstream) -> None:
    answer = await call(upstream, "/v1/messages", f"x-api-key: {KEY}\r\n{VERSION}")
    assert (answer.status, answer.provider) == (404, "")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_wrong_method_is_not_found(upstream: Upstream, method: str) -> None:
    answer = await call(upstream, CHAT, f"Authorization: Bearer {OTHER}\r\n", method=method)
    assert answer.status == 404


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b"\xff", b'{"temperature": NaN}', b"[" * 100_000])
async def test_a_body_that_is_no_json_object_is_refused(upstream: Upstream, body: bytes) -> None:
    assert (await call(upstream, MESSAGES, f"x-api-key: {KEY}\r\n{VERSION}", body)).status == 400


@pytest.mark.parametrize(
    "strange",
    [
        {"stream_options": "x", "tools": "y", "text": [1], "reasoning": 2, "stream": True},
        {"tools": [1, None, {"type": "function"}], "metadata": None, "model": {"a": 1}},
        {"instructions": "\ud800", "model": "\ud800"},
        {"instructions": "\ud800", "model": "\ud800", "stream": True},
    ],
)
async def test_strange_requests_are_answered(upstream: Upstream, strange: dict[str, object]) -> None:
    headers = f"x-api-key: {KEY}\r\nAuthorization: Bearer {OTHER}\r\n{VERSION}"
    for path in (MESSAGES, CHAT, "/openai/v1/responses"):
        answer = await call(upstream, path, headers, json.dumps(strange).encode())
        assert (answer.status, answer.finished) == (200, True)


ELSEWHERE = {
    "/gemini/v1beta/models/m:generateContent": f"x-goog-api-key: {KEYS['gemini']}\r\n",
    "/mistral/v1/chat/completions": f"Authorization: Bearer {KEYS['mistral']}\r\n",
    "/azure/openai/v1/chat/completions": f"api-key: {KEYS['azure']}\r\n",
    "/bedrock/model/m/invoke": f"Authorization: Bearer {KEYS['bedrock']}\r\n",
    "/bedrock/model/m/converse-stream": f"Authorization: Bearer {KEYS['bedrock']}\r\n",
    "/vertex/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict": (
        f"Authorization: Bearer {KEYS['vertex']}\r\n"
    ),
}


@pytest.mark.parametrize(
    "strange",
    [
        {"contents": 1, "tools": "y", "generationConfig": [None], "messages": [1, {"role": [1]}], "model": {"a": 1}},
        {"tools": [1, None, {"function": "x"}, {"functionDeclarations": {"parameters": [[{}]]}}]},
        {"messages": [{"role": "\ud800"}], "contents": "\ud800", "anthropic_version": "\ud800"},
    ],
)
@pytest.mark.parametrize("path", ELSEWHERE)
async def test_strange_requests_are_answered_everywhere(
    upstream: Upstream, path: str, strange: dict[str, object]
) -> None:
    answer = await call(upstream, path, ELSEWHERE[path], json.dumps(strange).encode())
    assert answer.finished
    assert answer.status in (200, 400, 422)


@pytest.mark.parametrize("path", ELSEWHERE)
async def test_an_unknown_path_and_a_body_that_is_no_json_are_refused_everywhere(upstream: Upstream, path: str) -> None:
    assert (await call(upstream, path, ELSEWHERE[path], b"{")).status == 400
    missing = await call(upstream, f"{path}/nowhere", ELSEWHERE[path])
    assert (missing.status, missing.finished) == (404, True)


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
async def test_the_newest_messages_api_draws_as_it_likes(upstream: Upstream, name: str) -> None:
    body = json.dumps({"model": "m", name: 1}).encode()
    newest = await call(upstream, MESSAGES, f"x-api-key: {KEY}\r\nanthropic-version: 2026-10-21\r\n", body)
    assert newest.status == 400
    assert newest.sent_json["error"]["message"] == f"{name}: Extra inputs are not permitted"
    assert (await call(upstream, MESSAGES, f"x-api-key: {KEY}\r\n{VERSION}", body)).status == 200


async def test_a_body_that_is_not_compressed_as_it_says_is_refused(upstream: Upstream) -> None:
    headers = f"x-api-key: {KEY}\r\nContent-Encoding: gzip\r\n{VERSION}"
    answer = await call(upstream, MESSAGES, headers, b"no gzip")
    assert (answer.status, answer.body) == (400, b"no gzip")


async def test_a_provider_without_a_key_turns_everybody_away() -> None:
    async with serve({}) as address, Upstream(address) as upstream:
        for key in (KEY, ""):
            assert (await call(upstream, MESSAGES, f"x-api-key: {key}\r\n{VERSION}")).status == 401


async def test_long_headers_arrive(upstream: Upstream) -> None:
    long = "x" * 60_000
    answer = await call(upstream, f"{MESSAGES}?q={long}", f"x-api-key: {KEY}\r\nx-long: {long}\r\n{VERSION}")
    assert answer.query == f"q={long}"
    assert answer.values("x-long") == [long]


async def test_a_scripted_error_goes_for_counts_and_models_too(
    claude: anthropic.AsyncAnthropic, gpt: openai.AsyncOpenAI, upstream: Upstream
) -> None:
    error = ProviderError(status=403, message="no", type="own_type", headers=(("x-own", "1"),))
    script = await upstream.answers(Reply(error=error))
    with pytest.raises(anthropic.PermissionDeniedError) as counted:
        await claude.messages.count_tokens(model="m", messages=[{"role": "user", "content": script.prompt}])
    assert counted.value.response.headers["x-own"] == "1"
    with pytest.raises(anthropic.PermissionDeniedError):
        await claude.models.list(extra_query={"x": script.token})
    with pytest.raises(openai.PermissionDeniedError) as listed:
        await gpt.models.retrieve(script.token)
    assert listed.value.type == "own_type"


async def test_providers_answer_with_their_own_headers(
    claude: anthropic.AsyncAnthropic, gpt: openai.AsyncOpenAI, upstream: Upstream
) -> None:
    script = await upstream.answers(Reply(text="x"))
    message = await claude.messages.with_raw_response.create(
        model="m", max_tokens=9, messages=[{"role": "user", "content": script.prompt}]
    )
    assert message.headers["request-id"] == f"req_{script.token}_1"
    assert message.headers["anthropic-ratelimit-tokens-reset"].endswith("Z")
    response = await gpt.responses.with_raw_response.create(model="m", input=script.prompt)
    assert response.headers["x-request-id"] == f"req_{script.token}_2"
    assert response.headers["x-ratelimit-reset-requests"] == "6ms"
    assert response.headers["openai-version"] == "2020-10-01"
    assert "python" not in f"{message.headers}{response.headers}".lower()
