"""The faithful relay knows whose each path is, and puts on what its owner takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from conformance.surface import Provider
from conformance.upstream import Delivery, Reply

if TYPE_CHECKING:
    from conformance.secrets import Secret
    from conformance.upstream import Upstream
    from tests.faulty.seen import Lane

CLAUDE = {"anthropic_version": "bedrock-2023-05-31", "messages": []}
CHAT = {"model": "m", "messages": []}
GEMINI = {"contents": [{"parts": [{"text": "hello"}]}]}
MODEL = "/v1/projects/p/locations/l/publishers/anthropic/models/m"
HOUSES = [
    ("/v1beta/models/m:generateContent", GEMINI, Provider.GEMINI, "x-goog-api-key"),
    ("/v1/models/m:streamGenerateContent?alt=sse", GEMINI, Provider.GEMINI, "x-goog-api-key"),
    ("/v1beta/models/m:streamGenerateContent", GEMINI, Provider.GEMINI, "x-goog-api-key"),
    ("/v1beta/models/m:countTokens", GEMINI, Provider.GEMINI, "x-goog-api-key"),
    ("/mistral/v1/chat/completions", CHAT, Provider.MISTRAL, "authorization"),
    ("/openai/v1/chat/completions", CHAT, Provider.AZURE, "api-key"),
    ("/openai/responses?api-version=2025-01-01", CHAT, Provider.AZURE, "api-key"),
    ("/model/m/invoke-with-response-stream", CLAUDE, Provider.BEDROCK, "authorization"),
    ("/model/m/converse", CLAUDE, Provider.BEDROCK, "authorization"),
    (f"{MODEL}:streamRawPredict", CLAUDE, Provider.VERTEX, "authorization"),
    ("/v1/chat/completions", CHAT, Provider.OPENAI, "authorization"),
]
CARRIERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


@pytest.mark.parametrize("house", HOUSES)
async def test_each_path_goes_to_its_owner_with_the_owners_key(
    lane: Lane, upstream: Upstream, run_secrets: dict[str, Secret], house: tuple[str, Any, Provider, str]
) -> None:
    path, body, provider, carrier = house
    script = await upstream.answers()
    own = {Provider.GEMINI: "x-goog-api-key", Provider.AZURE: "api-key"}.get(provider)
    key = {own: lane.key} if own else {"authorization": f"Bearer {lane.key}"}
    marked = "&" if "?" in path else "?"
    answer = await lane.http.post(f"{path}{marked}case={script.token}", json=body, headers=key)
    [received] = await script.journal()
    assert (answer.status_code, received.provider) == (200, provider)
    assert answer.content == received.sent
    carried = {name: received.values(name) for name in CARRIERS if received.values(name)}
    scheme = "Bearer " if carrier == "authorization" else ""
    assert carried == {carrier: [f"{scheme}{run_secrets[provider].value}"]}


async def test_google_takes_a_key_in_the_query_and_the_relay_takes_it_out(lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers()
    path = f"/v1beta/models/m:generateContent?key={lane.key}&case={script.token}"
    assert (await lane.http.post(path, json=GEMINI)).status_code == 200
    [received] = await script.journal()
    assert received.query == f"case={script.token}"


@pytest.mark.parametrize(
    ("path", "headers", "provider"),
    [
        ("/v1beta/models", "x-goog-api-key", Provider.GEMINI),
        ("/v1/models", "x-goog-api-key", Provider.GEMINI),
        ("/openai/v1/models", "api-key", Provider.AZURE),
    ],
)
async def test_model_lists_are_told_apart(
    lane: Lane, upstream: Upstream, path: str, headers: str, provider: Provider
) -> None:
    script = await upstream.answers()
    await lane.http.get(f"{path}?case={script.token}", headers={headers: lane.key})
    assert [received.provider for received in await script.journal()] == [provider]


@pytest.mark.parametrize("path", ["/v1beta/models/m:generateContent", "/model/m/invoke", "/openai/v1/responses"])
async def test_who_has_no_key_is_refused_in_the_owners_words(lane: Lane, path: str) -> None:
    answer = await lane.http.post(path, json={}, headers={"authorization": "Bearer nobody"})
    assert answer.status_code == 401
    assert ("error" in answer.json()) == (not path.startswith("/model"))


async def test_a_stream_of_gemini_that_ends_too_early_ends_in_an_error(lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=("one", "two"), delivery=Delivery(end_after=1)))
    path = f"/v1beta/models/m:streamGenerateContent?alt=sse&case={script.token}"
    answer = await lane.http.post(path, json=GEMINI, headers={"x-goog-api-key": lane.key})
    assert '"status":"INTERNAL"' in answer.text.splitlines()[-2]
