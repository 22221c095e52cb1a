"""What a codec writes it reads again: streams of every protocol."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import pytest

from gateway.protocols import CODECS, hub
from gateway.protocols.chat import CHAT
from gateway.protocols.messages import MESSAGES
from gateway.protocols.responses import RESPONSES
from gateway.surfaces import Protocol

if TYPE_CHECKING:
    from gateway.protocols.codec import Codec

every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
USAGE = hub.Usage(input=100, output=20, cache_read=60, reasoning=5)
AWAITED = {"gemini", "mistral", "bedrock", "vertex"}  # protocols on their way into the table
EVERYTHING = (
    hub.Started("x_1", "model"),
    hub.Opened(hub.Thinking()),
    hub.Delta("Two "),
    hub.Delta("cities."),
    hub.Signed("gemini.thought.c2ln"),
    hub.Closed(),
    hub.Opened(hub.Text()),
    hub.Delta("Let me"),
    hub.Delta(" look."),
    hub.Closed(),
    hub.Opened(hub.ToolUse("call_1", "weather")),
    hub.Delta('{"city": '),
    hub.Delta('"Oslo"}'),
    hub.Closed(),
    hub.Opened(hub.ToolUse("call_2", "clock")),
    hub.Delta("{}"),
    hub.Closed(),
    hub.Finished("tool-use", USAGE),
)


def through(codec: Codec, events: tuple[hub.Event, ...]) -> list[hub.Event]:
    """Written as a client's stream, and read again as a provider's."""
    encoder = codec.encoder("model", usage_asked=True)
    decoder = codec.decoder()
    read: list[hub.Event] = []
    for written in (text for event in events for text in encoder.feed(event)):
        name, data = None, ""
        for line in written.strip().split("\n"):
            name = line.removeprefix("event: ") if line.startswith("event: ") else name
            data = line.removeprefix("data: ") if line.startswith("data: ") else data
        if data:
            read += decoder.feed(name, data)
    return [*read, *decoder.end()]


def anonymous(events: list[hub.Event]) -> list[hub.Event]:
    return [replace(e, id="", usage=hub.Usage()) if isinstance(e, hub.Started) else e for e in events]


def test_whatever_is_served_can_be_translated() -> None:
    assert set(get_args(Protocol)) - AWAITED <= set(CODECS)


@pytest.mark.parametrize("codec", [MESSAGES, RESPONSES], ids=["anthropic-messages", "openai-responses"])
def test_everything_comes_back(codec: Codec) -> None:
    assert anonymous(through(codec, EVERYTHING)) == anonymous(list(EVERYTHING))


def test_chat_carries_all_but_signatures() -> None:
    carried: list[hub.Event] = [event for event in EVERYTHING if not isinstance(event, hub.Signed)]
    assert anonymous(through(CHAT, EVERYTHING)) == anonymous(carried)


@every_codec
@pytest.mark.parametrize("stop", ["end", "length", "refusal"])
def test_each_reason_to_stop_comes_back(codec: Codec, stop: hub.Stop) -> None:
    events = (*EVERYTHING[:1], hub.Opened(hub.Text()), hub.Delta("Well"), hub.Closed(), hub.Finished(stop, USAGE))
    assert through(codec, events)[-1] == hub.Finished(stop, USAGE)


@every_codec
def test_an_error_comes_back_with_its_words(codec: Codec) -> None:
    events = (*EVERYTHING[:1], hub.Failed(500, "broken, by script"))
    *_, failed = through(codec, events)
    assert failed == hub.Failed(500, "broken, by script")


@every_codec
def test_a_stream_that_breaks_off_is_not_finished(codec: Codec) -> None:
    read = through(codec, EVERYTHING[:-1])
    assert not any(isinstance(event, hub.Finished) for event in read)


@every_codec
def test_events_hold_no_character_that_anybody_takes_for_a_line_end(codec: Codec) -> None:
    """https://github.com/BerriAI/litellm/pull/30602"""
    said = "a\x85b\u2028c\u2029d"
    encoder = codec.encoder("model", usage_asked=True)
    events = (*EVERYTHING[:1], hub.Opened(hub.Text()), hub.Delta(said), hub.Closed(), hub.Finished("end", USAGE))
    written = "".join(text for event in events for text in encoder.feed(event))
    assert written.splitlines() == written.removesuffix("\n").split("\n")
    assert hub.Delta(said) in through(codec, events)


def test_a_call_of_claudes_without_arguments_has_empty_ones() -> None:
    decoder = MESSAGES.decoder()
    block = (
        '{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"b","input":{}}}'
    )
    silence = '{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":""}}'
    events = (block, silence, '{"type":"content_block_stop","index":0}')
    read = [event for data in events for event in decoder.feed(None, data) if event != hub.Delta("")]
    assert read == [hub.Opened(hub.ToolUse("a", "b")), hub.Delta("{}"), hub.Closed()]


@pytest.mark.parametrize("kind", ["server_tool_use", "mcp_tool_use", "never_seen_before"])
def test_what_the_providers_own_tools_are_asked_is_no_text(kind: str) -> None:
    decoder = MESSAGES.decoder()
    block = f'{{"type":"content_block_start","index":0,"content_block":{{"type":"{kind}","id":"a","input":{{}}}}}}'
    asked = '{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}'
    events = (block, asked, '{"type":"content_block_stop","index":0}')
    assert [event for data in events for event in decoder.feed(None, data)] == []


@pytest.mark.parametrize("codec", [RESPONSES, CHAT], ids=["openai-responses", "openai-chat"])
def test_a_refusal_keeps_its_words(codec: Codec) -> None:
    refusal = (hub.Opened(hub.Refusal()), hub.Delta("I would rather not."), hub.Closed())
    events = (*EVERYTHING[:1], *refusal, hub.Finished("refusal", USAGE))
    assert anonymous(through(codec, events)) == anonymous(list(events))


def _chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return json.dumps({"id": "chatcmpl-1", "model": "m", "choices": [choice]})


def _fragment(index: int, arguments: str, **opening: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": opening["name"]} if opening else {})
    return {"tool_calls": [{"index": index, "function": function} | ({"id": opening["id"]} if opening else {})]}


def test_text_amid_the_arguments_of_calls_waits_for_their_end() -> None:
    """https://github.com/router-for-me/CLIProxyAPI/issues/5581"""
    decoder = CHAT.decoder()
    deltas = (
        {"content": "Let me"},
        _fragment(0, '{"a"', id="one", name="weather"),
        _fragment(1, '{"b"', id="two", name="clock"),
        {"content": " look"},
        _fragment(0, ": 1}"),
        {"content": "."},
        _fragment(1, ": 2}"),
        {"content": " Done."},
    )
    told = [event for delta in deltas for event in decoder.feed(None, _chunk(delta))]
    told += [*decoder.feed(None, _chunk({}, "tool_calls")), *decoder.end()]
    assert told[1:-1] == [
        *(hub.Opened(hub.Text()), hub.Delta("Let me"), hub.Closed()),
        *(hub.Opened(hub.ToolUse("one", "weather")), hub.Delta('{"a"'), hub.Delta(": 1}"), hub.Closed()),
        *(hub.Opened(hub.ToolUse("two", "clock")), hub.Delta('{"b": 2}'), hub.Closed()),
        *(hub.Opened(hub.Text()), hub.Delta(" look"), hub.Delta("."), hub.Delta(" Done."), hub.Closed()),
    ]


def test_a_call_that_was_forced_is_why_an_answer_of_openais_stopped() -> None:
    """There it ends with `stop`: https://github.com/vllm-project/vllm/pull/25054"""
    decoder = CHAT.decoder()
    told = [
        *decoder.feed(None, _chunk(_fragment(0, "{}", id="one", name="clock"))),
        *decoder.feed(None, _chunk({}, "stop")),
    ]
    told += decoder.end()
    assert told[-1] == hub.Finished("tool-use", hub.Usage())
    call = {"id": "one", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    whole = {"id": "c", "model": "m", "choices": [{"message": message, "finish_reason": "stop"}]}
    assert CHAT.read_answer(whole).stop == "tool-use"
