"""Tools as clients define, choose and answer them: every documented form, and what models and users make of it."""

import json
from typing import Any

from conformance.api import CHAT, MESSAGES, RESPONSES, Client, Http, Surface, Upstream, check, documented
from conformance.suites.surfaces.raw import Sender, Variant, refused

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Order",
    "type": "object",
    "$defs": {
        "node": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}
    },
    "properties": {
        "zone": {"type": ["string", "null"], "format": "date-time", "examples": ["", None]},
        "type": {"const": "tool_use", "description": "A property of that name, not a type."},
        "cache_control": {"type": "string", "description": "The user's own, not the API's."},
        "strict": {"enum": [True, 1, "1", None]},
        "alpha": {"type": "integer", "minimum": -9007199254740991, "exclusiveMaximum": 9007199254740991},
        "Alpha": {"type": "string", "pattern": "^\\d{3}-\\u00e9?$", "minLength": 0},
        "nothing": {"const": None},
        "list": {"type": "array", "prefixItems": [{}, True], "items": False, "uniqueItems": False},
        "tree": {"$ref": "#/$defs/node"},
    },
    "required": [],
    "additionalProperties": False,
    "x-vendor": {"kept": []},
}


@check(
    "tools/documented-types",
    requirement="request-unchanged",
    feature="tools",
    catches=("knows-only-function-tools", "strips-strict"),
)
async def test_tools_of_every_documented_type_reach_the_provider(
    client: Client, http: Http, upstream: Upstream
) -> None:
    tools = documented.tools(client.surface)
    apart = [Variant({"tools": [tool]}, name=f"tool {tool.get('type', 'custom')}") for tool in tools]
    await Sender(client, http, upstream).unharmed([Variant({"tools": tools})], apart, aside=refused)


@check(
    "tools/choice-forms",
    requirement="request-unchanged",
    feature="tools",
    catches=("drops-tool-choice", "flattens-tool-choice"),
)
async def test_every_documented_choice_of_tools_reaches_the_provider(
    client: Client, http: Http, upstream: Upstream
) -> None:
    choices, tools = documented.choices(client.surface), [_tool(client.surface, "a_name")]
    each = [Variant({"tools": tools, "tool_choice": choice}, name=f"tool_choice {choice}") for choice in choices]
    await Sender(client, http, upstream).unharmed(each, each, aside=refused)


@check(
    "tools/schemas",
    requirement="request-unchanged",
    feature="tools",
    catches=("cleans-schemas", "strips-cache-control", "drops-nulls"),
)
async def test_a_schema_reaches_the_provider_with_all_that_json_schema_knows(
    client: Client, http: Http, upstream: Upstream
) -> None:
    variant = Variant({"tools": [_tool(client.surface, "order", SCHEMA)]}, name="schema")
    await Sender(client, http, upstream).unharmed([variant], [variant])


@check("tools/many", requirement="request-unchanged", feature="tools", catches=("caps-tools", "shortens-tool-names"))
async def test_128_tools_with_names_of_64_characters_reach_the_provider(
    client: Client, http: Http, upstream: Upstream
) -> None:
    tools = [_tool(client.surface, f"mcp__server-{number:03}__".ljust(64, "q")) for number in range(128)]
    variant = Variant({"tools": tools}, name="128 tools")
    await Sender(client, http, upstream).unharmed([variant], [variant])


@check(
    "tools/names",
    requirement="parameters-are-the-providers-business",
    feature="tools",
    catches=("cleans-tool-names", "shortens-tool-names"),
)
async def test_whether_a_name_is_fit_for_a_tool_is_for_the_provider_to_say(
    client: Client, http: Http, upstream: Upstream
) -> None:
    names = ("db.query", "files/read", "wetter_für_morgen", "n" * 128, "9lives", "$ref")
    each = [Variant({"tools": [_tool(client.surface, name)]}, name=name) for name in names]
    await Sender(client, http, upstream).unharmed(each, each)


@check(
    "tools/results",
    requirement="request-unchanged",
    feature="tools",
    catches=("drops-tool-results", "drops-result-media", "drops-empty-results", "loses-is-error"),
)
async def test_results_of_every_kind_reach_the_provider(client: Client, http: Http, upstream: Upstream) -> None:
    results = _RESULTS[client.surface]
    await Sender(client, http, upstream).unharmed(
        [Variant(turns=_answered(client.surface, results))],
        [Variant(turns=_answered(client.surface, [result]), name=f"result {result}") for result in results],
    )


_TEXT = {"type": "text", "text": "north"}
_INPUT_TEXT = {"type": "input_text", "text": "north"}
_RESULTS: dict[Surface, list[dict[str, Any]]] = {
    CHAT: [
        {"content": "plain"},
        {"content": ""},
        {"content": [_TEXT, {"type": "text", "text": ""}]},
        {"content": '{"error": null, "n": 1.50}'},
    ],
    RESPONSES: [
        {"output": "plain", "status": "completed"},
        {"output": ""},
        {
            "output": [
                _INPUT_TEXT,
                {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "low"},
            ]
        },
        {
            "output": [
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQK"}
            ]
        },
        {"output": '{"error": null, "n": 1.50}', "status": "incomplete", "id": "fc_of_the_client"},
    ],
    MESSAGES: [
        {"content": "plain", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"content": ""},
        {},
        {"content": "it broke", "is_error": True},
        {
            "content": [
                {**_TEXT, "cache_control": {"type": "ephemeral"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "A report."}},
                {
                    "type": "search_result",
                    "source": "s",
                    "title": "t",
                    "content": [_TEXT],
                    "citations": {"enabled": True},
                },
            ]
        },
    ],
}


@check(
    "tools/replayed-arguments",
    requirement="tool-arguments-verbatim",
    feature="tools",
    catches=("reserialises-arguments-upstream", "repairs-arguments-upstream"),
    surfaces=(CHAT, RESPONSES),
)
async def test_arguments_of_earlier_calls_go_back_as_the_model_wrote_them(
    client: Client, http: Http, upstream: Upstream
) -> None:
    written = ('{"b":1.10,"a":1E5,"b":2}', '{"path": "a', "", " ", "null", "[]", '"text"', '{"né":"\\u00e9\\ud83d"}')
    calls = [_call(client.surface, f"call_{number}", text) for number, text in enumerate(written)]
    each = [
        Variant(turns=_turns(client.surface, [call], [{}]), name=text)
        for call, text in zip(calls, written, strict=True)
    ]
    await Sender(client, http, upstream).unharmed(each, each)


@check(
    "messages/replayed-input",
    requirement="forward-body-fields",
    feature="tools",
    surfaces=(MESSAGES,),
    catches=("strips-cache-control", "drops-nulls", "rounds-numbers"),
)
async def test_the_input_of_earlier_calls_is_the_models_own_and_no_part_of_the_api(
    client: Client, http: Http, upstream: Upstream
) -> None:
    held = {
        "cache_control": {"type": "ephemeral"},
        "type": "text",
        "nothing": None,
        "empty": ["", [], {}],
        "ratio": 0.12345678901234567,
        "is_error": False,
        "nested": {"signature": "", "thinking": "", "citations": None},
    }
    variant = Variant(turns=_turns(MESSAGES, [_call(MESSAGES, "toolu_1", json.dumps(held))], [{"content": "ok"}]))
    await Sender(client, http, upstream).unharmed([variant], [variant])


def _tool(surface: Surface, name: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    described = {"name": name, "description": f"What {name} does.\n" * 3}
    schema = schema or {"type": "object", "properties": {}}
    if surface == MESSAGES:
        return described | {"input_schema": schema}
    function = described | {"parameters": schema}
    return {"type": "function", "function": function} if surface == CHAT else {"type": "function", **function}


def _answered(surface: Surface, results: list[dict[str, Any]]) -> list[Any]:
    """One turn of parallel calls, and a result for each."""
    calls = [_call(surface, f"call_{number}", "{}") for number in range(len(results))]
    return _turns(surface, calls, results)


def _call(surface: Surface, call_id: str, arguments: str) -> dict[str, Any]:
    if surface == CHAT:
        return {"id": call_id, "type": "function", "function": {"name": "look", "arguments": arguments}}
    if surface == RESPONSES:
        return {"type": "function_call", "call_id": call_id, "name": "look", "arguments": arguments}
    return {"type": "tool_use", "id": call_id, "name": "look", "input": json.loads(arguments)}


def _turns(surface: Surface, calls: list[dict[str, Any]], results: list[dict[str, Any]]) -> list[Any]:
    pairs = list(zip(calls, results, strict=True))
    if surface == CHAT:
        told = [{"role": "tool", "tool_call_id": call["id"], "content": "ok", **result} for call, result in pairs]
        return [{"role": "assistant", "tool_calls": calls}, *told]
    if surface == RESPONSES:
        told = [
            {"type": "function_call_output", "call_id": call["call_id"], "output": "ok", **result}
            for call, result in pairs
        ]
        return [*calls, *told]
    told = [{"type": "tool_result", "tool_use_id": call["id"], **result} for call, result in pairs]
    return [{"role": "assistant", "content": calls}, {"role": "user", "content": told}]
