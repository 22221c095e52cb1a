"""Several answers to one question: each arrives, however their pieces are mixed."""

import json
from typing import Any

from conformance.api import CHAT, Ask, Client, Mode, Reply, Upstream, Verbatim, check

BASE = {"id": "chatcmpl-of-three", "created": 1_767_225_600, "model": "a-model", "system_fingerprint": "fp_1"}
USAGE = {"prompt_tokens": 11, "completion_tokens": 47, "total_tokens": 58}
CALL: dict[str, Any] = {
    "id": "call_ferry",
    "type": "function",
    "function": {"name": "ferries", "arguments": '{"from": "Bergen"}'},
}
ANSWERS: tuple[dict[str, Any], ...] = (
    {"content": "By sea, along the coast.", "tool_calls": [], "finish_reason": "stop"},
    {"content": "By train: it takes a day.", "tool_calls": [], "finish_reason": "stop"},
    {"content": "", "tool_calls": [CALL], "finish_reason": "tool_calls"},
)


@check(
    "chat/choices",
    requirement="every-choice-arrives",
    feature="streaming",
    surfaces=(CHAT,),
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM, Mode.ASYNC_HELPER),
    catches=("first-choice-only", "ends-with-the-first-choice", "renumbers-choices"),
)
async def test_each_of_several_answers_adds_up_by_itself(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(_three(streams=client.mode.streams))
    asked = Ask(script.prompt, fields={"n": len(ANSWERS), "stream_options": {"include_usage": True}})
    raw = await _added_up(client, asked) if client.mode is Mode.ASYNC_STREAM else (await client.ask(asked)).raw
    assert (await script.received()).json.get("n") == len(ANSWERS), "the provider was not asked for as many answers"
    said = {choice["index"]: _said(choice) for choice in raw["choices"]}
    wrong = [f"{index}: {said.get(index)}" for index, answer in enumerate(ANSWERS) if said.get(index) != answer]
    assert not wrong, f"other than the provider said, by index: {'; '.join(wrong)}"
    assert len(said) == len(ANSWERS), f"{len(said)} answers in place of {len(ANSWERS)}"
    counted = {name: (raw.get("usage") or {}).get(name) for name in USAGE}
    assert counted == USAGE, f"the usage of all answers together is {counted}"


def _said(choice: dict[str, Any]) -> dict[str, Any]:
    message = choice["message"]
    calls = [
        {"id": call["id"], "type": "function", "function": {name: call["function"][name] for name in CALL["function"]}}
        for call in message.get("tool_calls") or ()
    ]
    return {"content": message.get("content") or "", "tool_calls": calls, "finish_reason": choice.get("finish_reason")}


async def _added_up(client: Client, asked: Ask) -> dict[str, Any]:
    """The completion that the chunks of a stream add up to, choice by choice."""
    choices: dict[int, dict[str, Any]] = {}
    usage = None
    async with client.stream(asked) as stream:
        while (chunk := await stream.next_event()) is not None:
            usage = chunk.get("usage") or usage
            for part in chunk["choices"]:
                message: dict[str, Any] = {"content": "", "tool_calls": []}
                choice = choices.setdefault(part["index"], {"index": part["index"], "message": message})
                choice["finish_reason"] = part.get("finish_reason") or choice.get("finish_reason")
                _extend(choice["message"], part["delta"])
    return {"choices": list(choices.values()), "usage": usage}


def _extend(message: dict[str, Any], delta: dict[str, Any]) -> None:
    message["content"] += delta.get("content") or ""
    calls = message["tool_calls"]
    for fragment in delta.get("tool_calls") or ():
        if fragment["index"] == len(calls):
            calls.append({"id": fragment["id"], "function": {"name": fragment["function"]["name"], "arguments": ""}})
        calls[fragment["index"]]["function"]["arguments"] += fragment["function"].get("arguments") or ""


def _three(*, streams: bool) -> Reply:
    if streams:
        lines = [*(json.dumps(BASE | chunk) for chunk in _chunks()), "[DONE]"]
        return _verbatim("text/event-stream", "".join(f"data: {line}\n\n" for line in lines))
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": answer["content"] or None, "tool_calls": answer["tool_calls"]},
            "logprobs": None,
            "finish_reason": answer["finish_reason"],
        }
        for index, answer in enumerate(ANSWERS)
    ]
    whole = BASE | {"object": "chat.completion", "choices": choices, "usage": USAGE}
    return _verbatim("application/json", json.dumps(whole))


def _verbatim(kind: str, body: str) -> Reply:
    return Reply(verbatim=Verbatim(200, (("content-type", kind),), body.encode()))


def _chunks() -> list[dict[str, Any]]:
    """Pieces by turns, two of them in one chunk; the answers end one after the other, and the first is not the last."""
    turns = [
        *([_part(index, {"role": "assistant", "content": "" if index < 2 else None})] for index in range(3)),
        [_part(1, {"content": "By train: "})],
        [_part(0, {"content": "By sea, "})],
        [_part(0, {"content": "along "}), _part(1, {"content": "it takes a day."})],
        [_part(1, {}, "stop")],
        [_part(2, {"tool_calls": [{"index": 0, **CALL}]})],
        [_part(0, {"content": "the coast."})],
        [_part(0, {}, "stop")],
        [_part(2, {}, "tool_calls")],
    ]
    chunk = {"object": "chat.completion.chunk"}
    chunks = [chunk | {"choices": choices, "usage": None} for choices in turns]
    return [*chunks, chunk | {"choices": [], "usage": USAGE}]


def _part(index: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
