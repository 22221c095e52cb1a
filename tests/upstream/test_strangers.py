"""Requests without a token: scripted one after the other, for bodies that must stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest

from conformance.upstream import Reply, Upstream, UpstreamAddress, Verbatim
from tests.upstream.conftest import KEYS

if TYPE_CHECKING:
    import openai

BEARER = {"authorization": f"Bearer {KEYS['openai']}"}
RECORDED = Verbatim(201, (("content-type", "application/json"), ("x-request-id", "req_1")), b'{"id": "batch_1"}')


async def say(gpt: openai.AsyncOpenAI, prompt: str = "hello") -> str:
    completion = await gpt.chat.completions.create(model="m", messages=[{"role": "user", "content": prompt}])
    return completion.choices[0].message.content or ""


async def test_they_get_their_replies_in_order(upstream: Upstream, gpt: openai.AsyncOpenAI) -> None:
    await upstream.answers_strangers(Reply(text="first"), Reply(text="second"))
    assert [await say(gpt), await say(gpt), await say(gpt)] == ["first", "second", "second"]


async def test_a_new_script_forgets_who_came_before(upstream: Upstream, gpt: openai.AsyncOpenAI) -> None:
    await say(gpt)
    await upstream.answers_strangers(Reply(text="new"))
    assert await upstream.journal() == []
    assert await say(gpt) == "new"
    assert [call.number for call in await upstream.journal()] == [1]


async def test_requests_with_a_token_keep_to_their_own(upstream: Upstream, gpt: openai.AsyncOpenAI) -> None:
    script = await upstream.answers(Reply(text="mine"))
    await upstream.answers_strangers(Reply(text="not mine"))
    assert await say(gpt, script.prompt) == "mine"
    assert await upstream.journal() == []


async def test_a_recording_answers_on_any_path_of_a_provider(upstream: Upstream) -> None:
    await upstream.answers_strangers(Reply(verbatim=RECORDED))
    async with httpx2.AsyncClient() as http:
        answer = await http.get(f"{upstream.url}/openai/v1/batches/batch_1", headers=BEARER)
    assert (answer.status_code, answer.content, answer.headers["x-request-id"]) == (201, RECORDED.body, "req_1")


async def test_a_recording_is_for_those_with_the_key(upstream: Upstream) -> None:
    await upstream.answers_strangers(Reply(verbatim=RECORDED))
    async with httpx2.AsyncClient() as http:
        answer = await http.get(f"{upstream.url}/openai/v1/batches/batch_1")
    assert answer.status_code == 401


@pytest.mark.parametrize(("body", "said"), [(b"[]", "at least one reply is needed"), (b"{", "not replies")])
async def test_what_is_no_script_is_refused(address: UpstreamAddress, body: bytes, said: str) -> None:
    headers = {"authorization": f"Bearer {address.control_secret}"}
    async with httpx2.AsyncClient(base_url=address.control_url, headers=headers) as http:
        answer = await http.put("/strangers", content=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
