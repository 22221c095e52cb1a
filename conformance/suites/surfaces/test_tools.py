"""Tool use: ids, arguments and results, one call or several, one turn or more."""

import json
from collections.abc import Sequence

from conformance.api import (
    CHAT,
    EVERY_MODE,
    MESSAGES,
    OPENAI,
    Ask,
    Client,
    Mode,
    Reply,
    Tape,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Upstream,
    assert_kept,
    check,
    parse,
)

WEATHER = Tool("weather", "Today's weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
CLOCK = Tool("clock", "The time.", {"type": "object", "properties": {}})
ODD = (
    '{"zeta": 1.50, "alpha": 9007199254740991, "né": "\\u00e9\\u2028", "nested": [{"deep": [[], {}, null]}], '
    '"A": 1E5, "a": -0.0, "a ": 1.5e-07, "": "\\/\\ud83d\\ude00"}'
)


@check(
    "tools/ids", requirement="tool-calls-unchanged", feature="tools", modes=EVERY_MODE, catches=("rewrites-tool-ids",)
)
async def test_a_tool_call_keeps_its_id(client: Client, upstream: Upstream) -> None:
    call = ToolCall("call_Kq7xZ2mVbN4", "weather", '{"city": "Tromsø"}')
    script = await upstream.answers(Reply(tool_calls=(call,)))
    answer = await client.ask(Ask(script.prompt, tools=(WEATHER,)))
    assert _meant(answer.tool_calls) == _meant([call])
    assert answer.stop == "tool-use"


@check(
    "tools/parallel",
    requirement="tool-calls-unchanged",
    feature="tools",
    modes=EVERY_MODE,
    catches=("loses-second-tool-call", "merges-parallel-calls"),
)
async def test_parallel_calls_stay_apart(client: Client, upstream: Upstream) -> None:
    calls = tuple(ToolCall(f"call_{city}", "weather", json.dumps({"city": city})) for city in ("Oslo", "Lima", "Pune"))
    script = await upstream.answers(Reply(text="Three cities.", tool_calls=calls))
    answer = await client.ask(Ask(script.prompt, tools=(WEATHER,)))
    assert _meant(answer.tool_calls) == _meant(calls)


@check(
    "tools/empty-input",
    requirement="tool-calls-unchanged",
    feature="tools",
    modes=EVERY_MODE,
    catches=("drops-empty-arguments",),
)
async def test_a_call_without_arguments_is_still_a_call(client: Client, upstream: Upstream) -> None:
    call = ToolCall("call_now", "clock", "{}")
    script = await upstream.answers(Reply(tool_calls=(call,)))
    answer = await client.ask(Ask(script.prompt, tools=(CLOCK,)))
    assert _meant(answer.tool_calls) == _meant([call])


@check(
    "tools/arguments",
    requirement="tool-calls-unchanged",
    feature="tools",
    modes=EVERY_MODE,
    catches=("rounds-tool-numbers",),
)
async def test_arguments_keep_their_values_however_deep_or_long(client: Client, upstream: Upstream) -> None:
    call = ToolCall("call_odd", "weather", ODD)
    script = await upstream.answers(Reply(tool_calls=(call,)))
    answer = await client.ask(Ask(script.prompt, tools=(WEATHER,)))
    assert _meant(answer.tool_calls) == _meant([call])


@check(
    "tools/large-integers",
    requirement="json-means-the-same",
    feature="tools",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("rounds-tool-numbers",),
)
async def test_integers_that_no_double_holds_keep_every_digit(client: Client, upstream: Upstream) -> None:
    call = ToolCall("call_one", "weather", '{"station": 12345678901234567890}')
    script = await upstream.answers(Reply(tool_calls=(call,)))
    answer = await client.ask(Ask(script.prompt, tools=(WEATHER,)))
    assert _meant(answer.tool_calls) == _meant([call])


@check(
    "tools/arguments-verbatim",
    requirement="tool-arguments-verbatim",
    feature="tools",
    surfaces=OPENAI,
    modes=EVERY_MODE,
    catches=("reserialises-arguments",),
)
async def test_arguments_are_the_text_that_the_model_wrote(client: Client, upstream: Upstream) -> None:
    call = ToolCall("call_odd", "weather", ODD)
    script = await upstream.answers(Reply(tool_calls=(call,)))
    answer = await client.ask(Ask(script.prompt, tools=(WEATHER,)))
    assert answer.tool_calls == (call,)


@check(
    "tools/partial-json",
    requirement="tool-arguments-verbatim",
    feature="tools",
    surfaces=(MESSAGES,),
    modes=(Mode.ASYNC_STREAM,),
    catches=("reserialises-arguments",),
)
async def test_the_pieces_of_an_input_add_up_to_the_text_that_the_model_wrote(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    script = await upstream.answers(Reply(tool_calls=(ToolCall("call_odd", "weather", ODD),)))
    await client.ask(Ask(script.prompt, tools=(WEATHER,)))
    deltas = [event.json["delta"] for event in parse(tape.last.content).events if event.name == "content_block_delta"]
    assert "".join(delta.get("partial_json", "") for delta in deltas) == ODD


@check(
    "tools/definitions",
    requirement="request-unchanged",
    feature="tools",
    catches=("drops-tool-definitions-but-first", "strips-strict"),
)
async def test_tool_definitions_reach_the_provider_as_they_are(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    tools = client.body(Ask("", tools=(WEATHER, CLOCK)))["tools"]
    (tools[0]["function"] if client.surface == CHAT else tools[0])["strict"] = True
    await client.ask(Ask(script.prompt, fields={"tools": tools}))
    assert_kept((await script.received()).json["tools"], _sent(tape)["tools"], where="tools at the upstream")


@check("tools/choice", requirement="request-unchanged", feature="tools", catches=("drops-tool-choice",))
async def test_a_forced_tool_is_forced_at_the_provider(client: Client, upstream: Upstream, tape: Tape) -> None:
    choices = {
        "openai-chat": {"type": "function", "function": {"name": "weather"}},
        "openai-responses": {"type": "function", "name": "weather"},
        "anthropic-messages": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
    }
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, tools=(WEATHER,), fields={"tool_choice": choices[client.surface]}))
    assert (await script.received()).json.get("tool_choice") == _sent(tape)["tool_choice"]


@check(
    "tools/two-turns",
    requirement="request-unchanged",
    feature="tools",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("rewrites-tool-ids-upstream", "drops-tool-results", "reserialises-arguments-upstream"),
)
async def test_results_reach_the_provider_under_the_ids_of_their_calls(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    calls = (ToolCall("call_Oslo", "weather", '{"city":"Oslo"}'), ToolCall("call_Lima", "weather", '{"city": "Lima"}'))
    script = await upstream.answers(Reply(text="Both.", tool_calls=calls), Reply(text="Snow and sun."))
    first = await client.ask(Ask(script.prompt, tools=(WEATHER,)))
    results = tuple(ToolResult(call.id, f"fine in {call.id}") for call in first.tool_calls)
    second = await client.ask(Ask(script.prompt, tools=(WEATHER,), turns=(Turn(first, results),)))
    assert second.text == "Snow and sun."
    _, turn = await script.arrived(2)
    conversation = "input" if client.surface == "openai-responses" else "messages"
    assert_kept(turn.json[conversation], _sent(tape)[conversation], where="the second turn at the upstream")


def _meant(calls: Sequence[ToolCall]) -> list[tuple[str, str, object]]:
    """Calls by what they mean: their arguments as values, whatever the spelling."""
    return [(call.id, call.name, json.loads(call.arguments)) for call in calls]


def _sent(tape: Tape) -> dict[str, object]:
    body: dict[str, object] = json.loads(tape.last.sent)
    return body
