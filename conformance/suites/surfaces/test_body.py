"""Bodies: nothing added, nothing lost, nothing rewritten, both ways; the model's name aside, which may be an alias."""

import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

from conformance.api import (
    MESSAGES,
    OPENAI,
    Ask,
    Client,
    Mode,
    Reply,
    Surface,
    Tape,
    Thinking,
    Tool,
    ToolCall,
    Upstream,
    assert_kept,
    assert_unchanged,
    check,
)

SCHEMA = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"], "additionalProperties": False}
DOCUMENTED: dict[Surface, dict[str, Any]] = {
    Surface.OPENAI_CHAT: {
        "metadata": {"team": "fjord"},
        "user": "user-1234",
        "seed": 7,
        "max_completion_tokens": 512,
        "parallel_tool_calls": False,
        "prompt_cache_key": "cache-1",
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA}},
        "safety_identifier": "safe-1",
        "service_tier": "default",
        "store": False,
        "verbosity": "low",
        "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}}],
    },
    Surface.OPENAI_RESPONSES: {
        "instructions": "Be brief.",
        "include": ["reasoning.encrypted_content"],
        "max_output_tokens": 512,
        "max_tool_calls": 3,
        "metadata": {"team": "fjord"},
        "parallel_tool_calls": False,
        "prompt_cache_key": "cache-1",
        "reasoning": {"effort": "low", "summary": "auto"},
        "safety_identifier": "safe-1",
        "service_tier": "default",
        "store": False,
        "text": {"format": {"type": "json_schema", "name": "n", "strict": True, "schema": SCHEMA}, "verbosity": "low"},
        "tools": [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": True}, {"type": "web_search"}],
        "truncation": "disabled",
    },
    Surface.ANTHROPIC_MESSAGES: {
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "metadata": {"user_id": "user-1234"},
        "output_config": {"effort": "low"},
        "service_tier": "standard_only",
        "stop_sequences": ["END", "FIN"],
        "thinking": {"type": "adaptive", "display": "omitted"},
        "tools": [{"name": "f", "input_schema": SCHEMA, "strict": True, "cache_control": {"type": "ephemeral"}}],
    },
}
NUMBERS = {
    "type": "object",
    "properties": {"n": {"minimum": 1.5e-07, "maximum": 2**53 - 1, "multipleOf": 0.1}},
}


@check(
    "body/request-unchanged",
    requirement="request-unchanged",
    feature="body",
    catches=("drops-metadata", "strips-strict"),
)
async def test_no_documented_field_is_lost_or_changed(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, fields=DOCUMENTED[client.surface]))
    received, sent = (await script.received()).json, json.loads(tape.last.sent)
    assert_kept(received, sent, where="the request at the upstream", aside=("model",))


@check(
    "body/model",
    requirement="model-as-configured",
    feature="body",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("renames-model-upstream",),
)
async def test_the_model_asked_for_is_the_model_called(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    assert (await script.received()).json["model"] == client.door.upstream_model


@check(
    "body/nothing-added",
    requirement="request-nothing-added",
    feature="body",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("injects-field",),
)
async def test_no_field_is_added_to_the_request(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    added = (await script.received()).json.keys() - json.loads(tape.last.sent).keys()
    assert not added, f"added to the request: {', '.join(sorted(added))}"


@check(
    "body/unknown-fields",
    requirement="unknown-fields-kept",
    feature="body",
    surfaces=OPENAI,
    catches=("drops-unknown-fields", "drops-nested-unknown-fields"),
)
async def test_fields_nobody_has_heard_of_reach_the_provider(client: Client, upstream: Upstream) -> None:
    await _unknown_fields_arrive(client, upstream)


@check(
    "body/unknown-fields-messages",
    requirement="forward-body-fields",
    feature="body",
    surfaces=(MESSAGES,),
    catches=("drops-unknown-fields", "drops-nested-unknown-fields"),
)
async def test_fields_nobody_has_heard_of_reach_anthropic(client: Client, upstream: Upstream) -> None:
    await _unknown_fields_arrive(client, upstream)


async def _unknown_fields_arrive(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    name = f"field_{uuid4().hex[:8]}"
    tools = client.body(Ask("", tools=(Tool("f"),)))["tools"]
    tools[0][name] = "kept"
    await client.ask(Ask(script.prompt, fields={name: {"nested": [1, None, {"deep": True}]}, "tools": tools}))
    received = (await script.received()).json
    assert received.get(name) == {"nested": [1, None, {"deep": True}]}, f"the upstream received no {name}"
    assert received["tools"][0].get(name) == "kept", f"the upstream received no {name} in the tool"


@check("body/numbers", requirement="request-unchanged", feature="body", catches=("rounds-numbers",))
async def test_numbers_keep_their_precision(client: Client, upstream: Upstream, tape: Tape) -> None:
    await _numbers_kept(client, upstream, tape, NUMBERS)


@check("body/large-integers", requirement="json-means-the-same", feature="body", catches=("rounds-numbers",))
async def test_integers_that_no_double_holds_keep_every_digit(client: Client, upstream: Upstream, tape: Tape) -> None:
    large = {"type": "object", "properties": {"n": {"maximum": 12345678901234567890}}}
    await _numbers_kept(client, upstream, tape, large)


async def _numbers_kept(client: Client, upstream: Upstream, tape: Tape, schema: dict[str, Any]) -> None:
    script = await upstream.answers()
    tools = client.body(Ask("", fields={"tools": DOCUMENTED[client.surface]["tools"]}))["tools"]
    tools = json.loads(json.dumps(tools).replace(json.dumps(SCHEMA), json.dumps(schema)))
    await client.ask(Ask(script.prompt, fields={"tools": tools}))
    got, sent = (_schema(_exact(body)["tools"][0]) for body in ((await script.received()).body, tape.last.sent))
    assert got == sent, f"the schema {sent} became {got}"


@check("body/nulls", requirement="unknown-fields-kept", feature="body", catches=("drops-nulls",))
async def test_null_is_not_the_same_as_absent(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, fields={"service_tier": None}))
    assert "service_tier" in (await script.received()).json, "the upstream received no service_tier"


@check("body/large", requirement="large-requests", feature="body", catches=("cuts-large-bodies",))
async def test_two_megabytes_of_prompt_are_fine(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    long = "All work and no play. " * 95_000
    await client.ask(f"{script.prompt} {long}")
    assert len((await script.received()).body) > len(long)


@check(
    "body/answer-unchanged",
    requirement="answer-unchanged",
    feature="body",
    catches=("adds-answer-field", "drops-null-answer-fields", "drops-unknown-answer-fields"),
)
async def test_the_answer_is_unchanged_field_for_field(client: Client, upstream: Upstream, tape: Tape) -> None:
    reply = Reply(
        text="A rich answer.",
        thinking=(Thinking("With thought.", "c2lnbmVk"),),
        tool_calls=(ToolCall("call_a", "f", '{"n": 1}'),),
        extra={"field_of_tomorrow": {"kept": [True, None]}},
    )
    script = await upstream.answers(reply)
    await client.ask(script.prompt)
    assert_unchanged(tape.last.json, (await script.received()).sent_json, where="the answer", aside=("model",))


def _schema(tool: dict[str, Any]) -> Any:
    tool = tool.get("function", tool)
    return tool.get("input_schema", tool.get("parameters"))


def _exact(body: bytes) -> Any:
    return json.loads(body, parse_float=Decimal)
