"""Tool calls at length: over many turns, of a whole file, side by side, of kinds other than functions."""

import json
from typing import Any

from conformance.api import (
    CHAT,
    OPENAI,
    RESPONSES,
    Ask,
    Client,
    Delivery,
    Http,
    Mode,
    Reply,
    Surface,
    Tape,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Upstream,
    Verbatim,
    assert_kept,
    check,
    parse,
)
from conformance.suites.surfaces.raw import Sender, Variant, conversation

BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
LOOK = Tool("look", "Look at a place.", {"type": "object", "properties": {"place": {"type": "string"}}})
IDS = ("toolu_" + "9" * 24, "call-with_every-Fit_sign", "c" * 62, "0", "call_Kq7xZ2mVbN4")
LINES = 4_000
LINE = "line one\nline \\ two \u2028 é \U0001f600 "


@check(
    "tools/many-turns",
    requirement="request-unchanged",
    feature="tools",
    modes=BOTH,
    catches=("rewrites-tool-ids-upstream", "shortens-tool-ids"),
)
async def test_calls_and_results_keep_their_ids_over_many_turns(client: Client, upstream: Upstream, tape: Tape) -> None:
    said = [
        Reply(
            text=f"Turn {number}.", tool_calls=(ToolCall(one, "look"), ToolCall(f"{one}_b", "look", '{"place": "b"}'))
        )
        for number, one in enumerate(IDS)
    ]
    script = await upstream.answers(*said, Reply(text="Done."))
    turns: tuple[Turn, ...] = ()
    for reply in said:
        answer = await client.ask(Ask(script.prompt, tools=(LOOK,), turns=turns))
        assert [call.id for call in answer.tool_calls] == [call.id for call in reply.tool_calls]
        turns += (Turn(answer, tuple(ToolResult(call.id, f"seen {call.id}") for call in answer.tool_calls)),)
    assert (await client.ask(Ask(script.prompt, tools=(LOOK,), turns=turns))).text == "Done."
    received, held = (await script.arrived(len(IDS) + 1))[-1].json, conversation(client.surface)
    assert_kept(received[held], json.loads(tape.last.sent)[held], where="the last turn at the upstream")


@check(
    "tools/huge-arguments",
    requirement="tool-calls-unchanged",
    feature="tools",
    modes=BOTH,
    catches=("cuts-long-arguments",),
)
async def test_a_whole_file_as_an_argument_arrives(client: Client, upstream: Upstream) -> None:
    # Some 150 kB, and in a stream one delta: many of that size would time the gateway rather than judge it.
    written = json.dumps({"content": LINE * LINES}, ensure_ascii=False)
    script = await upstream.answers(
        Reply(tool_calls=(ToolCall("call_write", "look", written),), delivery=Delivery(pieces="whole"))
    )
    (call,) = (await client.ask(Ask(script.prompt, tools=(LOOK,)))).tool_calls
    read = json.loads(call.arguments)
    assert read == json.loads(written), f"{len(call.arguments)} characters of arguments in place of {len(written)}"


@check(
    "tools/custom-call",
    requirement="tool-calls-unchanged",
    feature="tools",
    surfaces=OPENAI,
    modes=BOTH,
    catches=("custom-becomes-function", "knows-only-function-calls"),
)
async def test_a_call_of_a_custom_tool_arrives_as_the_text_that_the_model_wrote(
    client: Client, http: Http, upstream: Upstream
) -> None:
    sender, streams = Sender(client, http, upstream), client.mode.streams
    script = await upstream.answers(Reply(verbatim=_PATCHED[client.surface, streams]))
    tool = _PATCH if client.surface == RESPONSES else {"type": "custom", "custom": _CUSTOM}
    answer = await sender.post(sender.body(Variant({"tools": [tool], "stream": streams}), script.prompt))
    received = await script.received()
    assert_kept(received.json.get("tools"), [tool], where="tools at the upstream")
    assert _custom_calls(answer.content, streams=streams) == _custom_calls(received.sent, streams=streams)


INPUT = '*** Begin Patch\n*** Update File: a.py\n@@\n-x = \'{"a": 1.50}\'\n+x = "é\\n"\n*** End Patch\n'
_CUSTOM: dict[str, Any] = {
    "name": "apply_patch",
    "description": "Edit files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /(?s).+/\n"},
}
_PATCH = {"type": "custom", **_CUSTOM}


def _events(*events: dict[str, Any]) -> Verbatim:
    lines = [f"event: {event['type']}\n" if "type" in event else "" for event in events]
    body = "".join(f"{line}data: {json.dumps(event)}\n\n" for line, event in zip(lines, events, strict=True))
    done = "" if "type" in events[0] else "data: [DONE]\n\n"
    return Verbatim(200, (("content-type", "text/event-stream; charset=utf-8"),), (body + done).encode())


def _whole(answer: dict[str, Any]) -> Verbatim:
    return Verbatim(200, (("content-type", "application/json"),), json.dumps(answer).encode())


_ITEM = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_p", "name": "apply_patch", "input": INPUT}
_RESPONSE = {
    "id": "resp_p",
    "object": "response",
    "created_at": 1,
    "model": "a-model",
    "status": "completed",
    "output": [_ITEM],
}
_CALL = {"id": "call_p", "type": "custom", "custom": {"name": "apply_patch", "input": INPUT}}
_CHOICE = {"index": 0, "finish_reason": "tool_calls", "logprobs": None}
_CHUNK = {"id": "chatcmpl-p", "object": "chat.completion.chunk", "created": 1, "model": "a-model"}
_WHERE = {"item_id": "ctc_1", "output_index": 0}
_PATCHED: dict[tuple[Surface, bool], Verbatim] = {
    (RESPONSES, False): _whole(_RESPONSE),
    (RESPONSES, True): _events(
        {
            "type": "response.created",
            "response": _RESPONSE | {"status": "in_progress", "output": []},
            "sequence_number": 0,
        },
        {"type": "response.output_item.added", "output_index": 0, "item": _ITEM | {"input": ""}, "sequence_number": 1},
        {"type": "response.custom_tool_call_input.delta", "delta": INPUT[:30], **_WHERE, "sequence_number": 2},
        {"type": "response.custom_tool_call_input.delta", "delta": INPUT[30:], **_WHERE, "sequence_number": 3},
        {"type": "response.custom_tool_call_input.done", "input": INPUT, **_WHERE, "sequence_number": 4},
        {"type": "response.output_item.done", "output_index": 0, "item": _ITEM, "sequence_number": 5},
        {"type": "response.completed", "response": _RESPONSE, "sequence_number": 6},
    ),
    (CHAT, False): _whole(
        _CHUNK
        | {
            "object": "chat.completion",
            "choices": [_CHOICE | {"message": {"role": "assistant", "content": None, "tool_calls": [_CALL]}}],
        }
    ),
    (CHAT, True): _events(
        *(
            _CHUNK | {"choices": [_CHOICE | {"finish_reason": None, "delta": {"tool_calls": [{"index": 0, **part}]}}]}
            for part in (
                {"id": "call_p", "type": "custom", "custom": {"name": "apply_patch", "input": ""}},
                {"custom": {"input": INPUT[:30]}},
                {"custom": {"input": INPUT[30:]}},
            )
        ),
        _CHUNK | {"choices": [_CHOICE | {"delta": {}}]},
    ),
}


def _custom_calls(body: bytes, *, streams: bool) -> dict[str, Any]:
    """What an answer says of custom tools, put together."""
    found: dict[str, Any] = {"input": ""}
    events = parse(body).without_done if streams else []
    for answer in [event.json for event in events] if streams else [json.loads(body)]:
        _collect(answer, found)
    return found


def _collect(answer: dict[str, Any], found: dict[str, Any]) -> None:
    items = [answer.get("item"), *answer.get("output", [])]
    for item in items:
        if item and item["type"] == "custom_tool_call" and item["input"]:
            found["item"] = {name: item.get(name) for name in ("call_id", "name", "input")}
    found["input"] += answer.get("delta", "") if answer.get("type") == "response.custom_tool_call_input.delta" else ""
    for choice in answer.get("choices", []):
        for call in (choice.get("message") or choice.get("delta") or {}).get("tool_calls") or ():
            custom = call.get("custom") or {}
            found["input"] += custom.get("input") or ""
            found |= {name: value for name, value in (("id", call.get("id")), ("name", custom.get("name"))) if value}
