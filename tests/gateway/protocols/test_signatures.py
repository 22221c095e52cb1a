"""Reasoning goes back to the provider that signed it, through any client that can keep it, and to no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.protocols import CODECS, hub

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.surfaces import Protocol

Json = dict[str, Any]
THOUGHTS: dict[Protocol, Json] = {
    "anthropic-messages": {
        "id": "msg_1",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "ZGF0"},
            {"type": "text", "text": "Hei."},
        ],
        "usage": {},
    },
    "openai-responses": {
        "id": "resp_1",
        "model": "m",
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "c2ln"},
            {"type": "reasoning", "summary": [], "encrypted_content": "ZGF0"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hei."}]},
        ],
    },
    "gemini": {
        "responseId": "g",
        "modelVersion": "m",
        "candidates": [
            {"content": {"parts": [{"text": "Hm.", "thought": True, "thoughtSignature": "c2ln"}, {"text": "Hei."}]}}
        ],
    },
}
SAID_AGAIN: dict[Protocol, Callable[[Json], Json]] = {
    "anthropic-messages": lambda answer: {"messages": [{"role": "assistant", "content": answer["content"]}]},
    "openai-responses": lambda answer: {"input": answer["output"]},
    "gemini": lambda answer: {"contents": [answer["candidates"][0]["content"]]},
}
TURNS: dict[Protocol, Callable[[Json], Any]] = {
    "anthropic-messages": lambda body: body["messages"][0]["content"],
    "openai-responses": lambda body: body["input"],
    "gemini": lambda body: body["contents"][0]["parts"],
}


@pytest.mark.parametrize("client", SAID_AGAIN)
@pytest.mark.parametrize("provider", THOUGHTS)
def test_it_comes_back_through_every_client(provider: Protocol, client: Protocol) -> None:
    request = said_again(provider, client)
    turn = TURNS[provider](CODECS[provider].write_request(request))
    assert [thought for thought in turn if is_thought(thought)] == thoughts(provider)
    assert "messages.thinking" not in request.lost


@pytest.mark.parametrize("provider", THOUGHTS)
@pytest.mark.parametrize("other", THOUGHTS)
@pytest.mark.parametrize("client", SAID_AGAIN)
def test_no_other_is_told_and_the_client_learns_it(provider: Protocol, other: Protocol, client: Protocol) -> None:
    if provider == other:
        return
    request = said_again(provider, client)
    body = CODECS[other].write_request(request)
    assert not any(is_thought(each) for each in TURNS[other](body))
    assert "c2ln" not in json.dumps(body)
    assert "messages.thinking" in request.lost


@pytest.mark.parametrize("client", ["anthropic-messages", "openai-responses"])
def test_what_a_client_had_from_its_own_provider_is_not_shown_to_another(client: Protocol) -> None:
    """An agent may change the model in the middle of a conversation."""
    history = SAID_AGAIN[client](THOUGHTS[client])
    for other in THOUGHTS:
        request = CODECS[client].read_request({"model": "m", **history})
        told = json.dumps(CODECS[other].write_request(request))
        assert ("c2ln" in told) == (other == client)


def said_again(provider: Protocol, client: Protocol) -> hub.Request:
    """An answer of the provider's, as the client sends it back."""
    answer = CODECS[client].write_answer(CODECS[provider].read_answer(THOUGHTS[provider]))
    return CODECS[client].read_request({"model": "m", **SAID_AGAIN[client](json.loads(json.dumps(answer)))})


def thoughts(provider: Protocol) -> list[Json]:
    answer = THOUGHTS[provider]
    said = answer.get("content") or answer.get("output") or answer["candidates"][0]["content"]["parts"]
    return [each for each in said if is_thought(each)]


def is_thought(part: Json) -> bool:
    return part.get("type") in {"thinking", "redacted_thinking", "reasoning"} or part.get("thought") is True
