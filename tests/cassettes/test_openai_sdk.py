"""What the OpenAI SDK makes of an answer, with no gateway and no network: read from cassettes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
import pytest

from conformance.recordings import played, scenarios
from conformance.recordings.capture import HOMES, PLACEHOLDER, connected
from conformance.recordings.scripted import MODELS
from conformance.surface import Provider
from tests.cassettes.conftest import cassette

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODEL = MODELS[Provider.OPENAI]
SENTENCE = "A fjord is a long, narrow inlet of the sea, carved by ice: vær så god."


@pytest.fixture
def sdk() -> Iterator[openai.OpenAI]:
    client = connected(Provider.OPENAI)
    assert isinstance(client, openai.OpenAI)
    with client:
        yield client


def test_a_chat_answer_is_an_object(sdk: openai.OpenAI) -> None:
    with played(cassette("chat-whole")):
        completion = scenarios.chat_whole(sdk, MODEL)
    assert completion.choices[0].message.content == SENTENCE
    assert completion.choices[0].finish_reason == "stop"
    assert completion._request_id == "req_case-none_1"


def test_chat_chunks_add_up_and_usage_comes_last(sdk: openai.OpenAI) -> None:
    with played(cassette("chat-streamed")):
        chunks = scenarios.chat_streamed(sdk, MODEL)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == SENTENCE
    assert [bool(chunk.usage) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


def test_a_chat_tool_call_is_answered_under_its_id(sdk: openai.OpenAI) -> None:
    with played(cassette("chat-tools")) as playing:
        first, second = scenarios.chat_tools(sdk, MODEL)
    calls = first.choices[0].message.tool_calls
    assert calls
    [call] = calls
    assert call.type == "function"
    assert (call.id, call.function.name, call.function.arguments) == ("call_bergen", "weather", '{"city": "Bergen"}')
    assert b'"tool_call_id":"call_bergen"' in playing.requests[1].body
    assert second.choices[0].message.content == "It rains in Bergen, at 7 °C."


@pytest.mark.parametrize(
    ("name", "scenario"), [("chat-error", scenarios.chat_error), ("responses-error", scenarios.responses_error)]
)
def test_a_refusal_is_the_exception_of_its_status(
    sdk: openai.OpenAI, name: str, scenario: Callable[[openai.OpenAI, str], openai.APIStatusError]
) -> None:
    with played(cassette(name)):
        error = scenario(sdk, MODEL)
    assert isinstance(error, openai.NotFoundError)
    assert (error.status_code, error.code, error.type) == (404, "model_not_found", "invalid_request_error")
    assert error.request_id == "req_case-none_1"


def test_a_response_is_an_object(sdk: openai.OpenAI) -> None:
    with played(cassette("responses-whole")):
        response = scenarios.responses_whole(sdk, MODEL)
    assert (response.output_text, response.status) == (SENTENCE, "completed")


def test_response_events_add_up_to_the_completed_one(sdk: openai.OpenAI) -> None:
    with played(cassette("responses-streamed")):
        events = scenarios.responses_streamed(sdk, MODEL)
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == SENTENCE
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == SENTENCE
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_a_response_tool_call_is_answered_under_its_call_id(sdk: openai.OpenAI) -> None:
    with played(cassette("responses-tools")) as playing:
        first, second = scenarios.responses_tools(sdk, MODEL)
    [call] = [item for item in first.output if item.type == "function_call"]
    assert (call.call_id, call.arguments) == ("call_bergen", '{"city": "Bergen"}')
    assert b'"call_id":"call_bergen","output"' in playing.requests[1].body
    assert second.output_text == "It rains in Bergen, at 7 °C."


async def test_the_async_sdk_reads_the_same_cassettes() -> None:
    async with openai.AsyncOpenAI(api_key=PLACEHOLDER, base_url=HOMES[Provider.OPENAI], max_retries=0) as sdk:
        with played(cassette("chat-whole")):
            completion = await sdk.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": scenarios.PROMPT}]
            )
        assert completion.choices[0].message.content == SENTENCE
        with played(cassette("responses-streamed")):
            stream = await sdk.responses.create(model=MODEL, input=scenarios.PROMPT, stream=True)
            kinds = [event.type async for event in stream]
    assert kinds[-1] == "response.completed"
