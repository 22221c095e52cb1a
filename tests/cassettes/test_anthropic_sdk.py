"""What the Anthropic SDK makes of an answer, with no gateway and no network: read from cassettes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anthropic
import pytest

from conformance.recordings import played, scenarios
from conformance.recordings.capture import HOMES, PLACEHOLDER, connected
from conformance.recordings.scripted import MODELS
from conformance.surface import Provider
from tests.cassettes.conftest import cassette, of_this_generation

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = MODELS[Provider.ANTHROPIC]
SENTENCE = "A fjord is a long, narrow inlet of the sea, carved by ice: vær så god."


@pytest.fixture
def sdk() -> Iterator[anthropic.Anthropic]:
    client = connected(Provider.ANTHROPIC)
    assert isinstance(client, anthropic.Anthropic)
    with client:
        yield client


def test_a_message_is_an_object(sdk: anthropic.Anthropic) -> None:
    with played(cassette("messages-whole")):
        message = scenarios.messages_whole(sdk, MODEL)
    [block] = message.content
    assert block.type == "text"
    assert (block.text, message.stop_reason) == (SENTENCE, "end_turn")
    assert message._request_id == "req_case-none_1"


def test_events_add_up_and_end_with_message_stop(sdk: anthropic.Anthropic) -> None:
    with played(cassette("messages-streamed")):
        events = scenarios.messages_streamed(sdk, MODEL)
    deltas = [event.delta for event in events if event.type == "content_block_delta"]
    assert "".join(delta.text for delta in deltas if delta.type == "text_delta") == SENTENCE
    assert (events[0].type, events[-1].type) == ("message_start", "message_stop")


def test_a_tool_use_is_answered_under_its_id(sdk: anthropic.Anthropic) -> None:
    with played(cassette("messages-tools")) as playing:
        first, second = scenarios.messages_tools(sdk, MODEL)
    [call] = first.content
    assert call.type == "tool_use"
    assert (call.id, call.input, first.stop_reason) == ("toolu_bergen", {"city": "Bergen"}, "tool_use")
    assert b'"tool_use_id":"toolu_bergen"' in playing.requests[1].body
    assert second.stop_reason == "end_turn"


@pytest.mark.skipif(not of_this_generation("messages-beta"), reason="generations address betas differently")
def test_a_beta_is_named_in_its_header(sdk: anthropic.Anthropic) -> None:
    with played(cassette("messages-beta")) as playing:
        message = scenarios.messages_beta(sdk, MODEL)
    assert message.content[0].text == SENTENCE
    assert playing.requests[0].headers["anthropic-beta"] == "interleaved-thinking-2025-05-14"


def test_a_refusal_is_the_exception_of_its_status(sdk: anthropic.Anthropic) -> None:
    with played(cassette("messages-error")):
        error = scenarios.messages_error(sdk, MODEL)
    assert isinstance(error, anthropic.NotFoundError)
    assert (error.status_code, error.request_id) == (404, "req_case-none_1")
    assert isinstance(error.body, dict)
    assert error.body["error"]["type"] == "not_found_error"


async def test_the_async_sdk_reads_the_same_cassettes() -> None:
    home = HOMES[Provider.ANTHROPIC]
    async with anthropic.AsyncAnthropic(api_key=PLACEHOLDER, base_url=home, max_retries=0) as sdk:
        with played(cassette("messages-streamed")):
            stream = await sdk.messages.create(
                model=MODEL,
                max_tokens=scenarios.MOST_TOKENS,
                messages=[{"role": "user", "content": scenarios.PROMPT}],
                stream=True,
            )
            kinds = [event.type async for event in stream]
    assert kinds[-1] == "message_stop"
