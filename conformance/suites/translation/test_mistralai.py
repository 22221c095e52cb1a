"""Mistral's SDK, whose Chat Completions are OpenAI's but for what it refuses to read.

It has no place for the pieces in which OpenAI streams calls, which no gateway on this surface may send otherwise.
"""

import json

from conformance.api import (
    CHAT,
    Ask,
    Client,
    Mode,
    ProviderError,
    Reply,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Upstream,
    Usage,
    check,
    understood,
)

BOTH = (Mode.MISTRALAI, Mode.MISTRALAI_STREAM)
CALLS = (ToolCall("call_Oslo1", "weather", '{"city": "Oslo"}'), ToolCall("call_now22", "clock", "{}"))
TEXT = "The fjord froze over: nai\u0308ve, 日本語, line\u2028next. The end."
BUSY = Reply(text="Let me look.", tool_calls=CALLS, usage=Usage(input=21, output=13))


@check(
    "translation/mistralai/answer",
    requirement="mistralais-chat",
    feature="tools",
    surfaces=(CHAT,),
    modes=(Mode.MISTRALAI,),
    catches=("loses-second-tool-call", "drops-tool-results"),
)
async def test_mistrals_sdk_reads_calls_and_sends_their_results(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(BUSY, Reply(text="Snow."))
    tools = (Tool("weather"), Tool("clock"))
    first = await client.ask(Ask(script.prompt, tools=tools))
    assert (first.text, first.stop) == (BUSY.text, "tool-use")
    assert [(call.name, json.loads(call.arguments)) for call in first.tool_calls] == [
        (call.name, json.loads(call.arguments)) for call in CALLS
    ]
    results = tuple(ToolResult(call.id, f"result of {call.name}") for call in first.tool_calls)
    assert (await client.ask(Ask(script.prompt, tools=tools, turns=(Turn(first, results),)))).text == "Snow."
    _, turn = await script.arrived(2)
    asked = understood(turn)
    assert asked.results == tuple((call, f"result of {name}") for call, name, _ in asked.calls)


@check(
    "translation/mistralai/stream",
    requirement="mistralais-chat",
    feature="streaming",
    surfaces=(CHAT,),
    modes=(Mode.MISTRALAI_STREAM,),
    catches=("repeats-a-delta", "mangles-unicode"),
)
async def test_mistrals_sdk_reads_a_stream_to_its_end(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=TEXT, stop="length"))
    answer = await client.ask(script.prompt)
    assert (answer.text, answer.stop) == (TEXT, "length")


@check(
    "translation/mistralai/errors",
    requirement="mistralais-chat",
    feature="errors",
    surfaces=(CHAT,),
    modes=BOTH,
    catches=("flattens-status", "hides-the-message"),
)
async def test_mistrals_sdk_raises_what_the_provider_said(client: Client, upstream: Upstream) -> None:
    for status in (400, 429, 503):
        script = await upstream.answers(Reply(error=ProviderError(status=status, message="told by script")))
        failure = await client.fails(script.prompt)
        assert failure.status == status
        assert "told by script" in failure.message
