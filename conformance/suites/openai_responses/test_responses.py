"""What the Responses surface owes beyond what every surface does."""

from conformance.api import (
    RESPONSES,
    Ask,
    Client,
    Mode,
    RedactedThinking,
    Reply,
    Tape,
    ToolCall,
    Upstream,
    assert_kept,
    check,
    parse,
)

ONLY = (RESPONSES,)
CODEX_TOOLS = [
    {"type": "function", "name": "exec_command", "strict": False, "parameters": {"type": "object", "properties": {}}},
    {"type": "namespace", "name": "multi_agent_v1", "description": "Agents.", "tools": []},
    {"type": "web_search", "external_web_access": False},
]


@check(
    "responses/output-item-done",
    requirement="every-item-is-done",
    feature="streaming",
    surfaces=ONLY,
    modes=(Mode.ASYNC_STREAM,),
    catches=("loses-item-done",),
)
async def test_every_item_is_said_to_be_done(client: Client, upstream: Upstream, tape: Tape) -> None:
    reply = Reply(
        text="On it.", thinking=(RedactedThinking("aGlkZGVu"),), tool_calls=(ToolCall("call_x", "exec_command", "{}"),)
    )
    script = await upstream.answers(reply)
    await client.ask(script.prompt)
    events = [event.json for event in parse(tape.last.content).without_done]
    done = [event["item"]["type"] for event in events if event["type"] == "response.output_item.done"]
    assert done == ["reasoning", "message", "function_call"]


@check(
    "responses/event-names",
    requirement="event-names-are-types",
    feature="streaming",
    surfaces=ONLY,
    modes=(Mode.ASYNC_STREAM,),
    catches=("drops-event-names",),
)
async def test_every_event_is_named_by_its_type(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    events = parse(tape.last.content).without_done
    assert [event.name for event in events] == [event.json["type"] for event in events]


@check(
    "responses/completed-id",
    requirement="completed-carries-id",
    feature="streaming",
    surfaces=ONLY,
    modes=(Mode.ASYNC_STREAM,),
    catches=("loses-terminal", "loses-completed-id"),
)
async def test_the_last_event_carries_the_id_of_the_response(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    events = [event.json for event in parse(tape.last.content).without_done]
    assert events[-1]["type"] == "response.completed"
    assert events[-1]["response"]["id"] == events[0]["response"]["id"]


@check(
    "responses/codex-tools",
    requirement="tool-types-pass",
    feature="tools",
    surfaces=ONLY,
    catches=("knows-only-function-tools",),
)
async def test_tools_of_other_types_than_function_reach_the_provider(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, fields={"tools": CODEX_TOOLS, "parallel_tool_calls": True}))
    assert_kept((await script.received()).json.get("tools"), CODEX_TOOLS, where="tools at the upstream")


@check(
    "responses/continued",
    requirement="request-unchanged",
    feature="body",
    surfaces=ONLY,
    catches=("drops-continuation",),
)
async def test_a_response_can_be_continued_by_its_id(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="one"), Reply(text="two"))
    first = await client.ask(script.prompt)
    await client.ask(Ask(script.prompt, fields={"previous_response_id": first.id, "store": True}))
    _, second = await script.arrived(2)
    assert second.json.get("previous_response_id", "").encode() in (await script.journal())[0].sent
    assert second.json.get("previous_response_id")
