"""Whatever wire a provider's stream goes over, it travels as it is told to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped] # botocore has no types

from conformance.oracles import parse
from conformance.upstream import Delivery, Reply, Upstream
from tests.upstream.conftest import KEYS
from tests.upstream.test_delivery import HARMLESS, WORDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from conformance.upstream import UpstreamAddress


@dataclass(frozen=True)
class Line:
    """A route that streams, what opens it, and how its text is read."""

    path: str
    headers: dict[str, str]
    body: Callable[[str], dict[str, Any]]
    text: Callable[[bytes], str]


def _gemini(prompt: str) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}


def _chat(prompt: str) -> dict[str, Any]:
    return {"model": "m", "stream": True, "messages": [{"role": "user", "content": prompt}]}


def _claude(prompt: str) -> dict[str, Any]:
    return {"anthropic_version": "v", "messages": [{"role": "user", "content": prompt}]}


def _events(content: bytes) -> list[Any]:
    return [event.json for event in parse(content).events if event.data != "[DONE]"]


def _of_gemini(chunks: list[Any]) -> str:
    candidates = [candidate for chunk in chunks for candidate in chunk.get("candidates", [])]
    return "".join(part["text"] for candidate in candidates for part in candidate["content"]["parts"])


def _of_chat(chunks: list[Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def _of_claude(events: list[Any]) -> str:
    return "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")


def _of_converse(stream: bytes) -> str:
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    return "".join(json.loads(frame.payload).get("delta", {}).get("text", "") for frame in buffer)


def _bearer(provider: str) -> dict[str, str]:
    return {"authorization": f"Bearer {KEYS[provider]}"}


_GEMINI_KEY = {"x-goog-api-key": KEYS["gemini"]}
_GEMINI_PATH = "/gemini/v1beta/models/m:streamGenerateContent"
_VERTEX_PATH = "/vertex/v1/projects/p/locations/l/publishers/anthropic/models/m:streamRawPredict"
LINES = {
    "gemini": Line(f"{_GEMINI_PATH}?alt=sse", _GEMINI_KEY, _gemini, lambda sent: _of_gemini(_events(sent))),
    "gemini-array": Line(_GEMINI_PATH, _GEMINI_KEY, _gemini, lambda sent: _of_gemini(json.loads(sent))),
    "mistral": Line("/mistral/v1/chat/completions", _bearer("mistral"), _chat, lambda sent: _of_chat(_events(sent))),
    "azure": Line("/azure/openai/v1/chat/completions", _bearer("azure"), _chat, lambda sent: _of_chat(_events(sent))),
    "vertex": Line(_VERTEX_PATH, _bearer("vertex"), _claude, lambda sent: _of_claude(_events(sent))),
    "converse": Line("/bedrock/model/m/converse-stream", _bearer("bedrock"), _claude, _of_converse),
}


@pytest.fixture
async def http(address: UpstreamAddress) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=address.url, trust_env=False, timeout=30) as http:
        yield http


@pytest.fixture(params=LINES)
def line(request: pytest.FixtureRequest) -> Line:
    return LINES[request.param]


@pytest.mark.parametrize("name", HARMLESS)
async def test_what_is_harmless_changes_nothing(
    http: httpx2.AsyncClient, upstream: Upstream, line: Line, name: str
) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=HARMLESS[name]))
    answer = await http.post(line.path, json=line.body(script.prompt), headers=line.headers)
    assert answer.status_code == 200
    assert line.text(answer.content) == "".join(WORDS)


async def test_gates_hold_each_piece_until_it_is_released(
    http: httpx2.AsyncClient, upstream: Upstream, line: Line
) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(gated=True)))
    sent = http.stream("POST", line.path, json=line.body(script.prompt), headers=line.headers)
    async with sent as answer:
        read, chunks = b"", answer.aiter_raw()
        for number, word in enumerate(WORDS):
            while word.encode() not in read:
                read += await anext(chunks)
            [held] = await script.journal()
            assert not any(later.encode() in held.sent for later in WORDS[number + 1 :])
            await script.release()


async def test_a_cut_is_never_a_clean_end(http: httpx2.AsyncClient, upstream: Upstream, line: Line) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(cut_after=2)))
    with pytest.raises(httpx2.TransportError):
        await http.post(line.path, json=line.body(script.prompt), headers=line.headers)
