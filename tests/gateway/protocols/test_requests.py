"""Whatever is asked for comes through a protocol as it was, or what is lost on the way is named or refused."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from gateway.protocols import CODECS, hub
from tests.gateway.protocols.strategies import examples, requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.surfaces import Protocol

HUBS: tuple[Protocol, ...] = ("openai-chat", "openai-responses", "anthropic-messages", "gemini")
every_hub = pytest.mark.parametrize("protocol", HUBS)
every_client = pytest.mark.parametrize("client", HUBS)
SETTINGS = [field.name for field in fields(hub.Request) if field.name not in {"turns", "tools", "lost", "usage_asked"}]
REFUSED: dict[Protocol, set[str]] = {
    "openai-chat": set(),
    "openai-responses": {"stop"},
    "anthropic-messages": set(),
    "gemini": {"messages.content"},  # the addresses of images
}
"""What is refused instead of being lost."""


@every_hub
@examples
@given(asked=requests())
def test_what_does_not_come_through_is_named_or_refused(protocol: Protocol, asked: hub.Request) -> None:
    if arrived := through(protocol, asked):
        assert_same(protocol, asked, arrived)


@every_hub
@every_client
@examples
@given(asked=requests())
def test_a_client_of_one_protocol_asks_a_provider_of_another(
    client: Protocol, protocol: Protocol, asked: hub.Request
) -> None:
    if told := through(client, asked):
        told.lost.clear()
        if arrived := through(protocol, told):
            assert_same(protocol, told, arrived)


def through(protocol: Protocol, request: hub.Request) -> hub.Request | None:
    """Written for a provider, read as from a client, with what its path says; None where it is refused."""
    try:
        body = json.loads(json.dumps(CODECS[protocol].write_request(request)))
    except hub.UntranslatableError as refusal:
        if refusal.field not in REFUSED[protocol]:
            raise
        return None
    return CODECS[protocol].read_request({"model": request.model, "stream": request.stream} | body)


def assert_same(protocol: Protocol, asked: hub.Request, arrived: hub.Request) -> None:
    named, asked, arrived = asked.lost, meant(protocol, asked), meant(protocol, arrived)
    changed = {name for name in SETTINGS if getattr(arrived, name) != getattr(asked, name)}
    assert changed <= set(named), "lost, and nobody was told"
    assert [_tool(tool, named) for tool in arrived.tools] == [_tool(tool, named) for tool in asked.tools]
    assert said(protocol, arrived, named) == said(protocol, asked, named)


def meant(protocol: Protocol, request: hub.Request) -> hub.Request:
    """What the protocol says in other words, or does not have to say."""
    schema = request.schema
    if protocol in {"anthropic-messages", "gemini"}:  # a schema has no name there
        schema = schema and hub.Schema(schema.schema)
    if protocol != "anthropic-messages":
        return replace(request, schema=schema, effort="xhigh" if request.effort == "max" else request.effort)
    return replace(
        request,
        schema=schema,
        limit=request.limit or 4096,  # it has to be said
        effort={"minimal": "low", "none": None}.get(request.effort or "", request.effort),
        choice=request.choice or ("auto" if request.one_call_only else None),
        one_call_only=None if request.choice == "none" else request.one_call_only,
    )


def _tool(tool: hub.Tool, named: Iterable[str]) -> hub.Tool:
    """Not to say whether it is strict is to say that it is not."""
    return replace(tool, strict=bool(tool.strict) and "tools.strict" not in named)


def said(protocol: Protocol, request: hub.Request, named: Iterable[str]) -> list[Any]:
    """The system prompt, and who says what: neighbours of one role are one turn, in which results come first."""
    spoken = [turn for turn in request.turns if turn.role != "system"]
    turns: list[Any] = [request.system]
    for role, group in groupby(spoken, key=lambda turn: turn.role):
        parts = list(_whole(part for turn in group for part in _apart(protocol, turn.parts, named)))
        turns.append((role, sorted(parts, key=lambda part: not isinstance(part, hub.ToolResult))))
    return turns


def _apart(protocol: Protocol, parts: Iterable[hub.Part], named: Iterable[str]) -> Iterator[hub.Part]:
    for part in parts:
        match part:
            case hub.ToolResult():
                yield from _result(protocol, part, named)
            case hub.Document():
                named_so = part.name if "messages.document.name" not in named else ""
                yield replace(part, name=named_so or "document.pdf")
            case hub.Refusal(text) if protocol in {"anthropic-messages", "gemini"}:
                yield hub.Text(text)
            case _:
                yield part


def _result(protocol: Protocol, result: hub.ToolResult, named: Iterable[str]) -> Iterator[hub.Part]:
    """In Chat the results of tools are words alone, in Gemini these come first: what else they show follows."""
    said = tuple(_whole(_apart(protocol, result.parts, named)))
    words = tuple(_whole([hub.Text(result.text)]))
    shown = [part for part in said if not isinstance(part, hub.Text)]
    parts: Any = {"openai-chat": words, "gemini": (*words, *shown)}.get(protocol, said)
    yield hub.ToolResult(result.call_id, parts, result.is_error and "messages.tool_result.is_error" not in named)
    if protocol == "openai-chat":
        yield from shown


def _whole(parts: Iterable[hub.Part]) -> Iterator[hub.Part]:
    """Neighbouring texts are one, and an empty one is none."""
    for is_text, group in groupby(parts, key=lambda part: isinstance(part, hub.Text)):
        if not is_text:
            yield from group
        elif text := "".join(getattr(part, "text", "") for part in group):
            yield hub.Text(text)
