"""Tools that the provider's protocol cannot name, forbid or describe in the client's way."""

import json

from conformance.api import (
    BEDROCK,
    CHAT,
    MESSAGES,
    RESPONSES,
    VERTEX,
    Ask,
    Client,
    Reply,
    Tool,
    ToolCall,
    Upstream,
    check,
    protocol_of,
    understood,
)
from conformance.suites.translation.refusals import refused

LONG = "look_up_the_weather_of_today_and_of_the_coming_days_in_a_city_of_the_north_or_of_the_south"
LONGEST_AT_OPENAI = 64
TAKES_LONG_NAMES = (MESSAGES, BEDROCK, VERTEX)


@check(
    "translation/tools/none",
    requirement="translated-tool-choice",
    feature="tools",
    catches=("drops-tool-choice",),
)
async def test_a_client_that_wants_no_call_gets_none(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    wish = {"type": "none"} if client.surface == MESSAGES else "none"
    if await refused(client, Ask(script.prompt, tools=(Tool("weather"),), fields={"tool_choice": wish})):
        return
    seen = understood(await script.received())
    assert seen.choice == "none" or not seen.tools, f"the provider may call {', '.join(seen.tools)}"


@check(
    "translation/tools/none-at-once",
    requirement="translated-tool-choice",
    feature="tools",
    surfaces=(CHAT, RESPONSES),
    catches=("forbids-parallel-calls-of-none",),
)
async def test_forbidding_all_calls_is_not_mixed_with_forbidding_several(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    fields = {"tool_choice": "none", "parallel_tool_calls": False}
    if await refused(client, Ask(script.prompt, tools=(Tool("weather"),), fields=fields)):
        return
    choice = (await script.received()).json.get("tool_choice")
    assert not isinstance(choice, dict) or set(choice) == {"type"}, f"Anthropic refuses {choice}"


@check(
    "translation/tools/long-name",
    requirement="translated-tool-names",
    feature="tools",
    surfaces=(MESSAGES,),
    catches=("cuts-tool-names",),
)
async def test_a_name_that_the_provider_cannot_take_comes_back_as_it_was(client: Client, upstream: Upstream) -> None:
    asked = await upstream.answers()
    if await refused(client, Ask(asked.prompt, tools=(Tool(LONG),))):
        return
    received = await asked.received()
    (name,) = understood(received).tools
    assert protocol_of(received) in TAKES_LONG_NAMES or len(name) <= LONGEST_AT_OPENAI, f"the provider refuses {name}"
    called = await upstream.answers(Reply(tool_calls=(ToolCall("call_1", name, '{"city": "Oslo"}'),)))
    answer = await client.ask(Ask(called.prompt, tools=(Tool(LONG),)))
    assert [call.name for call in answer.tool_calls] == [LONG]


@check(
    "translation/tools/custom",
    requirement="translated-custom-tools",
    feature="tools",
    surfaces=(RESPONSES,),
    catches=("drops-custom-tools",),
)
async def test_a_freeform_tool_is_translated_or_refused_and_never_lost(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    tools = [{"type": "custom", "name": "apply_patch", "description": "Changes files."}]
    if await refused(client, Ask(script.prompt, fields={"tools": tools})):
        assert not await script.journal(), "refused, and yet the provider was asked"
        return
    assert "apply_patch" in json.dumps((await script.received()).json), "the provider was not told of the tool"
