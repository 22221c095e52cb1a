"""Conversations of many turns: calls, their results, and the reasoning between them, all back at their provider."""

import json
from collections.abc import Sequence

from conformance.api import (
    GEMINI,
    MESSAGES,
    RESPONSES,
    Answer,
    Ask,
    Client,
    Received,
    Reply,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Upstream,
    check,
    protocol_of,
    understood,
)
from conformance.suites.translation.replies import BOTH, HUBS, WEATHER

CLOCK = Tool("clock", "The time.", {"type": "object", "properties": {}})
OSLO = '{"city": "Oslo"}'
SIGNATURES = ("c2lnbmF0dXJlKys=", "YW5vdGhlcitvbmU=")
TURNS = (
    Reply(
        text="First, both cities.",
        tool_calls=(ToolCall("callOslo1", "weather", OSLO), ToolCall("callLima1", "weather", '{"city": "Lima"}')),
    ),
    Reply(text="Then, the time.", tool_calls=(ToolCall("callTime2", "clock"), ToolCall("callOslo2", "weather", OSLO))),
    Reply(text="Once more.", tool_calls=(ToolCall("callOslo3", "weather", OSLO), ToolCall("callTime3", "clock"))),
)
"""Each turn calls two tools at once, and what an earlier one has called before."""


async def _talk(client: Client, upstream: Upstream, replies: Sequence[Reply]) -> list[Received]:
    """Every call of every reply gets its result, the last call's first; what the provider was asked each time."""
    script = await upstream.answers(*replies, Reply(text="Snow and sun."))
    turns: tuple[Turn, ...] = ()
    for reply in replies:
        answer = await client.ask(Ask(script.prompt, tools=(WEATHER, CLOCK), turns=turns))
        turns = (*turns, Turn(answer, tuple(_results(reply, answer))))
    last = await client.ask(Ask(script.prompt, tools=(WEATHER, CLOCK), turns=turns))
    assert last.text == "Snow and sun."
    return await script.arrived(len(replies) + 1)


def _results(reply: Reply, answer: Answer) -> list[ToolResult]:
    assert len(answer.tool_calls) == len(reply.tool_calls), f"of {len(reply.tool_calls)} calls: {answer.tool_calls}"
    pairs = zip(answer.tool_calls, reply.tool_calls, strict=True)
    results = [ToolResult(call.id, _said(made)) for call, made in pairs]
    return results[::-1] if _told(answer) else results


def _told(answer: Answer) -> bool:
    """Whether the client knows the ids of its calls: one of Gemini's need not, and goes by their order."""
    return all(call.id for call in answer.tool_calls)


def _said(call: ToolCall) -> str:
    """What a tool says to a call, that no other call was told."""
    return f"{call.name} says {call.id[4:]}"


@check(
    "translation/request/results",
    requirement="translated-request",
    feature="tools",
    surfaces=HUBS,
    modes=BOTH,
    catches=("drops-tool-results", "rewrites-tool-ids-upstream", "pairs-results-by-position"),
)
async def test_over_many_turns_each_result_reaches_the_provider_under_the_id_of_its_call(
    client: Client, upstream: Upstream
) -> None:
    *_, last = await _talk(client, upstream, TURNS)
    seen = understood(last)
    made = [call for reply in TURNS for call in reply.tool_calls]
    ids = [call for call, _, _ in seen.calls]
    assert [tuple(call) for _, *call in seen.calls] == [(call.name, json.loads(call.arguments)) for call in made]
    assert ids == [call.id for call in made] or _unnamed(client, last, ids), "the provider does not know these ids"
    assert len(seen.results) == len(made), "a result was lost, or arrived twice"
    heard = {call: _plain(said) for call, said in seen.results}
    assert heard == {call: _said(each) for call, each in zip(ids, made, strict=True)}
    spoken = "\n".join(reply.whole_text for reply in TURNS)
    assert [text for role, text in seen.turns if role == "assistant"] == [spoken]
    places = [str(last.json).index(said) for said in map(_said, made)]
    assert _in_turn(places), "results of a later turn come before those of an earlier one"


def _unnamed(client: Client, received: Received, ids: list[str]) -> bool:
    """Gemini's calls need no ids: what its client was not told nobody can, and its requests go by name and number."""
    made_up = client.surface == GEMINI and len(set(ids)) == len(ids)
    return made_up or (protocol_of(received) == GEMINI and all("/" in call for call in ids))


def _plain(result: str) -> str:
    """What the tool said: a client of Gemini wraps it in an object, which may be passed on as it is."""
    try:
        wrapped = json.loads(result)
    except ValueError:
        return result
    return str(wrapped["output"]) if isinstance(wrapped, dict) and [*wrapped] == ["output"] else result


def _in_turn(places: Sequence[int]) -> bool:
    """Two results to a turn."""
    return all(max(places[at : at + 2]) < min(places[at + 2 : at + 4]) for at in range(0, len(places) - 2, 2))


@check(
    "translation/answer/signature",
    requirement="translated-thinking",
    feature="thinking",
    surfaces=(RESPONSES, MESSAGES, GEMINI),
    modes=BOTH,
    catches=(
        "drops-signature",
        "drops-thinking-upstream",
        "drops-encrypted-content-upstream",
        "keeps-the-last-thought-only",
    ),
)
async def test_reasoning_goes_back_to_the_provider_that_signed_it(client: Client, upstream: Upstream) -> None:
    replies = [
        Reply(thinking=(Thinking("Six by seven.", signature),), tool_calls=reply.tool_calls)
        for signature, reply in zip(SIGNATURES, TURNS, strict=False)
    ]
    *told, last = await _talk(client, upstream, replies)
    for answered, signature in zip(told, SIGNATURES, strict=True):
        if signature.encode() in answered.sent:
            assert signature in json.dumps(last.json), "the provider does not get back what it has signed"
