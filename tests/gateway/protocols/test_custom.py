"""Codex's tools elsewhere: custom ones as functions with one string, namespaces flattened, hosted ones named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.protocols import CODECS, hub
from gateway.protocols.names import Names
from gateway.protocols.responses import RESPONSES
from gateway.protocols.responses.custom import Unwrapping, unwrapped, wrapped

if TYPE_CHECKING:
    from gateway.surfaces import Protocol

PATCH = '*** Begin Patch\n+"é" \\ \U0001f600\n*** End Patch'
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}
TOOLS: list[dict[str, Any]] = [
    {"type": "custom", "name": "apply_patch", "description": "Patches.", "format": GRAMMAR},
    {
        "type": "namespace",
        "name": "crm",
        "description": "Customers.",
        "tools": [{"type": "function", "name": "find", "parameters": {"type": "object"}}],
    },
    {"type": "function", "name": "find", "parameters": {"type": "object"}},
    {"type": "web_search"},
    {"type": "local_shell"},
]
INPUT = [
    {"role": "user", "content": "Patch it."},
    {"type": "custom_tool_call", "call_id": "call_1", "name": "apply_patch", "input": PATCH},
    {"type": "function_call", "call_id": "call_2", "name": "find", "namespace": "crm", "arguments": "{}"},
    {"type": "custom_tool_call_output", "call_id": "call_1", "output": "done"},
    {"type": "function_call_output", "call_id": "call_2", "output": "nobody"},
]
OTHERS = ("openai-chat", "anthropic-messages", "gemini", "mistral")


def asked(protocol: Protocol) -> tuple[hub.Request, hub.Request, Names]:
    """The client's request, what the provider's own reading of it is, and the names between them."""
    choice = {"type": "custom", "name": "apply_patch"}
    request = RESPONSES.read_request({"model": "m", "input": INPUT, "tools": TOOLS, "tool_choice": choice})
    names = Names.of(request, CODECS[protocol])
    written = json.loads(json.dumps(CODECS[protocol].write_request(names.written(request))))
    return request, CODECS[protocol].read_request({"model": "m", **written}), names


@pytest.mark.parametrize("protocol", OTHERS)
def test_the_provider_gets_functions(protocol: Protocol) -> None:
    request, understood, _ = asked(protocol)
    assert [tool.name for tool in understood.tools] == ["apply_patch", "crm__find", "find"]
    assert understood.tools[0].parameters["required"] == ["input"]
    assert "start: /.+/" in understood.tools[0].parameters["properties"]["input"]["description"]
    calls = [part for turn in understood.turns for part in turn.parts if isinstance(part, hub.ToolUse)]
    assert [call.name for call in calls] == ["apply_patch", "crm__find"]
    assert json.loads(calls[0].arguments) == {"input": PATCH}
    assert understood.choice == hub.Forced("apply_patch")
    assert request.lost == ["tools.format", "tools.web_search", "tools.local_shell"]


@pytest.mark.parametrize("protocol", OTHERS)
def test_the_client_gets_what_it_offered(protocol: Protocol) -> None:
    _, _, names = asked(protocol)
    called = (
        hub.ToolUse("call_3", "apply_patch", wrapped(PATCH)),
        hub.ToolUse("call_4", "crm__find", '{"id": 1}'),
        hub.ToolUse("call_5", "find", "{}"),
    )
    answer = hub.Answer("x", "m", names.restored(called), "tool-use", hub.Usage())
    patch, member, plain = RESPONSES.write_answer(answer)["output"]
    assert (patch["type"], patch["call_id"], patch["name"]) == ("custom_tool_call", "call_3", "apply_patch")
    assert patch["input"] == PATCH
    assert (member["type"], member["namespace"], member["name"]) == ("function_call", "crm", "find")
    assert "namespace" not in plain


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_the_input_of_a_custom_tool_is_streamed_as_it_comes(size: int) -> None:
    encoder = RESPONSES.encoder("m", usage_asked=True)
    arguments = json.dumps({"input": PATCH})
    pieces = [arguments[at : at + size] for at in range(0, len(arguments), size)]
    events: list[hub.Event] = [
        hub.Started("x", "m"),
        hub.Opened(hub.ToolUse("call_1", "apply_patch", custom=True)),
        *map(hub.Delta, pieces),
        hub.Closed(),
        hub.Finished("tool-use", hub.Usage()),
    ]
    written = [json.loads(text.partition("data: ")[2]) for event in events for text in encoder.feed(event)]
    deltas = [event["delta"] for event in written if event["type"] == "response.custom_tool_call_input.delta"]
    assert "".join(deltas) == PATCH
    assert len(deltas) > 1 or size == 1000
    [done] = [event for event in written if event["type"] == "response.custom_tool_call_input.done"]
    [item] = [event["item"] for event in written if event["type"] == "response.output_item.done"]
    assert done["input"] == item["input"] == written[-1]["response"]["output"][0]["input"] == PATCH
    assert item["id"].startswith("ctc_")


@pytest.mark.parametrize("arguments", ["plain words", '{"patch": "x"}', '"x"', "{}", '{"input": 3}'])
def test_a_model_that_writes_something_else_is_taken_at_its_word(arguments: str) -> None:
    unwrapping = Unwrapping()
    assert "".join([*map(unwrapping.feed, arguments), unwrapping.end()]) == unwrapped(arguments) == arguments


def test_a_choice_of_nothing_that_is_left_is_refused() -> None:
    body = {"model": "m", "input": "Hi", "tools": [{"type": "web_search"}], "tool_choice": "required"}
    with pytest.raises(hub.UntranslatableError, match="tool_choice"):
        RESPONSES.read_request(body)
