"""Whether a client of another protocol was told the same, from values alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from conformance.drivers import Answer, Exchange, Failure
from conformance.recordings.meaning import changed, misreported, readable, recorded_answer
from conformance.surface import Surface
from conformance.upstream import ToolCall, Usage, Verbatim
from tests.recordings.samples import CHAT_ANSWER
from tests.recordings.test_judging import RECORDING, STREAMED

if TYPE_CHECKING:
    from conformance.recordings import Recording

CLIENT = Surface.ANTHROPIC_MESSAGES
CALL = ToolCall("call_1", "weather", '{"city": "Oslo"}')
EXPECTED = Answer("x", "m", "Hei", (), (CALL,), None, "tool-use", Usage(9, 4, cache_read=2, reasoning=1), {})


def answered(answer: Any, protocol: str = "openai-chat", status: int = 200) -> Recording:
    body = json.dumps(answer).encode()
    return replace(RECORDING, protocol=protocol, answer=Verbatim(status, RECORDING.answer.headers, body))


def test_what_is_told_alike_has_no_findings() -> None:
    respelled = replace(EXPECTED, id="y", model="n", tool_calls=(replace(CALL, arguments='{"city":"Oslo"}'),))
    assert list(changed(respelled, EXPECTED, CLIENT)) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"text": "Hei!"}, "text: 'Hei!' in place of 'Hei'"),
        ({"refusal": "No."}, "text: 'HeiNo.' in place of 'Hei'"),
        ({"tool_calls": ()}, "tool calls: [] in place of [('weather', {'city': 'Oslo'})]"),
        ({"tool_calls": (replace(CALL, id="call_2"),)}, "tool call weather: the id 'call_2' in place of 'call_1'"),
        ({"stop": "end"}, "stop: end in place of tool-use"),
        ({"usage": None}, "usage: none"),
        ({"usage": Usage(7, 4, cache_read=2, reasoning=1)}, "usage: input 7 in place of 9"),
        ({"usage": Usage(9, 4, cache_read=2)}, "usage: reasoning 0 in place of 1"),
    ],
)
def test_what_is_told_otherwise_is_named(changes: dict[str, Any], found: str) -> None:
    assert found in list(changed(replace(EXPECTED, **changes), EXPECTED, CLIENT))


def test_only_clients_of_gemini_do_without_ids() -> None:
    nameless = replace(EXPECTED, tool_calls=(replace(CALL, id=""),) * 2)
    assert list(changed(nameless, nameless, Surface.GEMINI)) == []
    assert list(changed(nameless, nameless, CLIENT)) == ["tool calls with the ids ['', '']"]


def test_gemini_has_no_count_of_what_was_written_to_a_cache() -> None:
    expected = replace(EXPECTED, usage=Usage(9, 4, cache_write=3))
    got = replace(EXPECTED, usage=Usage(9, 4))
    assert list(changed(got, expected, Surface.GEMINI)) == []
    assert list(changed(got, expected, CLIENT)) == ["usage: cache_write 0 in place of 3"]


def test_only_some_protocols_tell_of_a_stop_sequence() -> None:
    expected = replace(EXPECTED, stop="stop-sequence")
    assert list(changed(replace(EXPECTED, stop="end"), expected, CLIENT)) == []
    assert list(changed(replace(EXPECTED, stop="length"), expected, CLIENT))


def test_an_answer_is_read_whole_and_streamed() -> None:
    whole, streamed = recorded_answer(RECORDING), recorded_answer(STREAMED)
    assert (whole.text, whole.stop, whole.usage) == ("Hei", "end", Usage(3, 1))
    assert (streamed.text, streamed.stop, streamed.usage) == ("Hei", "end", None)


def test_mistral_reasons_in_parts_and_counts_flatly() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Hei"}]
    choice = {"index": 0, "message": {"role": "assistant", "content": parts}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "num_cached_tokens": 2}
    answer = recorded_answer(answered(CHAT_ANSWER | {"choices": [choice], "usage": usage}, "mistral"))
    assert (answer.text, answer.usage) == ("Hei", Usage(9, 4, cache_read=2))


@pytest.mark.parametrize("status", [400, 503])
def test_an_error_can_be_read(status: int) -> None:
    assert readable(RECORDING)
    assert readable(answered({"error": {"message": "No."}}, status=status))
    assert readable(answered([{"error": {"message": "No."}}], status=status))


@pytest.mark.parametrize(
    "recording",
    [
        answered({"nothing": 1}),
        answered([], status=400),
        answered("No.", status=400),
        replace(RECORDING, path="/v1/files"),
    ],
)
def test_what_holds_no_answer_cannot_be_read(recording: Recording) -> None:
    assert not readable(recording)


def told(status: int, message: str, recorded: int, body: dict[str, Any]) -> list[str]:
    said = bytearray(json.dumps({"type": "error", "error": {"message": message}}).encode())
    exchange = Exchange("POST", "http://gateway/v1/messages", (), b"", status, (), said)
    return list(misreported(Failure("Refused", message, status), answered(body, status=recorded), exchange))


@pytest.mark.parametrize(
    ("status", "message", "recorded", "found"),
    [
        (400, "Too long.", 400, []),
        (503, "Too long.", 529, []),
        (500, "Too long.", 400, ["status 500 in place of 400"]),
        (502, "Refused.", 401, []),
        (401, "Refused.", 401, []),
        (400, "Refused.", 401, ["status 400 in place of 401"]),
    ],
)
def test_an_error_keeps_its_kind(status: int, message: str, recorded: int, found: list[str]) -> None:
    assert told(status, message, recorded, {"error": {"message": "Too long."}}) == found


def test_an_error_keeps_its_words() -> None:
    [line] = told(400, "Something went wrong.", 400, {"error": {"message": "Too long."}})
    assert line.startswith("the provider's words 'Too long.' are lost: ")


def test_gemini_refuses_a_key_with_a_status_of_its_own() -> None:
    body = {"error": {"message": "API key not valid.", "details": [{"reason": "API_KEY_INVALID"}]}}
    assert told(502, "Refused.", 400, body) == []
