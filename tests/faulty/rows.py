"""What each fault does to a call, row by row."""

from __future__ import annotations

import json
from dataclasses import replace

from conformance.upstream import ProviderError, Raw, RedactedThinking, Reply, Thinking, ToolCall, Usage, Verbatim
from tests.faulty.endings_rows import ENDINGS
from tests.faulty.error_rows import ERRORS_IN_DEPTH
from tests.faulty.framing_rows import FRAMING
from tests.faulty.grammar_rows import GRAMMAR
from tests.faulty.header_rows import HEADERS_IN_DEPTH
from tests.faulty.isolation_rows import ISOLATION_IN_DEPTH
from tests.faulty.pieces_rows import PIECES
from tests.faulty.seen import CHAT, CLAUDE, COUNT, MODELS, RESPONSES, Seen, Spoils, Stimulus
from tests.faulty.usage_rows import USAGE_IN_DEPTH

BETAS = CLAUDE.but(headers=(("anthropic-beta", "never-seen-2099-01-01, effort-2025-11-24"), ("anthropic-beta", "b2")))
COUNT_BETAS = COUNT.but(headers=BETAS.headers)


def with_header(name: str, value: str = "1", on: Stimulus = CLAUDE) -> Stimulus:
    return on.but(headers=((name, value),))


def asked(on: Stimulus, **fields: object) -> Stimulus:
    return on.but(fields=tuple(fields.items()))


HEADERS = (
    Spoils(
        "sorts-betas",
        with_header("anthropic-beta", "b2,a1"),
        "asked headers",
        lambda it: [token.strip() for line in it.sent("anthropic-beta") for token in line.split(",")] == ["a1", "b2"],
    ),
    Spoils("drops-beta", BETAS, "asked headers", lambda it: not it.sent("anthropic-beta")),
    Spoils(
        "first-beta-only",
        BETAS,
        "asked headers",
        lambda it: it.sent("anthropic-beta") == ["never-seen-2099-01-01", "b2"],
    ),
    Spoils("known-betas-only", BETAS, "asked headers", lambda it: it.sent("anthropic-beta") == ["effort-2025-11-24"]),
    Spoils("merges-no-repeats", BETAS, "asked headers", lambda it: "b2" not in it.sent("anthropic-beta")),
    Spoils("no-beta-on-count-tokens", COUNT_BETAS, "asked headers", lambda it: not it.sent("anthropic-beta")),
    Spoils("pins-version", CLAUDE, "asked headers", lambda it: it.sent("anthropic-version") == ["2023-06-01"]),
    Spoils("pins-new-version", CLAUDE, "asked headers", lambda it: it.sent("anthropic-version") == ["2026-10-21"]),
    Spoils(
        "version-pinned-on-count-tokens",
        COUNT,
        "asked headers",
        lambda it: it.sent("anthropic-version") == ["2023-06-01"],
    ),
    Spoils("drops-query", CHAT, "asked query", lambda it: not it.received[0].query),
    Spoils("drops-custom-headers", with_header("x-mine"), "asked headers", lambda it: not it.sent("x-mine")),
    Spoils("drops-traceparent", with_header("traceparent"), "asked headers", lambda it: not it.sent("traceparent")),
    Spoils(
        "drops-idempotency-key",
        with_header("idempotency-key"),
        "asked headers",
        lambda it: not it.sent("idempotency-key"),
    ),
    Spoils(
        "drops-openai-headers",
        with_header("openai-beta", on=CHAT),
        "asked headers",
        lambda it: not it.sent("openai-beta"),
    ),
    Spoils("hides-user-agent", CHAT, "asked headers", lambda it: it.sent("user-agent") == ["relay/1.0"]),
    Spoils(
        "drops-session-id",
        with_header("x-claude-code-session-id"),
        "asked headers",
        lambda it: not it.sent("x-claude-code-session-id"),
    ),
    Spoils("forwards-cookies", with_header("cookie", "a=b"), "asked headers", lambda it: it.sent("cookie") == ["a=b"]),
    Spoils(
        "forwards-hop-by-hop",
        CHAT.but(headers=(("connection", "x-hop"), ("x-hop", "1"))),
        "asked headers",
        lambda it: it.sent("x-hop") == ["1"],
    ),
    Spoils("answers-own-headers-only", CHAT, "headers", lambda it: "openai-version" not in it.headers),
    Spoils("loses-request-id", CLAUDE, "headers", lambda it: "request-id" not in it.headers),
    Spoils("loses-request-id", CHAT, "headers", lambda it: "x-request-id" not in it.headers),
    *HEADERS_IN_DEPTH,
)

NESTED = ({"role": "assistant", "content": "a", "novel": 1},)
MARKED = ({"role": "user", "content": [{"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]},)
REFUSAL = Reply(refusal="I would rather not.")
EXTRA = replace(CLAUDE.reply, extra={"novel": 1, "nothing": None, "ratio": 0.123456, "count": 2**53 + 1})
ODD = "e\u0301 \u2028 end"

BODY = (
    Spoils(
        "drops-continuation",
        asked(RESPONSES, previous_response_id="r"),
        "asked body, body",
        lambda it: "previous_response_id" not in it.asked,
    ),
    Spoils("drops-unknown-fields", asked(CLAUDE, novel=1), "asked body", lambda it: "novel" not in it.asked),
    Spoils("drops-unknown-fields", asked(CHAT, novel=1), "asked body", lambda it: "novel" not in it.asked),
    Spoils(
        "drops-nested-unknown-fields",
        RESPONSES.but(turns=NESTED),
        "asked body",
        lambda it: it.asked["input"][1] == {"role": "assistant", "content": "a"},
    ),
    Spoils(
        "drops-metadata", asked(CLAUDE, metadata={"user_id": "u"}), "asked body", lambda it: "metadata" not in it.asked
    ),
    Spoils("injects-field", CLAUDE, "asked body", lambda it: it.asked.get("temperature") == 1.0),
    Spoils("drops-nulls", asked(CHAT, stop=None), "asked body", lambda it: "stop" not in it.asked),
    Spoils(
        "rounds-numbers",
        asked(CHAT, logit_bias={"1": 0.12345}),
        "asked body",
        lambda it: it.asked["logit_bias"]["1"] == 0.123,
    ),
    Spoils(
        "rounds-numbers",
        CHAT.but(reply=EXTRA),
        "body",
        lambda it: (it.json["ratio"], it.json["count"]) == (0.123, 2**53),
    ),
    Spoils("mangles-unicode", asked(CHAT, user=ODD), "asked body", lambda it: it.asked["user"] == "\u00e9   end"),
    Spoils("mangles-unicode", CHAT.but(reply=Reply(text=ODD)), "body", lambda it: "\u00e9   end" in it.text),
    Spoils(
        "developer-becomes-system",
        CHAT.but(turns=({"role": "developer", "content": "d"},)),
        "asked body",
        lambda it: it.asked["messages"][1]["role"] == "system",
    ),
    Spoils(
        "system-blocks-joined",
        asked(CLAUDE, system=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
        "asked body",
        lambda it: it.asked["system"] == "a\nb",
    ),
    Spoils(
        "system-role-dropped",
        CLAUDE.but(turns=({"role": "system", "content": "s"},)),
        "asked body",
        lambda it: len(it.asked["messages"]) == 1,
    ),
    Spoils(
        "strips-cache-control",
        CLAUDE.but(turns=MARKED),
        "asked body",
        lambda it: b"cache_control" not in it.received[0].body,
    ),
    Spoils("renames-model-upstream", CHAT, "asked body, body", lambda it: it.asked["model"] == "relay/m"),
    Spoils("renames-model", CLAUDE, "body", lambda it: it.json["model"] == "relay/m"),
    Spoils(
        "renames-model", RESPONSES.but(stream=True), "body", lambda it: it.events[-1]["response"]["model"] == "relay/m"
    ),
    Spoils("rewrites-answer-id", CHAT, "body", lambda it: it.json["id"].startswith("relay_chatcmpl-")),
    Spoils(
        "rewrites-answer-id",
        CLAUDE.but(stream=True),
        "body",
        lambda it: it.events[0]["message"]["id"].startswith("relay_msg_"),
    ),
    Spoils("drops-unknown-answer-fields", CLAUDE.but(reply=EXTRA), "body", lambda it: "novel" not in it.json),
    Spoils("drops-null-answer-fields", CLAUDE, "body", lambda it: "stop_sequence" not in it.json),
    Spoils("adds-answer-field", RESPONSES, "body", lambda it: it.json.get("provider") == "relay"),
    Spoils("loses-last-sentence", CLAUDE, "body", lambda it: it.json["content"][0]["text"] == "Grüße."),
    Spoils("loses-last-sentence", CHAT, "body", lambda it: it.json["choices"][0]["message"]["content"] == "Grüße."),
    Spoils(
        "flattens-stop-reason",
        CLAUDE.but(reply=Reply(text="a", stop="length")),
        "body",
        lambda it: it.json["stop_reason"] == "end_turn",
    ),
    Spoils(
        "flattens-stop-reason",
        RESPONSES.but(reply=Reply(text="a", stop="length"), stream=True),
        "body",
        lambda it: "event: response.completed" in it.text and it.events[-1]["response"]["status"] == "completed",
    ),
    Spoils(
        "loses-refusal", CHAT.but(reply=REFUSAL), "body", lambda it: it.json["choices"][0]["message"]["refusal"] is None
    ),
    Spoils("loses-refusal", RESPONSES.but(reply=REFUSAL, stream=True), "body", lambda it: "rather" not in it.text),
    Spoils("loses-refusal", CLAUDE.but(reply=REFUSAL), "body", lambda it: it.json["stop_reason"] == "end_turn"),
)

ODD_BLOCK = {"type": "of_tomorrow", "text": "x"}

REWRITING = (
    Spoils("drops-newer-fields", asked(CLAUDE, speed="fast"), "asked body", lambda it: "speed" not in it.asked),
    Spoils("caps-token-limits", asked(CHAT, max_tokens=2000), "asked body", lambda it: it.asked["max_tokens"] == 1024),
    Spoils(
        "caps-token-limits",
        asked(CLAUDE, thinking={"type": "enabled", "budget_tokens": 2000}),
        "asked body",
        lambda it: it.asked["thinking"]["budget_tokens"] == 1024,
    ),
    Spoils(
        "knows-three-efforts",
        asked(CHAT, reasoning_effort="xhigh"),
        "asked body",
        lambda it: it.asked["reasoning_effort"] == "high",
    ),
    Spoils(
        "knows-three-efforts",
        asked(RESPONSES, reasoning={"effort": "xhigh"}),
        "asked body, body",
        lambda it: it.asked["reasoning"] == {"effort": "high"},
    ),
    Spoils(
        "knows-plain-content",
        CLAUDE.but(turns=({"role": "user", "content": [ODD_BLOCK]},)),
        "asked body",
        lambda it: it.asked["messages"][1]["content"] == [],
    ),
    Spoils(
        "knows-plain-content", RESPONSES.but(turns=(ODD_BLOCK,)), "asked body", lambda it: len(it.asked["input"]) == 1
    ),
    Spoils(
        "drops-citations-upstream",
        CLAUDE.but(turns=({"role": "user", "content": [{"type": "text", "text": "a", "citations": []}]},)),
        "asked body",
        lambda it: b"citations" not in it.received[0].body,
    ),
    Spoils(
        "refuses-what-it-does-not-know",
        asked(RESPONSES, tools=[{"type": "web_search"}]),
        "asked body, asked headers, asked query, calls, status, headers, body",
        lambda it: it.status == 400,
    ),
    Spoils(
        "labels-tools",
        asked(CHAT, tools=[{"type": "custom"}]),
        "asked body",
        lambda it: b"x_relay" in it.received[0].body,
    ),
    Spoils(
        "marks-last-message",
        CHAT.but(turns=({"role": "user", "content": "a"},)),
        "asked body",
        lambda it: "cache_control" in it.asked["messages"][-1],
    ),
    Spoils("drops-empty-values", asked(CHAT, stop=[]), "asked body", lambda it: "stop" not in it.asked),
    Spoils("drops-defaults", asked(CHAT, n=1), "asked body", lambda it: "n" not in it.asked),
)


def saying(text: str) -> Stimulus:
    return CHAT.but(turns=({"role": "user", "content": text},))


def then(*roles: str) -> Stimulus:
    return CHAT.but(turns=tuple({"role": role, "content": f"{number}"} for number, role in enumerate(roles)))


def said(it: Seen) -> object:
    return it.asked["messages"][-1]["content"]


WORDING = (
    Spoils("trims-text", saying(" a "), "asked body", lambda it: said(it) == "a"),
    Spoils("expands-placeholders", saying("a ${B}"), "asked body", lambda it: said(it) == "a "),
    Spoils("unifies-line-ends", saying("a\r\nb"), "asked body", lambda it: said(it) == "a\nb"),
    Spoils("strips-control-characters", saying("a\x00b"), "asked body", lambda it: said(it) == "ab"),
    Spoils("reserialises-requests", CHAT, "asked body", lambda it: b'"model":"m"' in it.received[0].body),
    Spoils("sorts-keys", CHAT, "asked body", lambda it: next(iter(it.asked)) == "messages"),
    Spoils("merges-same-role", then("user"), "asked body", lambda it: len(it.asked["messages"]) == 1),
    Spoils("moves-system-first", then("system"), "asked body", lambda it: it.asked["messages"][0]["role"] == "system"),
    Spoils(
        "adds-a-last-word",
        then("assistant"),
        "asked body",
        lambda it: it.asked["messages"][-1] == {"role": "user", "content": "Please continue."},
    ),
    Spoils(
        "forgets-older-messages",
        then(*["user", "assistant"] * 60),
        "asked body",
        lambda it: len(it.asked["messages"]) == 101,
    ),
)


def answering(**answer: object) -> Stimulus:
    verbatim = Verbatim(200, (("content-type", "application/json"),), json.dumps(answer).encode())
    return CHAT.but(reply=Reply(verbatim=verbatim))


def first(it: Seen) -> dict[str, object]:
    choice: dict[str, object] = it.json["choices"][0]
    return choice


ANSWERS = (
    Spoils(
        "knows-plain-answers",
        answering(content=[{"type": "text"}, {"type": "of_tomorrow"}]),
        "body",
        lambda it: it.json["content"] == [{"type": "text"}],
    ),
    Spoils("drops-citations", CHAT, "body", lambda it: "annotations" not in it.text),
    Spoils("drops-logprobs", answering(choices=[{"logprobs": {}}]), "body", lambda it: first(it)["logprobs"] is None),
    Spoils(
        "first-choice-only",
        answering(choices=[{"index": 0}, {"index": 1}]),
        "body",
        lambda it: it.json["choices"] == [{"index": 0}],
    ),
    Spoils(
        "knows-four-stops",
        answering(stop_reason="pause_turn"),
        "body",
        lambda it: it.json["stop_reason"] == "end_turn",
    ),
    Spoils(
        "drops-fields-within-answers",
        answering(choices=[{"message": {"novel": 1}}]),
        "body",
        lambda it: first(it) == {"message": {}},
    ),
)

TOLD = CLAUDE.but(stream=True)
CHATTED = CHAT.but(stream=True)
RESPONDED = RESPONSES.but(stream=True)
ACCENTS = Reply(text="你好 😀")


def chunks(it: Seen) -> list[dict[str, object]]:
    return [event for event in it.events if event != "[DONE]"]


def ids(it: Seen) -> set[object]:
    return {event["id"] for event in chunks(it)}


STREAMING = (
    Spoils("loses-completed-id", RESPONDED, "body", lambda it: "id" not in it.events[-1]["response"]),
    Spoils("loses-last-delta", TOLD, "body", lambda it: "fine day." not in it.text),
    Spoils("loses-last-delta", CHATTED, "body", lambda it: "fine day." not in it.text),
    Spoils("loses-terminal", TOLD, "body", lambda it: it.types[-1] == "message_delta"),
    Spoils("loses-terminal", CHATTED, "body", lambda it: "[DONE]" not in it.text),
    Spoils("loses-terminal", RESPONDED, "body", lambda it: "response.completed" not in it.types),
    Spoils("repeats-terminal", TOLD, "body", lambda it: it.types[-2:] == ["message_stop"] * 2),
    Spoils("repeats-terminal", CHATTED, "body", lambda it: it.events[-2:] == ["[DONE]"] * 2),
    Spoils("appends-done", TOLD, "body", lambda it: it.events[-1] == "[DONE]"),
    Spoils("appends-done", RESPONDED, "body", lambda it: it.events[-1] == "[DONE]"),
    Spoils("repeats-start", TOLD, "body", lambda it: it.types[:2] == ["message_start"] * 2),
    Spoils("repeats-start", RESPONDED, "body", lambda it: it.types[:2] == ["response.created"] * 2),
    Spoils("repeats-start", CHATTED, "body", lambda it: it.events[0] == it.events[1]),
    Spoils("loses-stop-event", TOLD, "body", lambda it: "message_delta" not in it.types),
    Spoils("loses-stop-event", CHATTED, "body", lambda it: '"finish_reason":"stop"' not in it.text),
    Spoils("drops-event-names", TOLD, "body", lambda it: "event:" not in it.text),
    Spoils("swaps-events", TOLD, "body", lambda it: it.text.index("It is a") < it.text.index("Gr")),
    Spoils("repeats-a-delta", CHATTED, "body", lambda it: it.text.count("Grüße") == 2),
    Spoils("interleaves-blocks", TOLD, "body", lambda it: 1 in [event.get("index") for event in it.events]),
    Spoils(
        "restarts-indices",
        TOLD.but(reply=Reply(text="a", tool_calls=(ToolCall("t", "n"),))),
        "body",
        lambda it: '"index":1' not in it.text,
    ),
    Spoils("loses-item-done", TOLD, "body", lambda it: "content_block_stop" not in it.types),
    Spoils("loses-item-done", RESPONDED, "body", lambda it: "response.output_item.done" not in it.types),
    Spoils(
        "skips-sequence-numbers",
        RESPONDED,
        "body",
        lambda it: [event["sequence_number"] for event in it.events][:3] == [0, 2, 4],
    ),
    Spoils("drops-pings", TOLD.delivered(pings=True), "body", lambda it: "ping" not in it.types),
    Spoils("drops-comments", CHATTED.delivered(comments=True), "body", lambda it: "\n:" not in it.text),
    Spoils("decodes-each-chunk", TOLD.but(reply=ACCENTS), "body", lambda it: "\ufffd" in it.text),
    Spoils("splits-on-lf-only", TOLD.delivered(line_end="\r\n"), "body", lambda it: not it.body),
    Spoils("chokes-on-unknown-event", TOLD.delivered(unknown_event=True), "body, ending", lambda it: not it.whole),
    Spoils("drops-unknown-events", TOLD.delivered(unknown_event=True), "body", lambda it: "unheard_of" not in it.types),
    Spoils(
        "drops-unknown-events",
        RESPONDED.delivered(unknown_event=True),
        "body",
        lambda it: "response.unheard_of" not in it.types,
    ),
    Spoils("says-text-plain", TOLD, "headers", lambda it: it.headers["content-type"].startswith("text/plain")),
    Spoils("says-json", TOLD, "headers", lambda it: it.headers["content-type"] == "application/json"),
    Spoils(
        "cuts-long-events",
        TOLD.but(reply=Reply(text=("long" * 2**15, "b"))),
        "body",
        lambda it: "longlong" not in it.text,
    ),
    Spoils("changes-created", CHATTED, "body", lambda it: len({event["created"] for event in chunks(it)}) > 2),
    Spoils("new-id-each-chunk", CHATTED, "body", lambda it: len(ids(it)) > 2),
)

CALLS = Reply(tool_calls=(ToolCall("call_1", "look", '{"b": 1.10,"a":[1]}'), ToolCall("call_2", "see", '{"x":2}')))
ODD_CALL = Reply(tool_calls=(ToolCall("call_1", "look", '{"n":3.14159}'),))
EMPTY = Reply(tool_calls=(ToolCall("call_1", "look", "{}"),))
HISTORY = (
    {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "look", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "seen"}]},
)
CHAT_HISTORY = (
    {
        "role": "assistant",
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"b":1.10}'}}],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "seen"},
)
DEFINITIONS = asked(
    CLAUDE,
    tools=[{"name": "look", "input_schema": {}, "strict": True}, {"name": "see", "input_schema": {}}],
    tool_choice={"type": "any"},
)

TOOLS = (
    Spoils(
        "knows-only-function-tools",
        asked(RESPONSES, tools=[{"type": "web_search"}]),
        "asked body, body",
        lambda it: it.asked["tools"] == [],
    ),
    Spoils(
        "rounds-tool-numbers",
        CLAUDE.but(reply=ODD_CALL),
        "body",
        lambda it: it.json["content"][0]["input"]["n"] == 3.14,
    ),
    *(
        Spoils(
            "rounds-tool-numbers", on.but(reply=ODD_CALL, stream=True), "body", lambda it: r"{\"n\":3.14}" in it.text
        )
        for on in (CLAUDE, CHAT, RESPONSES)
    ),
    Spoils(
        "rewrites-tool-ids", CLAUDE.but(reply=CALLS), "body", lambda it: it.json["content"][0]["id"] == "relay_call_1"
    ),
    Spoils("rewrites-tool-ids", CHATTED.but(reply=CALLS), "body", lambda it: '"id":"relay_call_2"' in it.text),
    Spoils("rewrites-tool-ids", RESPONDED.but(reply=CALLS), "body", lambda it: '"call_id":"relay_call_2"' in it.text),
    Spoils(
        "rewrites-tool-ids-upstream",
        CLAUDE.but(turns=HISTORY),
        "asked body",
        lambda it: it.received[0].body.count(b"relay_call_1") == 2,
    ),
    Spoils(
        "rewrites-tool-ids-upstream",
        CHAT.but(turns=CHAT_HISTORY),
        "asked body",
        lambda it: it.received[0].body.count(b"relay_call_1") == 2,
    ),
    *(
        Spoils(
            "loses-second-tool-call",
            on.but(reply=CALLS, stream=stream),
            "body",
            lambda it: "look" in it.text and "see" not in it.text,
        )
        for on in (CLAUDE, CHAT, RESPONSES)
        for stream in (False, True)
    ),
    Spoils(
        "merges-parallel-calls", CHATTED.but(reply=CALLS), "body", lambda it: '"tool_calls":[{"index":1' not in it.text
    ),
    Spoils("merges-parallel-calls", TOLD.but(reply=CALLS), "body", lambda it: '"index":1' not in it.text),
    Spoils("reserialises-arguments", CHAT.but(reply=CALLS), "body", lambda it: r"{\"a\": [1], \"b\": 1.1}" in it.text),
    Spoils(
        "reserialises-arguments", CHATTED.but(reply=CALLS), "body", lambda it: r"{\"a\": [1], \"b\": 1.1}" in it.text
    ),
    Spoils("reserialises-arguments", TOLD.but(reply=CALLS), "body", lambda it: r"{\"a\": [1], \"b\": 1.1}" in it.text),
    Spoils(
        "reserialises-arguments",
        RESPONDED.but(reply=CALLS),
        "body",
        lambda it: it.text.count(r"{\"a\": [1], \"b\": 1.1}") >= 4,
    ),
    Spoils(
        "reserialises-arguments-upstream",
        CHAT.but(turns=CHAT_HISTORY),
        "asked body",
        lambda it: rb"{\"b\": 1.1}" in it.received[0].body,
    ),
    Spoils("drops-empty-arguments", CLAUDE.but(reply=EMPTY), "body", lambda it: "input" not in it.json["content"][0]),
    Spoils("drops-empty-arguments", CHAT.but(reply=EMPTY), "body", lambda it: "arguments" not in it.text),
    Spoils(
        "drops-tool-results", CLAUDE.but(turns=HISTORY), "asked body", lambda it: b"seen" not in it.received[0].body
    ),
    Spoils(
        "drops-tool-results", CHAT.but(turns=CHAT_HISTORY), "asked body", lambda it: b"seen" not in it.received[0].body
    ),
    Spoils("drops-tool-definitions-but-first", DEFINITIONS, "asked body", lambda it: len(it.asked["tools"]) == 1),
    Spoils("strips-strict", DEFINITIONS, "asked body", lambda it: b"strict" not in it.received[0].body),
    Spoils("drops-tool-choice", DEFINITIONS, "asked body", lambda it: "tool_choice" not in it.asked),
)

PICTURE = {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "AAAA"}}]}

TRANSLATION = (
    Spoils(
        "makes-up-searches",
        CLAUDE,
        "body",
        lambda it: [block["type"] for block in it.json["content"]] == ["server_tool_use", "text"],
    ),
    Spoils("drops-instructions", asked(CLAUDE, system="Be brief."), "asked body", lambda it: "system" not in it.asked),
    Spoils("drops-limits", asked(CLAUDE, max_tokens=7), "asked body", lambda it: "max_tokens" not in it.asked),
    Spoils(
        "cuts-tool-names",
        asked(CLAUDE, tools=[{"name": "n" * 90, "input_schema": {"type": "object"}}]),
        "asked body",
        lambda it: it.asked["tools"][0]["name"] == "n" * 64,
    ),
    Spoils(
        "drops-custom-tools",
        asked(RESPONSES, tools=[{"type": "custom", "name": "apply_patch"}]),
        "asked body, body",
        lambda it: it.asked["tools"] == [],
    ),
    Spoils(
        "forbids-parallel-calls-of-none",
        asked(CHAT, tool_choice="none"),
        "asked body",
        lambda it: b"disable_parallel_tool_use" in it.received[0].body,
    ),
    Spoils("forwards-notes-of-its-own", CHAT, "asked body", lambda it: "relay_params" in it.asked),
    Spoils("drops-images", CLAUDE.but(turns=(PICTURE,)), "asked body", lambda it: b"base64" not in it.received[0].body),
    Spoils("asks-for-the-whole", asked(CHAT, stream=True), "asked body", lambda it: "stream" not in it.asked),
)


def with_tool(name: str = "look", **fields: object) -> Stimulus:
    return asked(CLAUDE, tools=[{"name": name, "input_schema": {}, **fields}])


def with_result(**fields: object) -> Stimulus:
    result = {"type": "tool_result", "tool_use_id": "call_1", **fields}
    return CLAUDE.but(turns=({"role": "user", "content": [result]},))


DEFINED = (
    Spoils(
        "flattens-tool-choice",
        asked(CHAT, tool_choice={"type": "function", "function": {"name": "look"}}),
        "asked body",
        lambda it: it.asked["tool_choice"] == "required",
    ),
    Spoils(
        "cleans-schemas",
        with_tool(input_schema={"title": "t", "type": "object"}),
        "asked body",
        lambda it: it.asked["tools"][0]["input_schema"] == {"type": "object"},
    ),
    Spoils(
        "caps-tools",
        asked(CLAUDE, tools=[{"name": f"n{number}"} for number in range(65)]),
        "asked body",
        lambda it: len(it.asked["tools"]) == 64,
    ),
    Spoils(
        "shortens-tool-names",
        with_tool("n" * 64),
        "asked body",
        lambda it: it.asked["tools"][0]["name"] == "n" * 60,
    ),
    Spoils(
        "cleans-tool-names",
        asked(CHAT, tools=[{"type": "function", "function": {"name": "a.b"}}]),
        "asked body",
        lambda it: it.asked["tools"][0]["function"]["name"] == "a_b",
    ),
    Spoils(
        "drops-result-media",
        with_result(content=[{"type": "image"}, {"type": "text", "text": "t"}]),
        "asked body",
        lambda it: b"image" not in it.received[0].body,
    ),
    Spoils("drops-empty-results", with_result(), "asked body", lambda it: it.asked["messages"][1]["content"] == []),
    Spoils(
        "loses-is-error",
        with_result(content="it broke", is_error=True),
        "asked body",
        lambda it: b"is_error" not in it.received[0].body,
    ),
    Spoils(
        "repairs-arguments-upstream",
        RESPONSES.but(turns=({"type": "function_call", "call_id": "c", "name": "n", "arguments": "{"},)),
        "asked body",
        lambda it: it.asked["input"][1]["arguments"] == "{}",
    ),
)

PATCHED = {"output": [{"type": "custom_tool_call", "input": "x"}]}
LONG_CALL = Reply(tool_calls=(ToolCall("call_1", "write", json.dumps({"text": "x" * 70_000})),))

CALLED = (
    Spoils(
        "shortens-tool-ids",
        CHAT.but(turns=({"role": "tool", "tool_call_id": "c" * 50, "content": "seen"},)),
        "asked body",
        lambda it: it.asked["messages"][1]["tool_call_id"] == "c" * 40,
    ),
    Spoils("cuts-long-arguments", CHAT.but(reply=LONG_CALL), "body", lambda it: len(it.text) < 70_000),
    Spoils("cuts-long-arguments", CLAUDE.but(reply=LONG_CALL), "body", lambda it: len(it.text) < 70_000),
    Spoils(
        "custom-becomes-function",
        answering(**PATCHED),
        "body",
        lambda it: it.json["output"] == [{"type": "function_call", "arguments": "x"}],
    ),
    Spoils(
        "counts-plain-content",
        COUNT.but(turns=({"role": "user", "content": [ODD_BLOCK]},)),
        "asked body",
        lambda it: it.asked["messages"][1]["content"] == [],
    ),
    Spoils("knows-only-function-calls", answering(**PATCHED), "body", lambda it: it.json["output"] == []),
)

THOUGHT = Reply(text="done.", thinking=(Thinking("hm hm", "PROOF=="), RedactedThinking("OPAQUE==")))
REASONED = asked(RESPONSES.but(reply=THOUGHT), include=["reasoning.encrypted_content"])
THINKER = CLAUDE.but(
    turns=({"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "PROOF"}]},)
)
REASONER = RESPONSES.but(turns=({"type": "reasoning", "summary": [], "encrypted_content": "PROOF"},))

THINKING = (
    Spoils(
        "drops-signature", CLAUDE.but(reply=THOUGHT), "body", lambda it: "hm hm" in it.text and "PROOF" not in it.text
    ),
    Spoils("drops-signature", TOLD.but(reply=THOUGHT), "body", lambda it: "PROOF" not in it.text),
    Spoils(
        "drops-redacted", CLAUDE.but(reply=THOUGHT), "body", lambda it: "hm hm" in it.text and "OPAQUE" not in it.text
    ),
    Spoils(
        "drops-redacted", TOLD.but(reply=THOUGHT), "body", lambda it: "PROOF" in it.text and "OPAQUE" not in it.text
    ),
    Spoils("drops-thinking", CLAUDE.but(reply=THOUGHT), "body", lambda it: len(it.json["content"]) == 1),
    Spoils(
        "drops-thinking", REASONED.but(stream=True), "body", lambda it: len(it.events[-1]["response"]["output"]) == 1
    ),
    Spoils("drops-thinking-upstream", THINKER, "asked body", lambda it: it.asked["messages"][1]["content"] == []),
    Spoils("drops-thinking-upstream", REASONER, "asked body", lambda it: len(it.asked["input"]) == 1),
    Spoils("drops-signature-upstream", THINKER, "asked body", lambda it: b"PROOF" not in it.received[0].body),
    Spoils(
        "drops-empty-thinking",
        CLAUDE.but(
            turns=(
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "", "signature": "PROOF"},
                        {"type": "thinking", "thinking": "hm", "signature": "KEPT"},
                    ],
                },
            )
        ),
        "asked body",
        lambda it: [block["signature"] for block in it.asked["messages"][1]["content"]] == ["KEPT"],
    ),
    Spoils(
        "drops-effort",
        asked(CLAUDE, output_config={"effort": "low"}),
        "asked body",
        lambda it: "output_config" not in it.asked,
    ),
    Spoils("drops-encrypted-content", REASONED, "body", lambda it: "PROOF" not in it.text),
    Spoils("drops-encrypted-content-upstream", REASONER, "asked body", lambda it: b"PROOF" not in it.received[0].body),
)

SAID_FIRST = {"type": "text", "text": "Well."}
UNSEEN = Reply(text="done.", thinking=(Thinking("", "PROOF=="),))
PROOFS = Reply(thinking=(Thinking("hm", "PROOF=="), Thinking("hm", "LATER==")))
MIXED = CLAUDE.but(
    turns=({"role": "assistant", "content": [SAID_FIRST, {"type": "thinking", "thinking": "", "signature": "PROOF"}]},)
)

PROVEN = (
    Spoils("hides-unseen-thinking", CLAUDE.but(reply=UNSEEN), "body", lambda it: "PROOF" not in it.text),
    Spoils("hides-unseen-thinking", TOLD.but(reply=UNSEEN), "body", lambda it: "PROOF" not in it.text),
    Spoils("merges-thinking", CLAUDE.but(reply=PROOFS), "body", lambda it: it.text.count("PROOF") == 2),
    Spoils(
        "cuts-long-signatures",
        CLAUDE.but(reply=Reply(thinking=(Thinking("hm", "A" * 5000),))),
        "body",
        lambda it: len(it.json["content"][0]["signature"]) == 4096,
    ),
    Spoils("moves-thinking-first", MIXED, "asked body", lambda it: it.asked["messages"][1]["content"][1] == SAID_FIRST),
)

METERED = asked(CHATTED, stream_options={"include_usage": True})
LIMITED = ProviderError(status=429, message="slow down", retry_after="7", headers=(("x-should-retry", "true"),))
REFUSED = Reply(error=LIMITED)

USAGE = (
    Spoils("breaks-model-lists", MODELS, "body", lambda it: list(it.json) == ["models"]),
    Spoils("loses-usage", CHAT, "body", lambda it: "usage" not in it.json),
    Spoils("loses-usage", TOLD, "body", lambda it: "usage" not in it.text),
    Spoils("loses-cached-usage", CLAUDE, "body", lambda it: it.json["usage"]["cache_read_input_tokens"] == 0),
    Spoils(
        "loses-cached-usage", CHAT, "body", lambda it: it.json["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
    ),
    Spoils(
        "loses-reasoning-usage",
        RESPONSES,
        "body",
        lambda it: it.json["usage"]["output_tokens_details"]["reasoning_tokens"] == 0,
    ),
    Spoils("counts-twice", CHAT, "body", lambda it: it.json["usage"]["prompt_tokens"] == 200),
    Spoils("usage-only-when-whole", METERED, "body", lambda it: "prompt_tokens" not in it.text),
    Spoils("usage-only-when-whole", TOLD, "body", lambda it: '"output_tokens":50' not in it.text),
    Spoils(
        "guesses-token-count",
        COUNT,
        "body",
        lambda it: it.json["input_tokens"] != Usage().input and it.json["input_tokens"] < 100,
    ),
    Spoils(
        "guesses-when-refused",
        COUNT.but(reply=REFUSED),
        "status, body",
        lambda it: it.status == 200 and it.json["input_tokens"],
    ),
    Spoils("drops-fields-when-counting", asked(COUNT, system="s"), "asked body", lambda it: "system" not in it.asked),
    Spoils("invents-models", MODELS, "body", lambda it: [model["id"] for model in it.json["data"]] == ["relay-model"]),
    *USAGE_IN_DEPTH,
)

OVERLOADED = CLAUDE.but(reply=Reply(error=ProviderError(status=529)))
TOO_LARGE = CLAUDE.but(reply=Reply(error=ProviderError(status=413)))

ERRORS = (
    Spoils("hides-the-message", CHAT.but(reply=REFUSED), "body", lambda it: "slow down" not in it.text),
    Spoils("flattens-status", CHAT.but(reply=REFUSED), "status", lambda it: it.status == 400),
    Spoils("flattens-status", OVERLOADED, "status", lambda it: it.status == 500),
    Spoils("413-becomes-400", TOO_LARGE, "status", lambda it: it.status == 400),
    Spoils("529-becomes-500", OVERLOADED, "status", lambda it: it.status == 500),
    Spoils("foreign-envelope", CHAT.but(reply=REFUSED), "body", lambda it: it.json == {"detail": "slow down"}),
    Spoils(
        "rewords-errors",
        CHAT.but(reply=REFUSED),
        "body",
        lambda it: it.json["error"]["message"] == "RelayException: slow down",
    ),
    Spoils("retypes-errors", CLAUDE.but(reply=REFUSED), "body", lambda it: it.json["error"]["type"] == "relay_error"),
    Spoils("loses-retry-after", CHAT.but(reply=REFUSED), "headers", lambda it: "retry-after" not in it.headers),
    Spoils("loses-rate-limits", CHAT, "headers", lambda it: "x-ratelimit-limit-requests" not in it.headers),
    Spoils("loses-retry-hints", CHAT.but(reply=REFUSED), "headers", lambda it: "x-should-retry" not in it.headers),
    Spoils(
        "loses-error-request-id", CLAUDE.but(reply=REFUSED), "headers, body", lambda it: "request_id" not in it.json
    ),
    Spoils(
        "errors-as-200",
        TOLD.but(reply=REFUSED),
        "status, headers, body",
        lambda it: it.status == 200 and it.events[0]["error"]["message"] == "slow down",
    ),
    Spoils("swallows-stream-errors", TOLD.delivered(error_after=3), "body", lambda it: "error" not in it.types),
    Spoils(
        "rewords-stream-errors",
        TOLD.delivered(error_after=3),
        "body",
        lambda it: it.events[-1]["error"]["message"].startswith("RelayException"),
    ),
    *ERRORS_IN_DEPTH,
)

ENCODED = with_header("accept-encoding", "identity", on=CHAT)

ISOLATION = (
    Spoils("adds-provider-key-to-errors", CHAT.but(reply=REFUSED), "body", lambda it: "(called with sk-" in it.text),
    Spoils("leaks-client-key", CLAUDE, "asked headers", lambda it: it.sent("authorization")),
    Spoils("leaks-client-key", CHAT, "asked headers", lambda it: it.sent("x-api-key")),
    Spoils("leaks-client-key-on-models", MODELS, "asked headers", lambda it: it.sent("x-api-key")),
    Spoils(
        "leaks-client-key-to-agents",
        with_header("user-agent", "claude-cli/2.1"),
        "asked headers",
        lambda it: it.sent("authorization"),
    ),
    Spoils("leaks-client-key-in-query", CHAT, "asked query", lambda it: "key=sk-" in it.received[0].query),
    Spoils("crosses-provider-keys", CHAT, "asked headers", lambda it: it.sent("x-api-key")),
    Spoils("leaks-provider-key-in-answers", CLAUDE, "body", lambda it: '"api_key":"sk-' in it.text),
    Spoils("leaks-provider-key-encoded", CHAT, "headers", lambda it: "x-relay-upstream" in it.headers),
    *ISOLATION_IN_DEPTH,
)

CHUNKED = Reply(raw=Raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"))

CONNECTION = (
    Spoils("cut-becomes-clean-end", TOLD.delivered(cut_after=4), "body", lambda it: "error" not in it.types),
    Spoils(
        "truncation-becomes-clean-end", RESPONDED.delivered(end_after=4), "body", lambda it: "error" not in it.types
    ),
    Spoils(
        "cut-becomes-success",
        CHAT.delivered(cut_after=1).but(stream=False),
        "body, ending",
        lambda it: it.whole and it.json["id"],
    ),
    Spoils("retries-errors", CHAT.but(reply=REFUSED), "calls", lambda it: len(it.received) == 2),
    Spoils("retries-cuts", CHAT.delivered(cut_after=1).but(stream=False), "calls", lambda it: len(it.received) == 2),
    Spoils("calls-twice", CHAT, "calls", lambda it: len(it.received) == 2),
    Spoils(
        "pins-retry-count",
        with_header("x-stainless-retry-count", "2", on=CHAT),
        "asked headers",
        lambda it: it.sent("x-stainless-retry-count") == ["0"],
    ),
    Spoils(
        "refuses-coded-requests",
        with_header("content-encoding", "identity", on=CHAT),
        "calls, asked headers, asked query, asked body, status, headers, body",
        lambda it: it.status == 400,
    ),
    Spoils("goes-by-lengths-only", CHAT.but(reply=CHUNKED), "body", lambda it: not it.body),
)

ROWS = (
    *HEADERS,
    *BODY,
    *REWRITING,
    *WORDING,
    *ANSWERS,
    *STREAMING,
    *FRAMING,
    *GRAMMAR,
    *PIECES,
    *ENDINGS,
    *TOOLS,
    *DEFINED,
    *CALLED,
    *THINKING,
    *PROVEN,
    *USAGE,
    *ERRORS,
    *ISOLATION,
    *CONNECTION,
    *TRANSLATION,
)
