"""Requests with all that the SDKs document, and with what nobody has documented yet: all of it arrives."""

from typing import Any
from uuid import uuid4

from conformance.api import CHAT, MESSAGES, OPENAI, RESPONSES, Client, Http, Surface, Upstream, check, documented
from conformance.suites.surfaces.raw import Sender, Variant, options_apart, refused, silent, turns_apart

_OLDER: dict[Surface, dict[str, list[Any]]] = {MESSAGES: {"temperature": [0.25], "top_p": [0.25], "top_k": [3]}}
"""What only the generation 2023-06-01 of Messages takes: today's SDK has no fields for it."""


@check(
    "body/documented-fields",
    requirement="request-unchanged",
    feature="body",
    catches=("drops-newer-fields", "caps-token-limits", "knows-three-efforts"),
)
async def test_every_documented_option_reaches_the_provider_in_every_form(
    client: Client, http: Http, upstream: Upstream
) -> None:
    options = documented.options(client.surface) | _OLDER.get(client.surface, {})
    at_once = (Variant(fields | {"stream": True}) for fields in documented.together(options))
    await Sender(client, http, upstream).unharmed(at_once, options_apart(options), aside=refused)


@check(
    "body/documented-turns",
    requirement="request-unchanged",
    feature="body",
    catches=("knows-plain-content", "strips-cache-control", "drops-citations-upstream"),
)
async def test_every_documented_message_block_and_item_reaches_the_provider(
    client: Client, http: Http, upstream: Upstream
) -> None:
    turns = [turn for turn in documented.turns(client.surface) if turn.get("role") != "developer"]
    await Sender(client, http, upstream).unharmed([Variant(turns=turns)], turns_apart(turns), aside=refused)


@check(
    "body/nothing-refused",
    requirement="parameters-are-the-providers-business",
    feature="body",
    catches=("rejects-by-own-model-map", "refuses-what-it-does-not-know"),
)
async def test_nothing_that_is_documented_is_refused_by_the_gateway(
    client: Client, http: Http, upstream: Upstream
) -> None:
    surface = client.surface
    options, tools, turns = documented.options(surface), documented.tools(surface), documented.turns(surface)
    offered = [Variant({"tools": [tool]}, name=f"tool {tool.get('type', 'custom')}") for tool in tools]
    named = [tool for tool in tools if "a_name" in str(tool)][:1]
    chosen = [Variant({"tools": named, "tool_choice": choice}, name="choice") for choice in documented.choices(surface)]
    at_once = [Variant(fields | {"stream": True}) for fields in documented.together(options)]
    at_once += [Variant({"tools": tools}, turns), *chosen]
    apart = [*options_apart(options), *offered, *chosen, *turns_apart(turns)]
    await Sender(client, http, upstream).unharmed(at_once, apart, aside=silent)


@check(
    "body/unknown-within",
    requirement="unknown-fields-kept",
    feature="body",
    surfaces=OPENAI,
    catches=("drops-nested-unknown-fields", "drops-unknown-fields"),
)
async def test_unknown_fields_at_every_level_reach_the_provider(client: Client, http: Http, upstream: Upstream) -> None:
    await _unknown_fields_arrive(Sender(client, http, upstream))


@check(
    "body/unknown-within-messages",
    requirement="forward-body-fields",
    feature="body",
    surfaces=(MESSAGES,),
    catches=("drops-nested-unknown-fields", "drops-unknown-fields"),
)
async def test_unknown_fields_at_every_level_reach_anthropic(client: Client, http: Http, upstream: Upstream) -> None:
    await _unknown_fields_arrive(Sender(client, http, upstream))


async def _unknown_fields_arrive(sender: Sender) -> None:
    surface, name = sender.client.surface, f"field_{uuid4().hex[:8]}"
    kept: dict[str, Any] = {"kept": [True, None, "", [], {}]}

    def strange(value: Any) -> Any:
        return documented.with_field_everywhere(value, name, kept)

    options = [strange(fields) for fields in documented.together(documented.options(surface))]
    tools, turns = strange(documented.tools(surface)), strange(documented.turns(surface))
    apart = [Variant(fields, name="options") for fields in options]
    apart += [Variant({"tools": [tool]}, name=f"tool {tool.get('type', 'custom')}") for tool in tools]
    await sender.unharmed([Variant({"tools": tools}, turns), *apart[:1]], [*apart, *turns_apart(turns)])


@check(
    "body/unknown-types",
    requirement="unknown-fields-kept",
    feature="body",
    surfaces=OPENAI,
    catches=("knows-plain-content", "knows-only-function-tools", "knows-three-efforts"),
)
async def test_types_and_values_that_are_still_to_come_reach_the_provider(
    client: Client, http: Http, upstream: Upstream
) -> None:
    await _unknown_types_arrive(Sender(client, http, upstream))


@check(
    "body/unknown-types-messages",
    requirement="forward-body-fields",
    feature="body",
    surfaces=(MESSAGES,),
    catches=("knows-plain-content", "knows-only-function-tools", "knows-three-efforts"),
)
async def test_types_and_values_that_are_still_to_come_reach_anthropic(
    client: Client, http: Http, upstream: Upstream
) -> None:
    await _unknown_types_arrive(Sender(client, http, upstream))


async def _unknown_types_arrive(sender: Sender) -> None:
    unheard = f"unheard_{uuid4().hex[:8]}"
    block = {"type": unheard, "detail": {"since": "2099-01-01"}}
    variants = [
        Variant({"tools": [{"type": unheard, "name": "of_tomorrow", "options": {"deep": [1]}}]}, name="tool"),
        Variant({"service_tier": unheard}, name="service_tier"),
        Variant(_effort(sender.client.surface, unheard), name="effort"),
        Variant(turns=[{"role": "user", "content": [block]}], name="content block"),
    ]
    if sender.client.surface == RESPONSES:
        variants.append(Variant(turns=[block], name="item"))
    await sender.unharmed(variants, variants)


def _effort(surface: Surface, effort: str) -> dict[str, Any]:
    if surface == CHAT:
        return {"reasoning_effort": effort}
    return {"reasoning": {"effort": effort}} if surface == RESPONSES else {"output_config": {"effort": effort}}


@check(
    "body/explicit-values",
    requirement="explicit-values-kept",
    feature="body",
    catches=("drops-nulls", "drops-empty-values", "drops-defaults"),
)
async def test_a_value_that_is_empty_or_the_default_is_still_said(
    client: Client, http: Http, upstream: Upstream
) -> None:
    fields = _EXPLICIT[client.surface]
    apart = [Variant({name: value}, name=name) for name, value in fields.items()]
    await Sender(client, http, upstream).unharmed([Variant(fields)], apart)


_EXPLICIT: dict[Surface, dict[str, Any]] = {
    CHAT: {
        "stream": False,
        "n": 1,
        "temperature": 1,
        "presence_penalty": 0,
        "logprobs": False,
        "store": False,
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "response_format": {"type": "text"},
        "metadata": {},
        "logit_bias": {},
        "stop": [],
        "user": "",
        "seed": None,
        "tools": [{"type": "function", "function": {"name": "f", "description": "", "parameters": {}, "strict": None}}],
    },
    RESPONSES: {
        "stream": False,
        "instructions": "",
        "temperature": 1,
        "truncation": "disabled",
        "store": True,
        "background": False,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "metadata": {},
        "include": [],
        "text": {"format": {"type": "text"}},
        "reasoning": {"effort": None, "summary": None},
        "previous_response_id": None,
        "tools": [{"type": "function", "name": "f", "description": "", "parameters": {}, "strict": None}],
    },
    MESSAGES: {
        "stream": False,
        "system": [],
        "stop_sequences": [],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": False},
        "thinking": {"type": "disabled"},
        "service_tier": "auto",
        "metadata": {"user_id": None},
        "container": None,
        "cache_control": None,
        "tools": [
            {"name": "f", "description": "", "input_schema": {"type": "object", "required": []}, "strict": False}
        ],
    },
}


@check(
    "body/nothing-added-within",
    requirement="request-nothing-added",
    feature="body",
    catches=("labels-tools", "marks-last-message"),
)
async def test_nothing_is_added_to_tools_messages_and_items(client: Client, http: Http, upstream: Upstream) -> None:
    sender = Sender(client, http, upstream)
    turns, tools = documented.turns(client.surface), documented.tools(client.surface)
    differing = await sender.differing(Variant({"tools": tools}, turns))
    found = [line for line in differing if line.startswith("added ")]
    assert not found, "; ".join(found[:12])
