"""Tools that the provider's protocol cannot name, forbid or describe in the client's way."""

import json
import re
from typing import Any

from conformance.api import (
    AZURE,
    BEDROCK,
    CHAT,
    GEMINI,
    MESSAGES,
    RESPONSES,
    VERTEX,
    Ask,
    Client,
    Reply,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Upstream,
    check,
    protocol_of,
    understood,
)
from conformance.suites.translation.refusals import refused
from conformance.suites.translation.replies import BOTH, HUBS

LONG = "look_up_the_weather_of_today_and_of_the_coming_days_in_a_city_of_the_north_or_of_the_south"
NO_CALL: dict[str, dict[str, object]] = {
    CHAT: {"tool_choice": "none"},
    RESPONSES: {"tool_choice": "none"},
    MESSAGES: {"tool_choice": {"type": "none"}},
    GEMINI: {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}},
}
DOTTED = "db.query"
OPENAIS_NAMES, CLAUDES_NAMES = re.compile(r"[\w-]{1,64}", re.ASCII), re.compile(r"[\w-]{1,128}", re.ASCII)
NAMES = {
    **dict.fromkeys((MESSAGES, BEDROCK, VERTEX), CLAUDES_NAMES),
    GEMINI: re.compile(r"[a-zA-Z_][\w.:-]{0,127}", re.ASCII),
}
PATCH = "*** Begin Patch\n+x = '{\"a\": 1.50} é \\\\'\n*** End Patch\n"
APPLY_PATCH = {"type": "custom", "name": "apply_patch", "description": "Changes files."}


@check(
    "translation/tools/none",
    requirement="translated-tool-choice",
    feature="tools",
    surfaces=HUBS,
    catches=("drops-tool-choice",),
)
async def test_a_client_that_wants_no_call_gets_none(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    if await refused(client, Ask(script.prompt, tools=(Tool("weather"),), fields=NO_CALL[client.surface])):
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
    surfaces=(RESPONSES, MESSAGES, GEMINI),
    catches=("cuts-tool-names", "writes-dots-as-underscores"),
)
async def test_a_name_that_the_provider_cannot_take_comes_back_as_it_was(client: Client, upstream: Upstream) -> None:
    own = LONG if client.surface == MESSAGES else DOTTED
    asked = await upstream.answers()
    if await refused(client, Ask(asked.prompt, tools=(Tool(own),))):
        return
    received = await asked.received()
    (name,) = understood(received).tools
    taken = NAMES.get(protocol_of(received), OPENAIS_NAMES)
    spoilt = client.surface == RESPONSES and name == DOTTED  # no name for OpenAI either: to pass it on is fair
    assert taken.fullmatch(name) or spoilt, f"the provider refuses {name}"
    called = await upstream.answers(Reply(tool_calls=(ToolCall("call_1", name, '{"city": "Oslo"}'),)))
    answer = await client.ask(Ask(called.prompt, tools=(Tool(own),)))
    assert [call.name for call in answer.tool_calls] == [own]


@check(
    "translation/tools/custom",
    requirement="translated-custom-tools",
    feature="tools",
    surfaces=(RESPONSES,),
    modes=BOTH,
    catches=("drops-custom-tools", "custom-becomes-function", "drops-tool-results"),
)
async def test_a_freeform_tool_is_called_and_answered_or_refused_and_never_lost(
    client: Client, upstream: Upstream
) -> None:
    script = await upstream.answers()
    if await refused(client, Ask(script.prompt, fields={"tools": [APPLY_PATCH]})):
        assert not await script.journal(), "refused, and yet the provider was asked"
        return
    received = await script.received()
    found = [(name, schema) for name, schema in understood(received).tools.items() if "apply_patch" in name]
    assert found, "the provider was not told of the tool"
    if protocol_of(received) in (CHAT, AZURE) and found[0][1] is None and "/chat/" in received.path:
        return  # it has such tools itself
    await _patched(client, upstream, *found[0])


async def _patched(client: Client, upstream: Upstream, name: str, schema: dict[str, Any] | None) -> None:
    """The model calls the tool as the provider knows it: there it has one argument, or takes text."""
    (argument,) = (schema or {}).get("properties", {"input": {}})
    given = {argument: PATCH}
    script = await upstream.answers(Reply(tool_calls=(ToolCall("callPatch", name, json.dumps(given)),)), Reply())
    first = await client.ask(Ask(script.prompt, fields={"tools": [APPLY_PATCH]}))
    called = [item for item in first.raw["output"] if item["type"].endswith("_call")]
    assert [(item["type"], item["name"], item.get("input")) for item in called] == [
        ("custom_tool_call", "apply_patch", PATCH)
    ]
    done = Turn(first, (ToolResult(called[0]["call_id"], "Patched."),))
    await client.ask(Ask(script.prompt, turns=(done,), fields={"tools": [APPLY_PATCH]}))
    _, again = await script.arrived(2)
    seen = understood(again)
    assert seen.calls == (("callPatch", name, given),)
    assert seen.results == (("callPatch", "Patched."),)
