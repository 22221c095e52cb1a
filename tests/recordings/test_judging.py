"""The judgement of one replay, from values alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from conformance.drivers import Exchange
from conformance.recordings import Recording
from conformance.recordings.judging import Findings, judged
from conformance.upstream import Received, Verbatim
from tests.recordings.samples import CHAT_ANSWER, CHAT_REQUEST, STREAM

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
REQUEST_HEADERS = (("content-type", "application/json"), ("x-mine", "1"), ("traceparent", TRACE))
ANSWER_HEADERS = (("content-type", "application/json"), ("x-request-id", "req_1"), ("date", "then"))

RECORDING = Recording(
    id="whole",
    protocol="openai-chat",
    method="POST",
    path="/v1/chat/completions",
    query="a=1",
    headers=REQUEST_HEADERS,
    body=json.dumps(CHAT_REQUEST).encode(),
    answer=Verbatim(200, ANSWER_HEADERS, json.dumps(CHAT_ANSWER).encode()),
)
STREAMED = replace(RECORDING, answer=Verbatim(200, (("content-type", "text/event-stream"),), STREAM.encode()))


def received(**changes: Any) -> Received:
    faithful: dict[str, Any] = {
        "number": 1,
        "provider": "openai",
        "token": None,
        "method": "POST",
        "path": "/openai/v1/chat/completions",
        "query": "a=1",
        "headers": REQUEST_HEADERS,
        "body": json.dumps(CHAT_REQUEST, indent=1).encode(),
        "arrived_at": 0.0,
    }
    return Received(**faithful | changes)


def seen(recording: Recording = RECORDING, **changes: Any) -> Exchange:
    faithful = Exchange(
        "POST",
        "http://gateway/v1/chat/completions",
        (),
        b"",
        recording.answer.status,
        recording.answer.headers,
        bytearray(recording.answer.body),
        complete=True,
    )
    return replace(faithful, **changes)


def judge(call: Received | None = None, exchange: Exchange | None = None) -> Findings:
    return judged(RECORDING, exchange or seen(), [call or received()], renamed=False)


def test_what_is_the_same_on_both_sides_has_no_findings() -> None:
    assert judge() == Findings()


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"method": "PUT"}, "the upstream received PUT /v1/chat/completions in place of POST /v1/chat/completions"),
        ({"path": "/openai/v1/completions"}, "the upstream received POST /v1/completions in place of POST "),
        ({"body": b"{}"}, "the request body at the upstream: lost messages"),
        ({"body": b"not json"}, "the request body at the upstream: 8 bytes in place of "),
        ({"body": json.dumps(CHAT_REQUEST | {"seed": 1.0}).encode()}, "changed seed: 1.0 in place of 1"),
        ({"headers": REQUEST_HEADERS[1:]}, "the upstream got no content-type"),
    ],
)
def test_a_request_must_arrive_as_it_was(changes: dict[str, Any], found: str) -> None:
    findings = judge(received(**changes))
    assert any(found in line for line in findings.must), findings


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"status": 201}, "the client got status 201 in place of 200"),
        ({"body": bytearray(b'{"id": 1}')}, "the answer at the client: "),
        ({"error": "ReadError('reset')"}, "the answer broke off at the client: ReadError('reset')"),
        ({"answer_headers": ANSWER_HEADERS[1:]}, "the client got no content-type"),
    ],
)
def test_an_answer_must_arrive_as_it_was(changes: dict[str, Any], found: str) -> None:
    findings = judge(exchange=seen(**changes))
    assert any(line.startswith(found) for line in findings.must), findings


def test_query_and_other_headers_should() -> None:
    call = received(query="", headers=REQUEST_HEADERS[:1])
    findings = judge(call, seen(answer_headers=ANSWER_HEADERS[:1]))
    assert findings.must == ()
    assert findings.should == (
        "the upstream received the query '' in place of 'a=1'",
        "the upstream got no x-mine",
        "the upstream got no traceparent",
        "the client got no x-request-id",
    )


def test_a_trace_goes_on_in_a_span_of_the_gateways_own() -> None:
    own_span = TRACE.replace("00f067aa0ba902b7", "b7ad6b7169203331")
    assert judge(received(headers=(*REQUEST_HEADERS[:2], ("traceparent", own_span)))) == Findings()
    other_trace = TRACE.replace("4bf9", "0af7")
    assert judge(received(headers=(*REQUEST_HEADERS[:2], ("traceparent", other_trace)))).should


def test_a_charset_may_be_said_or_not() -> None:
    headers = (("Content-Type", "application/json; charset=utf-8"), *ANSWER_HEADERS[1:])
    assert judge(exchange=seen(answer_headers=headers)) == Findings()
    headers = (("content-type", "text/html"), *ANSWER_HEADERS[1:])
    assert judge(exchange=seen(answer_headers=headers)).must


def test_lines_of_one_header_are_one_list() -> None:
    recording = replace(RECORDING, headers=(("anthropic-beta", "a, b"),))
    call = received(headers=(("anthropic-beta", "a"), ("anthropic-beta", "b")))
    assert judged(recording, seen(), [call], renamed=False) == Findings()


@pytest.mark.parametrize("count", [0, 2])
def test_one_call_is_one_call(count: int) -> None:
    findings = judged(RECORDING, seen(), [received()] * count, renamed=False)
    assert findings.must == (f"the upstream received {count} requests for one call",)


def test_only_a_target_that_renames_models_may() -> None:
    call = received(body=json.dumps(CHAT_REQUEST | {"model": "another"}).encode())
    exchange = seen(body=bytearray(json.dumps(CHAT_ANSWER | {"model": "another"}).encode()))
    assert judged(RECORDING, exchange, [call], renamed=True) == Findings()
    assert len(judged(RECORDING, exchange, [call], renamed=False).must) == 2


def test_a_stream_is_compared_by_its_bytes() -> None:
    spaced = STREAM.replace('{"id"', '{ "id"').encode()
    findings = judged(STREAMED, seen(STREAMED, body=bytearray(spaced)), [received()], renamed=False)
    sizes = f"{len(spaced)} bytes in place of {len(STREAM)}"
    there = f"at byte 7 {spaced[7:47]!r} in place of {STREAM.encode()[7:47]!r}"
    assert findings.must == (f"the answer at the client: {sizes}; {there}",)


def test_a_stream_of_a_renamed_model_is_compared_event_by_event() -> None:
    renamed = bytearray(STREAM.replace('"model":"m"', '"model":"another"').encode())
    assert judged(STREAMED, seen(STREAMED, body=renamed), [received()], renamed=True) == Findings()
    assert judged(STREAMED, seen(STREAMED, body=renamed), [received()], renamed=False).must
    shorter = bytearray(renamed[: -len("data: [DONE]\n\n")])
    assert judged(STREAMED, seen(STREAMED, body=shorter), [received()], renamed=True).must
