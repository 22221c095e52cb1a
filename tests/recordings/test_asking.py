"""Whether a translated request asks for the same, from values alone."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from conformance.drivers import Exchange
from conformance.recordings.asking import changed
from conformance.surface import Surface
from conformance.upstream import Received, Verbatim
from tests.recordings.test_judging import RECORDING

if TYPE_CHECKING:
    from conformance.recordings import Recording
    from conformance.upstream.journal import Headers

PICTURE = "iVBORw0K" * 20
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}}
ASKED: dict[str, Any] = {
    "model": "m",
    "max_tokens": 99,
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}]},
        {
            "role": "assistant",
            "tool_calls": [{"id": "a", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}],
        },
        {"role": "tool", "tool_call_id": "a", "content": '{"sky": "blue"}'},
    ],
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}],
}
SENT: dict[str, Any] = {
    "model": "m",
    "max_tokens": 99,
    "system": "Be brief.",
    "messages": [
        {
            "role": "user",
            "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}],
        },
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "b", "name": "weather", "input": {"city": "Oslo"}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "b", "content": '{"sky":"blue"}'}]},
    ],
    "tools": [{"name": "weather", "input_schema": WEATHER}],
}


def recording(asked: dict[str, Any] = ASKED, status: int = 200) -> Recording:
    return replace(RECORDING, body=json.dumps(asked).encode(), answer=Verbatim(status, (), b"{}"))


def received(body: dict[str, Any]) -> Received:
    content = json.dumps(body).encode()
    return Received(1, "anthropic", None, "POST", "/anthropic/v1/messages", "", (), content, 0.0)


def answered(status: int, body: str = "{}") -> Exchange:
    return Exchange("POST", "http://gateway/v1/chat/completions", (), b"", status, (), bytearray(body.encode()))


def judge(sent: dict[str, Any], asked: dict[str, Any] = ASKED) -> list[str]:
    return list(changed(recording(asked), Surface.ANTHROPIC_MESSAGES, answered(200), [received(sent)]))


def test_the_same_in_another_protocol_has_no_findings() -> None:
    assert judge(SENT) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"system": "Be long."}, "system: Be long. in place of Be brief."),
        ({"max_tokens": 98}, "limit: 98 in place of 99"),
        ({"tools": []}, "tools: [] in place of ['weather']"),
        ({"stream": True}, "streamed: True in place of False"),
        ({"tool_choice": {"type": "any"}}, "choice: required in place of auto"),
        ({"messages": SENT["messages"][1:]}, "what was shown is lost: iVBORw0KiVBORw0K"),
        ({"messages": SENT["messages"][:2]}, "results: [] in place of [(0, {'sky': 'blue'})]"),
        ({"messages": SENT["messages"][::2]}, "calls: [] in place of [('weather', {'city': 'Oslo'})]"),
        ({"messages": [{"role": "user"}]}, "the upstream cannot read what it was sent: "),
    ],
)
def test_what_is_asked_otherwise_is_named(changes: dict[str, Any], found: str) -> None:
    assert any(line.startswith(found) for line in judge(SENT | changes)), judge(SENT | changes)


def test_text_may_be_shown_as_text() -> None:
    text = "Be clear, and what is more, be brief. " * 3
    data = b64encode(text.encode()).decode()
    asked = ASKED | {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": data}}]}]}
    source = {"type": "text", "media_type": "text/plain", "data": text}
    sent = SENT | {"messages": [{"role": "user", "content": [{"type": "document", "source": source}]}]}
    assert not any("what was shown" in line for line in judge(sent, asked))
    assert any("what was shown" in line for line in judge(SENT, asked))


def test_the_provider_is_asked_for_nothing_that_it_does_not_know() -> None:
    hello = {"messages": [{"role": "user", "content": "Hei"}]}
    sent = {"model": "m", "max_tokens": 99, **hello}
    assert judge(sent, sent) == []
    assert any(
        line.startswith("the provider's own schema does not allow seed: ") for line in judge(sent | {"seed": 1}, sent)
    )


HOSTED: dict[str, Any] = {"model": "m", "input": "Hei", "tools": [{"type": "web_search"}]}


@pytest.mark.parametrize(
    ("headers", "found"),
    [((("x-dropped", "tools.web_search"),), []), ((), ["lost without a word: tools of the types web_search"])],
)
def test_tools_of_its_own_provider_are_not_lost_without_a_word(headers: Headers, found: list[str]) -> None:
    asked = replace(recording(HOSTED), protocol="openai-responses", path="/v1/responses")
    sent = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "Hei"}]}
    exchange = replace(answered(200), answer_headers=headers)
    assert list(changed(asked, Surface.ANTHROPIC_MESSAGES, exchange, [received(sent)])) == found
    less = received(sent | {"messages": [{"role": "user", "content": "Ho"}]})
    assert len(list(changed(asked, Surface.ANTHROPIC_MESSAGES, exchange, [less]))) == len(found) + 1


def test_a_limit_may_be_added_where_a_protocol_must_have_one() -> None:
    assert judge(SENT, {name: value for name, value in ASKED.items() if name != "max_tokens"}) == []


def test_what_only_its_own_provider_has_is_not_compared() -> None:
    assert judge({"messages": []}, {"model": "m", "messages": [{"content": "no role"}]}) == []


@pytest.mark.parametrize(
    ("status", "said", "found"),
    [
        (400, "Not translatable: tools", []),
        (501, "tool_calls are not implemented", []),
        (400, "Not translatable", ["refused without the name of a field: Not translatable"]),
        (502, "tools", ["status 502 for a request that cannot be translated: tools"]),
    ],
)
def test_a_refusal_names_a_field(status: int, said: str, found: list[str]) -> None:
    assert list(changed(recording(), Surface.GEMINI, answered(status, said), [])) == found


def test_what_its_own_provider_refused_may_be_refused_again() -> None:
    assert list(changed(recording(status=400), Surface.GEMINI, answered(400, "no"), [received(SENT)])) == []


def test_what_the_provider_refuses_ought_not_to_have_been_sent() -> None:
    [line] = changed(recording(), Surface.GEMINI, answered(400, "tools"), [received(SENT)])
    assert line == "the provider refused what it was sent (400): tools"


@pytest.mark.parametrize("count", [0, 2])
def test_one_call_is_one_call(count: int) -> None:
    found = changed(recording(), Surface.ANTHROPIC_MESSAGES, answered(200), [received(SENT)] * count)
    assert list(found) == [f"the upstream received {count} requests for one call"]


def test_a_provider_is_asked_in_its_own_protocol() -> None:
    found = changed(recording(), Surface.GEMINI, answered(200), [received(SENT)])
    assert list(found) == ["the upstream was asked in anthropic-messages"]
