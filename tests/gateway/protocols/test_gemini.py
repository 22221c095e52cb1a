"""Gemini's requests, answers and streams, and what they become of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.protocols import CODECS, hub
from gateway.protocols.chat import CHAT
from gateway.protocols.gemini import GEMINI
from gateway.protocols.messages import MESSAGES
from gateway.protocols.responses import RESPONSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.surfaces import Protocol

HUBS = pytest.mark.parametrize("client", [CHAT, MESSAGES, RESPONSES], ids=["chat", "messages", "responses"])
TOOL = {"functionDeclarations": [{"name": "weather", "parameters": {"type": "OBJECT", "properties": {}}}]}
SAID = [{"role": "user", "parts": [{"text": "Hi"}]}]
SIGNED_CALL = {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": "Q0FMTA=="}
SIGNED: dict[str, Any] = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "Let me ", "thought": True},
                    {"text": "think.", "thought": True, "thoughtSignature": "VEhJTks="},
                    {"text": "I look. ", "thoughtSignature": "VEVYVA=="},
                    SIGNED_CALL,
                    {"functionCall": {"name": "weather", "args": {}}},
                ],
            },
            "finishReason": "STOP",
        }
    ],
    "modelVersion": "gemini-9",
    "responseId": "r_1",
}


def asked(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "contents": SAID} | fields


def decoded(*chunks: dict[str, Any]) -> list[hub.Event]:
    decoder = GEMINI.decoder()
    return [*(event for chunk in chunks for event in decoder.feed(None, json.dumps(chunk))), *decoder.end()]


def chunk(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **more}], "responseId": "r"}


def test_a_request_is_read() -> None:
    request = GEMINI.read_request(
        asked(
            systemInstruction={"parts": [{"text": "Be brief."}]},
            tools=[TOOL],
            toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
            generationConfig={
                "maxOutputTokens": 9,
                "topK": 3,
                "stopSequences": ["END"],
                "thinkingConfig": {"thinkingLevel": "LOW"},
                "responseMimeType": "application/json",
                "responseSchema": {
                    "type": "OBJECT",
                    "properties": {"n": {"type": "INTEGER", "nullable": True}, "s": {"type": "ARRAY", "maxItems": "2"}},
                },
            },
        )
    )
    assert request.system == "Be brief."
    assert request.tools == (hub.Tool("weather"),)
    assert request.choice == hub.Forced("weather")
    assert (request.limit, request.top_k, request.stop, request.effort) == (9, 3, ("END",), "low")
    properties = {"n": {"type": ["integer", "null"]}, "s": {"type": "array", "maxItems": 2}}
    assert request.schema == hub.Schema({"type": "object", "properties": properties})
    assert not request.lost


def test_snake_case_is_read_too_but_what_is_the_callers_own_stays() -> None:
    call = {"function_call": {"name": "weather", "args": {"big_city": 1}}}
    request = GEMINI.read_request(
        {"model": "m", "contents": [{"role": "model", "parts": [call]}], "generation_config": {"max_output_tokens": 3}}
    )
    (used,) = request.turns[0].parts
    assert isinstance(used, hub.ToolUse)
    assert used.arguments == '{"big_city":1}'
    assert request.limit == 3


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"generationConfig": {"candidateCount": 2}}, "generationConfig.candidateCount"),
        ({"generationConfig": {"responseModalities": ["IMAGE"]}}, "generationConfig.responseModalities"),
        ({"cachedContent": "cachedContents/1"}, "cachedContent"),
        ({"tools": [{"googleSearch": {}}]}, "tools"),
        ({"contents": [{"parts": [{"fileData": {"fileUri": "gs://a/b"}}]}]}, "contents.parts"),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "audio/wav", "data": ""}}]}]}, "contents.parts"),
    ],
)
def test_what_exists_at_google_only_is_refused(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(hub.UntranslatableError) as refused:
        GEMINI.read_request(asked() | fields)
    assert refused.value.field.startswith(named)


def test_what_can_only_be_left_out_is_named() -> None:
    request = GEMINI.read_request(
        asked(
            safetySettings=[],
            labels={"a": "b"},
            generationConfig={"responseLogprobs": True, "topK": 2},
            toolConfig={
                "functionCallingConfig": {
                    "mode": "ANY",
                    "allowedFunctionNames": ["a", "b"],
                    "streamFunctionCallArguments": True,
                }
            },
            contents=[{"role": "user", "parts": [{"text": "Hi", "mediaResolution": {}}]}],
            tools=[{"functionDeclarations": [{"name": "a", "response": {}}]}],
        )
    )
    assert request.choice == "required"
    CHAT.write_request(request)
    assert [GEMINI.named(name, {}) for name in request.lost] == [
        "tools.functionDeclarations.response",
        "toolConfig.functionCallingConfig.allowedFunctionNames",
        "safetySettings",
        "labels",
        "generationConfig.responseLogprobs",
        "toolConfig.functionCallingConfig.streamFunctionCallArguments",
        "contents.parts.mediaResolution",
        "generationConfig.topK",
    ]


def test_a_field_of_the_hub_has_the_clients_own_name() -> None:
    request = CHAT.read_request(
        {"model": "m", "messages": [], "parallel_tool_calls": False, "user": "u", "tools": [], "seed": 1}
    )
    GEMINI.write_request(request)
    assert [CHAT.named(name, {"user": "u"}) for name in request.lost] == ["user", "parallel_tool_calls"]


def test_results_find_their_calls_by_id_or_by_name() -> None:
    calls = [
        {"functionCall": {"name": "a", "args": {}}},
        {"functionCall": {"name": "a", "args": {"x": 1}}},
        {"functionCall": {"id": "given", "name": "b", "args": {}}},
    ]
    results = [
        {"functionResponse": {"name": "a", "response": {"output": "first"}}},
        {"functionResponse": {"id": "given", "name": "b", "response": {"error": "broken"}}},
        {"functionResponse": {"name": "a", "response": {"result": {"deg": 3}}}},
    ]
    contents = [{"role": "model", "parts": calls}, {"role": "user", "parts": results}]
    model, user = GEMINI.read_request({"model": "m", "contents": contents}).turns
    first, second, given = [part.id for part in model.parts if isinstance(part, hub.ToolUse)]
    assert len({first, second, given}) == 3
    assert user.parts == (
        hub.ToolResult(first, (hub.Text("first"),)),
        hub.ToolResult("given", (hub.Text("broken"),), is_error=True),
        hub.ToolResult(second, (hub.Text('{"deg": 3}'),)),
    )
    again = GEMINI.read_request({"model": "m", "contents": contents}).turns
    assert again[0] == model


def test_a_result_that_belongs_to_no_call_is_refused() -> None:
    lonely = {"functionResponse": {"name": "a", "response": {}}}
    with pytest.raises(hub.UntranslatableError, match="no call of 'a' is open"):
        GEMINI.read_request({"model": "m", "contents": [{"role": "user", "parts": [lonely]}]})
    result = {"role": "tool", "tool_call_id": "call_lost", "content": "x"}
    with pytest.raises(hub.UntranslatableError, match="call_lost"):
        GEMINI.write_request(CHAT.read_request({"model": "m", "messages": [result]}))


def test_pieces_of_a_streamed_turn_are_one_turn() -> None:
    pieces = [{"role": "model", "parts": [{"text": text}]} for text in ("Hel", "lo")]
    thoughts = [{"role": "model", "parts": [{"text": text, "thought": True}]} for text in ("Two ", "cities.")]
    (turn,) = GEMINI.read_request({"model": "m", "contents": [*thoughts, *pieces]}).turns
    assert turn.parts == (hub.Thinking("Two cities."), hub.Text("Hello"))


def test_a_chat_becomes_contents() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}, image]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
        {"role": "user", "content": "And now?"},
    ]
    schema = {"type": "object", "additionalProperties": False}
    body = GEMINI.write_request(
        CHAT.read_request(
            {
                "model": "m",
                "messages": messages,
                "tools": [{"type": "function", "function": {"name": "weather", "parameters": schema}}],
                "tool_choice": "required",
                "reasoning_effort": "max",
                "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
                "max_tokens": 5,
            }
        )
    )
    result = {"functionResponse": {"id": "call_1", "name": "weather", "response": {"output": "rain"}}}
    assert body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {
                "role": "user",
                "parts": [{"text": "Weather?"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}],
            },
            {
                "role": "model",
                "parts": [{"functionCall": {"id": "call_1", "name": "weather", "args": {"city": "Oslo"}}}],
            },
            {"role": "user", "parts": [result, {"text": "And now?"}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": schema}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "generationConfig": {
            "maxOutputTokens": 5,
            "responseMimeType": "application/json",
            "responseJsonSchema": schema,
            "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "XHIGH"},
        },
    }


def test_an_image_on_the_web_is_not_fetched_but_refused() -> None:
    message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}
    with pytest.raises(hub.UntranslatableError):
        GEMINI.write_request(CHAT.read_request({"model": "m", "messages": [message]}))


@pytest.mark.parametrize(
    ("model", "effort", "thinking"),
    [
        ("gemini-3-pro", "low", {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("gemini-2.5-flash", "low", {"includeThoughts": True, "thinkingBudget": 1024}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
    ],
)
def test_effort_is_a_level_or_a_budget(model: str, effort: hub.Effort, thinking: dict[str, Any]) -> None:
    body = GEMINI.write_request(hub.Request(model, effort=effort))
    assert body["generationConfig"]["thinkingConfig"] == thinking
    assert GEMINI.read_request({"model": model, **body}).effort == effort


HISTORIES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "openai-chat": lambda answer: {"messages": [answer["choices"][0]["message"]]},
    "anthropic-messages": lambda answer: {"messages": [{"role": "assistant", "content": answer["content"]}]},
    "openai-responses": lambda answer: {"input": answer["output"]},
}
"""What each client says of an answer in its next request."""


@pytest.mark.parametrize("name", HISTORIES)
def test_signatures_come_back_on_the_parts_that_they_stood_on(name: Protocol) -> None:
    client = CODECS[name]
    history = HISTORIES[name](client.write_answer(GEMINI.read_answer(SIGNED)))
    (content,) = GEMINI.write_request(client.read_request({"model": "gemini-9", **history}))["contents"]
    said = [part for part in content["parts"] if not part.get("thought")]
    signed = {next(iter(part)): part["thoughtSignature"] for part in said if "thoughtSignature" in part}
    assert signed == {"text": "VEVYVA==", "functionCall": "Q0FMTA=="}
    calls = [part for part in said if "functionCall" in part]
    assert [("thoughtSignature" in call) for call in calls] == [True, False]
    if name != "openai-chat":
        thought = {"text": "Let me think.", "thought": True, "thoughtSignature": "VEhJTks="}
        assert content["parts"][0] == thought


def test_only_gemini_is_told_its_signatures() -> None:
    message = {"role": "assistant", "content": MESSAGES.write_answer(GEMINI.read_answer(SIGNED))["content"]}
    request = MESSAGES.read_request({"model": "claude", "messages": [message]})
    (turn,) = MESSAGES.write_request(request)["messages"]
    assert [block["type"] for block in turn["content"]] == ["text", "tool_use", "tool_use"]


def test_claudes_signatures_travel_through_a_client_of_geminis() -> None:
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln/+"}
    redacted = {"type": "redacted_thinking", "data": "ZGF0"}
    message = {"id": "msg_1", "model": "c", "content": [thinking, redacted], "stop_reason": "end_turn", "usage": {}}
    content = GEMINI.write_answer(MESSAGES.read_answer(message))["candidates"][0]["content"]
    for part in content["parts"]:  # as Google's SDK writes bytes
        part["thoughtSignature"] = part["thoughtSignature"].replace("+", "-").replace("/", "_")
    (turn,) = MESSAGES.write_request(GEMINI.read_request({"model": "c", "contents": [content]}))["messages"]
    assert turn["content"] == [thinking, redacted]


def test_a_history_from_elsewhere_is_marked_as_such() -> None:
    """Gemini 3 refuses calls without a signature: https://ai.google.dev/gemini-api/docs/thought-signatures"""
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": ""}}
    request = CHAT.read_request({"model": "gemini-3-pro", "messages": [{"role": "assistant", "tool_calls": [call]}]})
    (part,) = GEMINI.write_request(request)["contents"][0]["parts"]
    assert part["thoughtSignature"] == "skip_thought_signature_validator"


@pytest.mark.parametrize(
    ("reason", "stop"),
    [("STOP", "end"), ("MAX_TOKENS", "length"), ("SAFETY", "refusal"), ("SPII", "refusal"), ("NEW_ONE", "end")],
)
def test_reasons_to_finish(reason: str, stop: hub.Stop) -> None:
    assert GEMINI.read_answer(chunk({"text": "x"}, finishReason=reason)).stop == stop
    assert isinstance(finished := decoded(chunk({"text": "x"}, finishReason=reason))[-1], hub.Finished)
    assert finished.stop == stop


def test_calls_finish_like_any_answer_unless_they_are_cut() -> None:
    assert GEMINI.read_answer(SIGNED).stop == "tool-use"
    assert GEMINI.read_answer(chunk(SIGNED_CALL, finishReason="MAX_TOKENS")).stop == "length"


def test_an_answer_that_failed_is_none() -> None:
    failed = chunk(finishReason="MALFORMED_FUNCTION_CALL")
    with pytest.raises(hub.UpstreamProtocolError, match="MALFORMED_FUNCTION_CALL"):
        GEMINI.read_answer(failed)
    with pytest.raises(hub.UpstreamProtocolError):
        decoded(failed)


@HUBS
def test_a_blocked_prompt_is_a_refusal(client: Any) -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}
    answer = GEMINI.read_answer(blocked)
    assert (answer.stop, answer.usage.input) == ("refusal", 4)
    assert "SAFETY" in json.dumps(client.write_answer(answer))
    assert decoded(blocked)[-1] == hub.Finished("refusal", hub.Usage(input=4))


def test_usage_holds_what_was_thought_and_what_tools_said() -> None:
    counted = {
        "promptTokenCount": 10,
        "toolUsePromptTokenCount": 2,
        "cachedContentTokenCount": 4,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 3,
    }
    answer = GEMINI.read_answer(chunk({"text": "x"}) | {"usageMetadata": counted})
    assert answer.usage == hub.Usage(input=12, output=8, cache_read=4, reasoning=3)
    assert GEMINI.write_answer(answer)["usageMetadata"] == {
        "promptTokenCount": 12,
        "cachedContentTokenCount": 4,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 3,
        "totalTokenCount": 20,
    }


def test_a_stream_is_read_part_by_part() -> None:
    events = decoded(
        chunk({"text": "Two ", "thought": True}),
        chunk({"text": "cities.", "thought": True}),
        chunk({"text": "I "}),
        chunk({"text": "look."}, SIGNED_CALL),
        chunk({"functionCall": {"id": "own", "name": "clock"}}),
        chunk({"text": ""}, finishReason="STOP") | {"usageMetadata": {"promptTokenCount": 1}},
    )
    made = next(e.part.id for e in events if isinstance(e, hub.Opened) and isinstance(e.part, hub.ToolUse))
    assert made.startswith("call_")
    assert events == [
        hub.Started("r", ""),
        *(hub.Opened(hub.Thinking()), hub.Delta("Two "), hub.Delta("cities."), hub.Closed()),
        *(hub.Opened(hub.Text()), hub.Delta("I "), hub.Delta("look."), hub.Closed()),
        *(hub.Opened(hub.RedactedThinking("gemini.call.Q0FMTA==")), hub.Closed()),
        *(hub.Opened(hub.ToolUse(made, "weather")), hub.Delta('{"city":"Oslo"}'), hub.Closed()),
        *(hub.Opened(hub.ToolUse("own", "clock")), hub.Delta("{}"), hub.Closed()),
        hub.Finished("tool-use", hub.Usage(input=1)),
    ]


@HUBS
def test_streamed_signatures_reach_the_client(client: Any) -> None:
    encoder = client.encoder("m", usage_asked=True)
    late = chunk({"text": "Done."}), chunk({"text": "", "thoughtSignature": "TEFURQ=="}), chunk(SIGNED_CALL)
    events = decoded(*late, chunk({"text": ""}, finishReason="STOP"))
    written = "".join(text for event in events for text in encoder.feed(event))
    assert "TEFURQ==" in written
    assert "Q0FMTA==" in written


def test_an_error_says_when_to_come_again() -> None:
    body = {
        "error": {"code": 429, "message": "Slow down.", "details": [{"@type": "…RetryInfo", "retryDelay": "2.5s"}]},
    }
    assert GEMINI.read_error(429, body) == hub.Failed(429, "Slow down.", "3")
    assert GEMINI.read_error(429, [body]) == hub.Failed(429, "Slow down.", "3")
    assert decoded(body) == [hub.Failed(429, "Slow down.", "3")]
    assert GEMINI.write_error(hub.Failed(429, "Slow down.", "3"))["error"] == {
        "code": 429,
        "message": "Slow down.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"}],
    }


def test_the_gateways_bad_key_is_told_by_its_reason() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    assert GEMINI.read_error(400, {"error": {"message": "Bad key.", "details": details}}).status == 401


def test_a_stream_without_events_is_one_array() -> None:
    assert GEMINI.array_encoder is not None
    encoder = GEMINI.array_encoder("m", usage_asked=True)
    events = (
        hub.Started("r", "m"),
        *(hub.Opened(hub.Text()), hub.Delta("a"), hub.Delta("b"), hub.Closed()),
        hub.Ping(),
        hub.Finished("end", hub.Usage()),
    )
    pieces = [text for event in events for text in encoder.feed(event)]
    assert len(pieces) == 3
    assert [each["candidates"][0]["content"]["parts"] for each in json.loads("".join(pieces))] == [
        [{"text": "a"}],
        [{"text": "b"}],
        [{"text": ""}],
    ]


def test_a_failure_ends_the_array_too() -> None:
    assert GEMINI.array_encoder is not None
    encoder = GEMINI.array_encoder("m", usage_asked=True)
    (failed,) = json.loads("".join(encoder.feed(hub.Failed(500, "broken"))))
    assert failed["error"]["status"] == "INTERNAL"


def test_every_codec_is_in_the_table() -> None:
    assert CODECS["gemini"] is GEMINI
